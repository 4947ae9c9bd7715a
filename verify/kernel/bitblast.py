"""A theorem as clauses: satisfiable exactly if it is false, so that a refutation of the clauses proves the theorem.

Literals are non-zero ints as in DIMACS; literal 1 is true (clause 1 says so). Each gate gets one variable (Tseitin),
equal gates the same one. The clauses and their order depend on the theorem alone.
"""

from __future__ import annotations

from functools import lru_cache, reduce
from itertools import count

from .term import Term
from .theorem import Theorem, post_order

Clause = tuple[int, ...]
Bits = list[int]  # least significant first
TRUE, FALSE = 1, -1


@lru_cache(4)  # who looks for a proof has just asked for the same clauses
def clauses_of(theorem: Theorem) -> tuple[Clause, ...]:
    """The hypotheses, and the negated conclusion."""
    blaster = _Blaster()
    for hypothesis in theorem.hypotheses:
        blaster.clauses.append((blaster.bits(hypothesis)[0],))
    blaster.clauses.append((-blaster.bits(theorem.conclusion)[0],))
    return tuple(blaster.clauses)


class _Blaster:
    def __init__(self) -> None:
        self.clauses: list[Clause] = [(TRUE,)]
        self._unused = count(TRUE + 1)
        self._gates: dict[tuple[str, int, int], int] = {}
        self._bits: dict[Term, Bits] = {}

    def bits(self, term: Term) -> Bits:
        for t in post_order(term, self._bits):
            self._bits[t] = self._operation(t, [self._bits[a] for a in t.operands])
        return self._bits[term]

    # -- gates ---------------------------------------------------------------------------------------------------

    def _and(self, a: int, b: int) -> int:
        if abs(a) > abs(b):
            a, b = b, a
        if a in (FALSE, -b):
            return FALSE
        if a in (TRUE, b):
            return b
        key = ("and", a, b)
        if key not in self._gates:
            v = self._gates[key] = next(self._unused)
            self.clauses += [(-v, a), (-v, b), (v, -a, -b)]
        return self._gates[key]

    def _or(self, a: int, b: int) -> int:
        return -self._and(-a, -b)

    def _xor(self, a: int, b: int) -> int:
        sign = 1 if (a > 0) == (b > 0) else -1
        a, b = sorted((abs(a), abs(b)))
        if a == b:
            return FALSE * sign
        if a == TRUE:
            return -b * sign
        key = ("xor", a, b)
        if key not in self._gates:
            v = self._gates[key] = next(self._unused)
            self.clauses += [(-v, a, b), (-v, -a, -b), (v, -a, b), (v, a, -b)]
        return self._gates[key] * sign

    def _mux(self, condition: int, a: int, b: int) -> int:
        return self._or(self._and(condition, a), self._and(-condition, b))

    # -- words ---------------------------------------------------------------------------------------------------

    def _operation(self, t: Term, operands: list[Bits]) -> Bits:
        match t.op, operands:
            case "const", []:
                return [TRUE if t.args[0] >> i & 1 else FALSE for i in range(t.width)]
            case "var", []:
                return [next(self._unused) for _ in range(t.width)]
            case "extract", [a]:
                return a[t.args[1] :][: t.width]
            case "concat", [high, low]:
                return low + high
            case "sext", [a]:
                return a + [a[-1]] * (t.width - len(a))
            case "not", [a]:
                return [-x for x in a]
            case "and", [a, b]:
                return [self._and(x, y) for x, y in zip(a, b, strict=True)]
            case "or", [a, b]:
                return [self._or(x, y) for x, y in zip(a, b, strict=True)]
            case "xor", [a, b]:
                return [self._xor(x, y) for x, y in zip(a, b, strict=True)]
            case "ite", [[condition], a, b]:
                return [self._mux(condition, x, y) for x, y in zip(a, b, strict=True)]
            case "add", [a, b]:
                carries = self._carries(a, b, FALSE)[:-1]
                return [self._xor(self._xor(x, y), c) for x, y, c in zip(a, b, carries, strict=True)]
            case "ult", [a, b]:  # a - b borrows: a + not b + 1 carries nothing out
                return [-self._carries(a, [-y for y in b], TRUE)[-1]]
            case "eq", [a, b]:
                differences = [self._xor(x, y) for x, y in zip(a, b, strict=True)]
                return [-reduce(self._or, differences, FALSE)]
            case "shl", [a, by]:
                return self._shift_right(a[::-1], by, FALSE)[::-1]
            case "lshr", [a, by]:
                return self._shift_right(a, by, FALSE)
            case "ashr", [a, by]:
                return self._shift_right(a, by, a[-1])
        raise ValueError(f"no clauses for {t.op}")

    def _carries(self, a: Bits, b: Bits, carry: int) -> Bits:
        """The carry into each bit of a + b, and out of the last."""
        carries = [carry]
        for x, y in zip(a, b, strict=True):
            carry = self._or(self._and(x, y), self._and(self._or(x, y), carry))
            carries.append(carry)
        return carries

    def _shift_right(self, a: Bits, by: Bits, fill: int) -> Bits:
        """By 1, 2, 4 ... for each bit of `by`: the fifth bit and higher ones move `fill` to all of 32 bits."""
        for stage, bit in enumerate(by):
            n = min(1 << stage, len(a))
            if bit != FALSE:
                a = [self._mux(bit, x, y) for x, y in zip(a[n:] + [fill] * n, a, strict=True)]
        return a
