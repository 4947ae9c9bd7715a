"""Theorems: obligations with everything irrelevant taken away, so that equal ones are recognised and proved once.

A theorem keeps the conclusion and those hypotheses that share variables with it, directly or through each other
(leaving hypotheses out is sound: it only makes the claim stronger). What variables are called does not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable
from dataclasses import dataclass
from functools import lru_cache

from .term import TRUE, Term

_REMEMBERED = 1 << 16


@dataclass(frozen=True)
class Theorem:
    """`conclusion` follows from `hypotheses`, for all values of the variables."""

    hypotheses: tuple[Term, ...]
    conclusion: Term

    def text(self) -> str:
        """The whole statement, a line for each subterm, without the names of variables: equal texts, equal theorems."""
        lines: list[str] = []
        line: dict[Term, str] = {}
        for root in (self.conclusion, *self.hypotheses):
            for t in post_order(root, line):
                line[t] = f"#{len(lines)}"
                args = () if t.op == "var" else [line[a] if isinstance(a, Term) else str(a) for a in t.args]
                lines.append(f"{t.op}{t.width} {' '.join(args)}")
            lines.append(f"root {line[root]}")
        return "\n".join(lines)

    def digest(self) -> str:
        """SHA-256 of the statement: the name under which proofs are kept."""
        return _digest(self)


@lru_cache(_REMEMBERED)
def _digest(theorem: Theorem) -> str:
    return hashlib.sha256(theorem.text().encode()).hexdigest()


def post_order(root: Term, known: Container[Term] = ()) -> list[Term]:
    """Every subterm once, operands before the terms that use them; what is `known` is left out with what it uses."""
    done: dict[Term, None] = {}
    stack = [root]
    while stack:
        missing = [a for a in stack[-1].operands if a not in done and a not in known]
        if missing:
            stack += reversed(missing)
        else:
            done[stack.pop()] = None
    return [] if root in known else list(done)


@lru_cache(_REMEMBERED)
def variables(root: Term) -> frozenset[Term]:
    return frozenset(t for t in post_order(root) if t.op == "var")


def theorem_of(hypotheses: Iterable[Term], conclusion: Term) -> Theorem:
    """The theorem that an obligation asks for."""
    given = [h for h in dict.fromkeys(hypotheses) if h is not TRUE]
    reached = variables(conclusion)
    chosen = {h for h in given if not variables(h)}  # constants: a contradiction is relevant to everything
    while found := [h for h in given if h not in chosen and variables(h) & reached]:
        chosen.update(found)
        reached = reached.union(*map(variables, found))
    return Theorem(tuple(h for h in given if h in chosen), conclusion)
