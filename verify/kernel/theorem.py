"""Theorems: obligations with everything irrelevant taken away, so that equal ones are recognised and proved once.

A theorem keeps the conclusion and those hypotheses that share variables with it, directly or through each other
(leaving hypotheses out is sound: it only makes the claim stronger), and renames variables in order of appearance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable
from dataclasses import dataclass

from .term import Term, var


@dataclass(frozen=True)
class Theorem:
    """`conclusion` follows from `hypotheses`, for all values of the variables v0, v1, ..."""

    hypotheses: tuple[Term, ...]
    conclusion: Term
    names: tuple[str, ...]  # what v0, v1, ... were called in the obligation

    def text(self) -> str:
        """The whole statement, names apart: equal texts are equal theorems."""
        lines: list[str] = []
        index: dict[Term, int] = {}
        for root in (self.conclusion, *self.hypotheses):
            for t in post_order(root):
                if t not in index:
                    index[t] = len(lines)
                    args = [f"#{index[a]}" if isinstance(a, Term) else str(a) for a in t.args]
                    lines.append(f"{t.op}{t.width} {' '.join(args)}")
            lines.append(f"root #{index[root]}")
        return "\n".join(lines)

    def digest(self) -> str:
        """SHA-256 of the statement: the name under which proofs are kept."""
        return hashlib.sha256(self.text().encode()).hexdigest()


def post_order(root: Term, known: Container[Term] = ()) -> list[Term]:
    """Every subterm once, operands before the terms that use them; what is `known` is left out with what it uses."""
    done: dict[Term, None] = {}
    stack = [(root, False)]
    while stack:
        t, ready = stack.pop()
        if ready:
            done[t] = None
        elif t not in done and t not in known:
            stack.append((t, True))
            stack.extend((a, False) for a in reversed(t.operands()))
    return list(done)


def variables(root: Term) -> list[Term]:
    return [t for t in post_order(root) if t.op == "var"]


def theorem_of(hypotheses: Iterable[Term], conclusion: Term) -> Theorem:
    """The theorem that an obligation asks for."""
    relevant = _cone(list(dict.fromkeys(hypotheses)), conclusion)
    names: dict[Term, Term] = {}
    for root in (conclusion, *relevant):
        for v in variables(root):
            if v not in names:
                names[v] = var(f"v{len(names)}", v.width)
    memo: dict[Term, Term] = dict(names)
    renamed = [_rename(t, memo) for t in (conclusion, *relevant)]
    return Theorem(tuple(renamed[1:]), renamed[0], tuple(str(v.args[0]) for v in names))


def _cone(hypotheses: list[Term], conclusion: Term) -> list[Term]:
    reached = set(variables(conclusion))
    open_ones = [(h, set(variables(h))) for h in hypotheses]
    chosen: set[Term] = set()
    grew = True
    while grew:
        grew = False
        for h, used in open_ones:
            if h not in chosen and (used & reached or not used):
                chosen.add(h)
                reached |= used
                grew = True
    return [h for h in hypotheses if h in chosen]


def _rename(root: Term, memo: dict[Term, Term]) -> Term:
    for t in post_order(root):
        if t not in memo:
            memo[t] = t.with_args(tuple(memo[a] if isinstance(a, Term) else a for a in t.args))
    return memo[root]
