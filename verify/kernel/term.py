"""Bit-vector terms: hash-consed, simplified by their constructors, with an evaluator.

A term is an unsigned bit-vector of `width` bits; a boolean is a term of width 1. Terms are compared by identity:
structurally equal terms are the same object. Constructors only apply equations that hold for every value of the
variables (tests/verify/kernel/test_term.py checks each against the evaluator and against z3).

Operations: const var add and or xor not shl lshr ashr eq ult ite extract concat sext.
Normal forms relied upon elsewhere: `base + const` (the constant outermost, see `split`), `(x & m) | c` with m & c == 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class Term:
    """One node; make it only through the constructors below."""

    __slots__ = ("args", "op", "width")

    def __init__(self, op: str, width: int, args: tuple[Any, ...]) -> None:
        self.op = op
        self.width = width
        self.args = args

    @property
    def value(self) -> int | None:
        """The number, if the term is a constant."""
        return self.args[0] if self.op == "const" else None

    def operands(self) -> tuple[Term, ...]:
        return tuple(a for a in self.args if isinstance(a, Term))

    def with_args(self, args: tuple[Any, ...]) -> Term:
        """The same operation on other arguments, not simplified."""
        return _make(self.op, self.width, *args)

    def __repr__(self) -> str:
        if self.op == "const":
            return f"{self.args[0]:#x}"
        if self.op == "var":
            return str(self.args[0])
        return f"({self.op}{'' if self.width == 32 else self.width} {' '.join(map(repr, self.args))})"


_INTERNED: dict[tuple[object, ...], Term] = {}


def _make(op: str, width: int, *args: Term | int | str) -> Term:
    key = (op, width, *args)
    term = _INTERNED.get(key)
    if term is None:
        term = _INTERNED[key] = Term(op, width, args)
    return term


def const(value: int, width: int = 32) -> Term:
    return _make("const", width, value & ((1 << width) - 1))


def var(name: str, width: int = 32) -> Term:
    return _make("var", width, name)


TRUE, FALSE = const(1, 1), const(0, 1)


def _ordered(a: Term, b: Term) -> tuple[Term, Term]:
    """Operands of a commutative operation: a constant goes last, the rest by age of the object."""
    if a.op == "const":
        return b, a
    return a, b


def split(t: Term) -> tuple[Term | None, int]:
    """(base, offset) with t == base + offset modulo 2^width; base is None for a constant."""
    if t.op == "const":
        return None, t.args[0]
    if t.op == "add" and t.args[1].op == "const":
        return t.args[0], t.args[1].args[0]
    return t, 0


def add(a: Term, b: Term) -> Term:
    (x, m), (y, n) = split(a), split(b)
    offset = const(m + n, a.width)
    if x is None or y is None:
        base = y if x is None else x
        if base is None:
            return offset
    elif x is not_(y):
        return const(m + n - 1, a.width)
    else:
        base = _make("add", a.width, x, y)
    return base if offset.value == 0 else _make("add", a.width, base, offset)


def sub(a: Term, b: Term) -> Term:
    return const(0, a.width) if a is b else add(add(a, not_(b)), const(1, a.width))


def not_(a: Term) -> Term:
    if a.op == "const":
        return const(~a.args[0], a.width)
    if a.op == "not":
        inner: Term = a.args[0]
        return inner
    if a.op == "add" and a.args[1].op == "const":
        # ~(x + c) == ~x - c keeps constants outermost
        return add(not_(a.args[0]), const(-a.args[1].args[0], a.width))
    return _make("not", a.width, a)


def and_(a: Term, b: Term) -> Term:
    a, b = _ordered(a, b)
    if b.op == "const":
        mask: int = b.args[0]
        if a.op == "const":
            return const(a.args[0] & mask, a.width)
        if mask == 0:
            return b
        if mask == (1 << a.width) - 1:
            return a
        if a.op == "and" and a.args[1].op == "const":
            return and_(a.args[0], and_(a.args[1], b))
        if a.op == "or" and a.args[1].op == "const":
            return or_(and_(a.args[0], b), and_(a.args[1], b))
        if a.op == "concat" and a.args[0].op == "const":
            low: Term = a.args[1]
            if mask & ((1 << low.width) - 1) == (1 << low.width) - 1:
                return concat(and_(a.args[0], const(mask >> low.width, a.width - low.width)), low)
    elif a is b:
        return a
    elif a is not_(b):
        return const(0, a.width)
    return _make("and", a.width, a, b)


def or_(a: Term, b: Term) -> Term:
    a, b = _ordered(a, b)
    if b.op == "const":
        bits: int = b.args[0]
        if a.op == "const":
            return const(a.args[0] | bits, a.width)
        if bits == 0:
            return a
        if bits == (1 << a.width) - 1:
            return b
        if a.op == "or" and a.args[1].op == "const":
            return or_(a.args[0], or_(a.args[1], b))
        if a.op == "and" and a.args[1].op == "const" and a.args[1].args[0] & bits:
            return or_(and_(a.args[0], const(a.args[1].args[0] & ~bits, a.width)), b)
    elif a is b:
        return a
    elif a is not_(b):
        return const(-1, a.width)
    return _make("or", a.width, a, b)


def xor(a: Term, b: Term) -> Term:
    a, b = _ordered(a, b)
    if a is b:
        return const(0, a.width)
    if b.op == "const":
        if a.op == "const":
            return const(a.args[0] ^ b.args[0], a.width)
        if b.args[0] == 0:
            return a
        if b.args[0] == (1 << a.width) - 1:
            return not_(a)
    return _make("xor", a.width, a, b)


def _shift(op: str, a: Term, by: Term, fold: Callable[[int, int, int], int]) -> Term:
    if by.op == "const":
        if a.op == "const":
            return const(fold(a.args[0], by.args[0], a.width), a.width)
        if by.args[0] == 0:
            return a
        if op != "ashr" and by.args[0] >= a.width:
            return const(0, a.width)
    return _make(op, a.width, a, by)


def shl(a: Term, by: Term) -> Term:
    """Shift left; `by` has the same width and is NOT taken modulo it: 32 and more give 0."""
    return _shift("shl", a, by, lambda x, n, w: x << n if n < w else 0)


def lshr(a: Term, by: Term) -> Term:
    return _shift("lshr", a, by, lambda x, n, w: x >> n if n < w else 0)


def ashr(a: Term, by: Term) -> Term:
    """Arithmetic shift right; amounts of the width and more give copies of the sign."""
    return _shift("ashr", a, by, lambda x, n, w: signed(x, w) >> min(n, w))


def ror(a: Term, by: Term) -> Term:
    """Rotate right by `by` modulo the width (a power of two)."""
    amount = and_(by, const(a.width - 1, a.width))
    back = and_(sub(const(0, a.width), amount), const(a.width - 1, a.width))
    return or_(lshr(a, amount), shl(a, back))


def eq(a: Term, b: Term) -> Term:
    (x, m), (y, n) = split(a), split(b)
    if x is y:
        return const(m == n, 1)
    if a.width == 1:
        return not_(xor(a, b))
    if x is None:  # b is not a constant then
        return eq(b, a)
    left, offset = x, const(n - m, a.width)  # the offset goes to the right-hand side
    right = offset if y is None else add(y, offset)
    if right.op == "const" and left.op == "concat" and left.args[0].op == "const":
        low: Term = left.args[1]
        if right.args[0] >> low.width != left.args[0].args[0]:
            return FALSE
        return eq(low, const(right.args[0], low.width))
    return _make("eq", 1, left, right)


def ult(a: Term, b: Term) -> Term:
    """Unsigned a < b."""
    if a.op == "const" and b.op == "const":
        return const(a.args[0] < b.args[0], 1)
    if a is b or b.value == 0:
        return FALSE
    return _make("ult", 1, a, b)


def ule(a: Term, b: Term) -> Term:
    return not_(ult(b, a))


def slt(a: Term, b: Term) -> Term:
    top = const(1 << (a.width - 1), a.width)
    return ult(xor(a, top), xor(b, top))


def ite(condition: Term, a: Term, b: Term) -> Term:
    if condition.op == "const":
        return a if condition.args[0] else b
    if a is b:
        return a
    if condition.op == "not":
        condition, a, b = condition.args[0], b, a
    if a.op == "ite" and a.args[0] is condition:
        a = a.args[1]
    if b.op == "ite" and b.args[0] is condition:
        b = b.args[2]
    if a is b:
        return a
    if a.width == 1:
        return or_(and_(condition, a), and_(not_(condition), b))
    return _make("ite", a.width, condition, a, b)


def extract(a: Term, low: int, width: int) -> Term:
    """Bits low .. low + width - 1."""
    if width == a.width:
        return a
    if a.op == "const":
        return const(a.args[0] >> low, width)
    if a.op == "concat":
        right: Term = a.args[1]
        if low + width <= right.width:
            return extract(right, low, width)
        if low >= right.width:
            return extract(a.args[0], low - right.width, width)
    if a.op == "extract":
        return extract(a.args[0], low + a.args[1], width)
    return _make("extract", width, a, low)


def concat(high: Term, low: Term) -> Term:
    if high.op == "const" and low.op == "const":
        return const(high.args[0] << low.width | low.args[0], high.width + low.width)
    return _make("concat", high.width + low.width, high, low)


def zext(a: Term, width: int = 32) -> Term:
    return a if a.width == width else concat(const(0, width - a.width), a)


def sext(a: Term, width: int = 32) -> Term:
    if a.width == width:
        return a
    if a.op == "const":
        return const(signed(a.args[0], a.width), width)
    return _make("sext", width, a)


def signed(value: int, width: int = 32) -> int:
    """The two's complement reading of an unsigned value of `width` bits."""
    return value - (1 << width) if value >> (width - 1) else value


_EVALUATORS: dict[str, Callable[..., int]] = {
    "add": lambda w, a, b: a + b,
    "and": lambda w, a, b: a & b,
    "or": lambda w, a, b: a | b,
    "xor": lambda w, a, b: a ^ b,
    "not": lambda w, a: ~a,
    "shl": lambda w, a, n: a << n if n < w else 0,
    "lshr": lambda w, a, n: a >> n,
    "ashr": lambda w, a, n: signed(a, w) >> n,
    "eq": lambda w, a, b: a == b,
    "ult": lambda w, a, b: a < b,
    "ite": lambda w, c, a, b: a if c else b,
}


def evaluate(term: Term, environment: Mapping[str, int], memo: dict[Term, int] | None = None) -> int:
    """The value of `term` when each variable has the value that `environment` gives it.

    Raises KeyError for a variable that has none. `memo` may be shared between calls with one environment.
    """
    memo = {} if memo is None else memo
    done = memo.get(term)
    if done is not None:
        return done
    if term.op == "const":
        return int(term.args[0])
    if term.op == "var":
        result: int = environment[term.args[0]]
    else:
        values = [evaluate(a, environment, memo) for a in term.operands()]
        if term.op == "extract":
            result = values[0] >> term.args[1]
        elif term.op == "concat":
            result = values[0] << term.args[1].width | values[1]
        elif term.op == "sext":
            result = signed(values[0], term.args[0].width)
        else:
            result = _EVALUATORS[term.op](term.width, *values)
    value: int = result & ((1 << term.width) - 1)
    memo[term] = value
    return value
