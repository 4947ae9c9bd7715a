"""Finds LRAT proofs: CaDiCaL refutes the kernel's clauses, and its DRUP proof gets hints and is trimmed here.

Untrusted: the kernel's checker (kernel/lrat.py) decides whether a proof is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pysat.solvers import Cadical153

from ..kernel.bitblast import clauses_of
from ..kernel.lrat import Step
from ..kernel.theorem import Theorem
from .solvers import prove

_CONFLICTS = 5_000  # ordinary theorems take some hundred; z3 rewrites what is far beyond clauses, like sums reordered


def find_proof(theorem: Theorem) -> list[Step] | None:
    """A proof of the theorem, or None. z3 decides first, since it stops in time on what is hard."""
    return refutation(theorem) if prove(theorem) else None


def refutation(theorem: Theorem) -> list[Step] | None:
    """A proof that the theorem's clauses are unsatisfiable; None if they are not, or no proof was found."""
    clauses = clauses_of(theorem)
    with Cadical153(bootstrap_with=[list(c) for c in clauses], with_proof=True) as solver:
        solver.conf_budget(_CONFLICTS)
        if solver.solve_limited() is not False:
            return None
        lines = solver.get_proof() or []
    lemmas = [[int(x) for x in line.split()[:-1]] for line in lines if line.strip() and not line.startswith("d")]
    return add_hints(clauses, [*lemmas, []])


def add_hints(clauses: Sequence[Sequence[int]], lemmas: Iterable[Sequence[int]]) -> list[Step] | None:
    """Say for each lemma which clauses it follows from, up to the first empty one; keep only what that one needs.

    None if a lemma does not follow by unit propagation, or none is empty.
    """
    propagation = _Propagation()
    for clause in clauses:
        propagation.add(clause)
    steps: list[Step] = []
    for lemma in lemmas:
        hints = propagation.explain(lemma)
        if hints is None:
            return None
        steps.append((list(lemma), hints))
        if not lemma or propagation.conflict_without_assumptions:
            if lemma:
                steps.append(([], propagation.explain([]) or []))
            return _trim(len(clauses), steps)
        propagation.add(lemma)
    return None


def _trim(given: int, steps: list[Step]) -> list[Step]:
    """Only the steps that the last one needs, renumbered."""
    needed = {given + len(steps)}
    for number in range(given + len(steps), given, -1):
        if number in needed:
            needed.update(h for h in steps[number - given - 1][1] if h > given)
    new = {number: given + 1 + i for i, number in enumerate(sorted(needed))}
    kept = [steps[number - given - 1] for number in sorted(needed)]
    return [(literals, [new.get(h, h) for h in hints]) for literals, hints in kept]


class _Propagation:
    """Unit propagation with reasons. What follows without assumptions is kept; assumptions are undone."""

    def __init__(self) -> None:
        self.clauses: list[tuple[int, ...]] = []
        self._with: dict[int, list[int]] = {}  # literal -> clauses (by index) that contain it
        self._true: dict[int, int | None] = {}  # literal -> index of the clause it follows from; None: assumed
        self._trail: list[int] = []
        self._conflict: int | None = None

    @property
    def conflict_without_assumptions(self) -> bool:
        return self._conflict is not None

    def add(self, clause: Sequence[int]) -> None:
        index = len(self.clauses)
        self.clauses.append(tuple(dict.fromkeys(clause)))
        for literal in self.clauses[index]:
            self._with.setdefault(literal, []).append(index)
        if self._conflict is None:
            self._conflict = self._propagate([index])

    def explain(self, lemma: Sequence[int]) -> list[int] | None:
        """Numbers (from 1) of the clauses from which the lemma follows, in order; None if it does not."""
        if self._conflict is not None:
            return self._hints(self._conflict)
        mark = len(self._trail)
        conflict = None
        for literal in lemma:
            if literal in self._true:  # the lemma holds already: what made it true contradicts its negation
                conflict = self._true[literal]
                break
            if -literal not in self._true:
                self._true[-literal] = None
                self._trail.append(-literal)
        if conflict is None:
            touched = [i for x in self._trail[mark:] for i in self._with.get(-x, ())]
            conflict = self._propagate(touched)
        hints = None if conflict is None else self._hints(conflict)
        for literal in self._trail[mark:]:
            del self._true[literal]
        del self._trail[mark:]
        return hints

    def _propagate(self, queue: list[int]) -> int | None:
        """Follow unit clauses; the index of a false clause, if one is found."""
        for index in queue:  # grows
            unit = None
            for literal in self.clauses[index]:
                if literal in self._true:
                    break
                if -literal not in self._true:
                    if unit is not None:
                        break
                    unit = literal
            else:
                if unit is None:
                    return index
                self._true[unit] = index
                self._trail.append(unit)
                queue.extend(self._with.get(-unit, ()))
        return None

    def _hints(self, conflict: int) -> list[int]:
        """The clauses that lead to the conflict, in the order in which they became units."""
        used = {conflict}
        pending = [-x for x in self.clauses[conflict]]
        seen: set[int] = set()
        while pending:
            literal = pending.pop()
            reason = self._true.get(literal)
            if literal not in seen and reason is not None and reason not in used:
                used.add(reason)
                pending += [-x for x in self.clauses[reason] if x != literal]
            seen.add(literal)
        order = {self._true[x]: i for i, x in enumerate(self._trail) if self._true[x] is not None}
        order[conflict] = len(self._trail)
        return [index + 1 for index in sorted(used, key=lambda i: order.get(i, -1))]
