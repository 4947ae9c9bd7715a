"""A theorem as clauses: satisfiable exactly if it is false, so that a refutation of the clauses proves the theorem.

Literals are non-zero ints as in DIMACS; literal 1 is true (clause 1 says so). Each gate gets one variable (Tseitin),
equal gates the same one. The clauses and their order depend on the theorem alone.
"""

from __future__ import annotations

from collections.abc import Callable

from .term import Term
from .theorem import Theorem, post_order

Clause = tuple[int, ...]
Bits = list[int]  # least significant first
TRUE, FALSE = 1, -1


def clauses_of(theorem: Theorem) -> list[Clause]:
    """The hypotheses, and the negated conclusion."""
    blaster = _Blaster()
    for hypothesis in theorem.hypotheses:
        blaster.clauses.append((blaster.bits(hypothesis)[0],))
    blaster.clauses.append((-blaster.bits(theorem.conclusion)[0],))
    return blaster.clauses


class _Blaster:
    def __init__(self) -> None:
        self.clauses: list[Clause] = [(TRUE,)]
        self._last = TRUE
        self._gates: dict[tuple[str, int, int], int] = {}
        self._bits: dict[Term, Bits] = {}

    def bits(self, term: Term) -> Bits:
        for t in post_order(term):
            if t not in self._bits:
                self._bits[t] = self._node(t)
        return self._bits[term]

    # -- gates ---------------------------------------------------------------------------------------------------

    def _new(self) -> int:
        self._last += 1
        return self._last

    def and_(self, a: int, b: int) -> int:
        if FALSE in (a, b) or a == -b:
            return FALSE
        if b in (TRUE, a):
            return a
        if a == TRUE:
            return b
        key = ("and", min(a, b), max(a, b))
        if key not in self._gates:
            v = self._gates[key] = self._new()
            self.clauses += [(-v, a), (-v, b), (v, -a, -b)]
        return self._gates[key]

    def or_(self, a: int, b: int) -> int:
        return -self.and_(-a, -b)

    def xor(self, a: int, b: int) -> int:
        sign = -1 if (a < 0) != (b < 0) else 1
        a, b = sorted((abs(a), abs(b)))
        if a == b:
            return FALSE * sign
        if a == TRUE:
            return -b * sign
        key = ("xor", a, b)
        if key not in self._gates:
            v = self._gates[key] = self._new()
            self.clauses += [(-v, a, b), (-v, -a, -b), (v, -a, b), (v, a, -b)]
        return self._gates[key] * sign

    def mux(self, condition: int, a: int, b: int) -> int:
        return self.or_(self.and_(condition, a), self.and_(-condition, b))

    # -- terms ---------------------------------------------------------------------------------------------------

    def _node(self, t: Term) -> Bits:
        if t.op == "const":
            return [TRUE if t.args[0] >> i & 1 else FALSE for i in range(t.width)]
        if t.op == "var":
            return [self._new() for _ in range(t.width)]
        arguments = [self._bits[a] for a in t.operands()]
        if t.op == "extract":
            return arguments[0][t.args[1] : t.args[1] + t.width]
        if t.op == "sext":
            return arguments[0] + [arguments[0][-1]] * (t.width - len(arguments[0]))
        operation: Callable[..., Bits] = _OPERATIONS[t.op]
        return operation(self, *arguments)

    def _not(self, a: Bits) -> Bits:
        return [-x for x in a]

    def _and(self, a: Bits, b: Bits) -> Bits:
        return [self.and_(x, y) for x, y in zip(a, b, strict=True)]

    def _or(self, a: Bits, b: Bits) -> Bits:
        return [self.or_(x, y) for x, y in zip(a, b, strict=True)]

    def _xor(self, a: Bits, b: Bits) -> Bits:
        return [self.xor(x, y) for x, y in zip(a, b, strict=True)]

    def _add(self, a: Bits, b: Bits) -> Bits:
        total, carry = [], FALSE
        for x, y in zip(a, b, strict=True):
            half = self.xor(x, y)
            total.append(self.xor(half, carry))
            carry = self.or_(self.and_(x, y), self.and_(half, carry))
        return total

    def _eq(self, a: Bits, b: Bits) -> Bits:
        result = TRUE
        for x, y in zip(a, b, strict=True):
            result = self.and_(result, -self.xor(x, y))
        return [result]

    def _ult(self, a: Bits, b: Bits) -> Bits:
        less = FALSE
        for x, y in zip(a, b, strict=True):  # the highest bit that differs decides
            less = self.mux(self.xor(x, y), y, less)
        return [less]

    def _ite(self, condition: Bits, a: Bits, b: Bits) -> Bits:
        return [self.mux(condition[0], x, y) for x, y in zip(a, b, strict=True)]

    def _concat(self, high: Bits, low: Bits) -> Bits:
        return low + high

    def _shift(self, a: Bits, by: Bits, left: bool, fill: int) -> Bits:
        """By 1, 2, 4 ... for the low bits of `by`; any of its other bits set shifts everything out."""
        width, stages = len(a), (len(a) - 1).bit_length()
        for stage in range(stages):
            n = min(1 << stage, width)
            moved = [fill] * n + a[: width - n] if left else a[n:] + [fill] * n
            a = [self.mux(by[stage], x, y) for x, y in zip(moved, a, strict=True)]
        out = FALSE
        for bit in by[stages:]:
            out = self.or_(out, bit)
        return [self.mux(out, fill, x) for x in a]

    def _shl(self, a: Bits, by: Bits) -> Bits:
        return self._shift(a, by, left=True, fill=FALSE)

    def _lshr(self, a: Bits, by: Bits) -> Bits:
        return self._shift(a, by, left=False, fill=FALSE)

    def _ashr(self, a: Bits, by: Bits) -> Bits:
        return self._shift(a, by, left=False, fill=a[-1])


_OPERATIONS: dict[str, Callable[..., Bits]] = {
    "not": _Blaster._not,
    "and": _Blaster._and,
    "or": _Blaster._or,
    "xor": _Blaster._xor,
    "add": _Blaster._add,
    "eq": _Blaster._eq,
    "ult": _Blaster._ult,
    "ite": _Blaster._ite,
    "concat": _Blaster._concat,
    "shl": _Blaster._shl,
    "lshr": _Blaster._lshr,
    "ashr": _Blaster._ashr,
}
