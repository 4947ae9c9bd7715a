"""LRAT proofs (Cruz-Filipe et al., CADE 2017) without deletion and without RAT steps: yes or no.

A step is (literals, hints): the clause `literals` follows by unit propagation along the clauses named by `hints`.
Clauses are numbered from 1: the given ones first, then one for each step. A proof is good if every step is and
one of them is the empty clause.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Step = tuple[Sequence[int], Sequence[int]]
_LONGEST = 256  # literals of a step: the time to check is then bounded by the length of the proof


def refutes(clauses: Iterable[Sequence[int]], proof: Iterable[Step]) -> bool:
    """Whether `proof` shows that the clauses cannot all be true."""
    known = list(clauses)
    for literals, hints in proof:
        if len(literals) > _LONGEST or not _follows(known, literals, hints):
            return False
        if not literals:
            return True
        known.append(literals)
    return False


def _follows(known: Sequence[Sequence[int]], literals: Sequence[int], hints: Sequence[int]) -> bool:
    """Assume all `literals` false; each hint must then be a unit clause, the last one a false clause."""
    false = set(literals)
    for hint in hints:
        if not 1 <= hint <= len(known):
            return False
        left = {x for x in known[hint - 1] if x not in false}
        if len(left) != 1:
            return not left
        false.add(-left.pop())
    return False
