"""Finds LRAT proofs: by unit propagation where that is enough, else CaDiCaL refutes the kernel's clauses, and its DRUP
proof gets hints and is trimmed here.

Untrusted: the kernel's checker (kernel/lrat.py) decides whether a proof is one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import NamedTuple

from pysat.solvers import Cadical153

from ..kernel.bitblast import Clause, clauses_of
from ..kernel.lrat import Step
from ..kernel.theorem import Theorem

_CONFLICTS = 5_000  # ordinary theorems take some hundred; what needs many more, like sums reordered, needs far too many


def find_proof(theorem: Theorem) -> list[Step] | None:
    """A proof that the theorem's clauses are unsatisfiable; None if they are not, or no proof was found."""
    clauses = clauses_of(theorem)
    propagation = _Propagation(clauses)
    lemmas = [[]] if propagation.explain([]) else _refute(clauses)
    return None if lemmas is None else _with_hints(propagation, lemmas)


def _refute(clauses: Sequence[Clause]) -> list[list[int]] | None:
    """The lemmas of CaDiCaL's proof, the empty one last; None if it finds none."""
    with Cadical153(bootstrap_with=clauses, with_proof=True) as solver:
        solver.conf_budget(_CONFLICTS)
        if solver.solve_limited() is not False:
            return None
        lines = solver.get_proof() or []
    return [*([int(x) for x in line.split()[:-1]] for line in lines if line.strip() and not line.startswith("d")), []]


def add_hints(clauses: Sequence[Sequence[int]], lemmas: Iterable[Sequence[int]]) -> list[Step] | None:
    """Say for each lemma which clauses it follows from, up to the first empty one; keep only what that one needs.

    None if a lemma does not follow by unit propagation, or none is empty.
    """
    return _with_hints(_Propagation(clauses), lemmas)


def _with_hints(propagation: _Propagation, lemmas: Iterable[Sequence[int]]) -> list[Step] | None:
    given = len(propagation.clauses)
    explained: list[tuple[Sequence[int], _Conflict]] = []
    for lemma in lemmas:
        conflict = propagation.explain(lemma)
        if conflict is None:
            return None
        explained.append((lemma, conflict))
        if not lemma:
            return _needed(propagation, given, explained)
        propagation.add(lemma)
    return None


def _needed(propagation: _Propagation, given: int, explained: list[tuple[Sequence[int], _Conflict]]) -> list[Step]:
    """Only the steps that the last one needs, with their hints, renumbered."""
    hints = {given + len(explained): propagation.hints(explained[-1][1])}
    for number in range(given + len(explained), given, -1):
        for hint in hints.get(number, ()):
            if hint > given and hint not in hints:
                hints[hint] = propagation.hints(explained[hint - given - 1][1])
    new = {number: given + 1 + i for i, number in enumerate(sorted(hints))}
    return [(list(explained[n - given - 1][0]), [new.get(h, h) for h in hints[n]]) for n in sorted(hints)]


class _Conflict(NamedTuple):
    """A clause (by index) that is false, and why literals were true that are not any more, by literal."""

    clause: int
    reasons: Mapping[int, _Reason]


class _Reason(NamedTuple):
    """Why a literal is true: its place in the order of deduction, and the clause (by index); None: it is assumed."""

    place: int
    clause: int | None


class _Propagation:
    """Unit propagation with reasons. What follows without assumptions is kept; assumptions are undone."""

    def __init__(self, clauses: Iterable[Sequence[int]]) -> None:
        self.clauses = list(clauses)
        self._with: defaultdict[int, list[int]] = defaultdict(list)  # literal -> clauses (by index) that contain it
        self._true: dict[int, _Reason] = {}  # by literal, in the order of deduction
        for index, clause in enumerate(self.clauses):
            for literal in clause:
                self._with[literal].append(index)
        self._conflict = self._propagate([i for i, clause in enumerate(self.clauses) if len(clause) < 2])

    def add(self, clause: Sequence[int]) -> None:
        index = len(self.clauses)
        self.clauses.append(clause)
        for literal in clause:
            self._with[literal].append(index)
        if self._conflict is None:
            self._conflict = self._propagate([index])

    def explain(self, lemma: Sequence[int]) -> _Conflict | None:
        """The conflict that follows from the lemma's negation; None if none does."""
        if self._conflict is not None:
            return _Conflict(self._conflict, {})
        mark = len(self._true)
        conflict = None
        for literal in lemma:
            if literal in self._true:  # the lemma holds already: what made it true contradicts its negation
                conflict = self._true[literal].clause
                break
            self._true.setdefault(-literal, _Reason(len(self._true), None))
        if conflict is None:
            assumed = list(islice(self._true, mark, None))
            conflict = self._propagate([i for x in assumed for i in self._with[-x]])
        undone = dict(self._true.popitem() for _ in range(len(self._true) - mark))
        return None if conflict is None else _Conflict(conflict, undone)

    def _propagate(self, queue: list[int]) -> int | None:
        """Follow unit clauses, older ones first (such proofs compress better); the index of a false clause, if any."""
        true = self._true
        heapify(queue)
        while queue:
            index = heappop(queue)
            unit = None
            for literal in self.clauses[index]:
                if literal in true:
                    break
                if -literal not in true:
                    if unit is not None:
                        break
                    unit = literal
            else:
                if unit is None:
                    return index
                true[unit] = _Reason(len(true), index)
                for other in self._with[-unit]:
                    heappush(queue, other)
        return None

    def hints(self, conflict: _Conflict) -> list[int]:
        """The numbers (from 1) of the clauses that lead to the conflict, in the order in which they became units."""
        places: dict[int, int] = {}  # by clause
        pending = [-x for x in self.clauses[conflict.clause]]
        seen: set[int] = set()
        while pending:
            literal = pending.pop()
            if literal not in seen:
                seen.add(literal)
                reason = conflict.reasons.get(literal) or self._true.get(literal)
                if reason is not None and reason.clause is not None:
                    places[reason.clause] = reason.place
                    pending += [-x for x in self.clauses[reason.clause] if x != literal]
        places.pop(conflict.clause, None)
        return [index + 1 for index in (*sorted(places, key=places.__getitem__), conflict.clause)]
