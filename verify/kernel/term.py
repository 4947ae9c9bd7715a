"""Bit-vector terms: hash-consed, simplified by their constructors.

A term is an unsigned bit-vector of `width` bits; a boolean is a term of width 1. Terms are compared by identity:
structurally equal terms are the same object. Constructors fold constants and otherwise apply only equations that hold
for every value of the variables (tests/verify/kernel/test_term.py compares them with an evaluator and with z3).

Operations: const var add and or xor not shl lshr ashr eq ult ite extract concat sext.
Relied upon elsewhere: a sum with a constant is `add(base, const)`, see `split`; what is constant is a `const`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any


@dataclass(eq=False, slots=True)
class Term:
    """One node; made only by the constructors below."""

    op: str
    width: int
    args: tuple[Any, ...]
    operands: tuple[Term, ...] = field(init=False, repr=False)  # those of `args` that are terms
    value: int | None = field(init=False, repr=False)  # the number, if the term is a constant

    def __post_init__(self) -> None:
        self.operands = tuple(a for a in self.args if isinstance(a, Term))
        self.value = self.args[0] if self.op == "const" else None


_MOST_ADDENDS = 16
OnNumbers = Callable[[int, int], int]
_INTERNED: dict[tuple[object, ...], Term] = {}


def _term(op: str, width: int, *args: Term | int | str) -> Term:
    key = (op, width, *args)
    term = _INTERNED.get(key)
    if term is None:
        term = _INTERNED[key] = Term(op, width, args)
    return term


def const(value: int, width: int = 32) -> Term:
    return _term("const", width, value & ((1 << width) - 1))


def var(name: str, width: int = 32) -> Term:
    return _term("var", width, name)


TRUE, FALSE = const(1, 1), const(0, 1)


def _fold(op: str, on_numbers: OnNumbers, a: Term, b: Term, width: int) -> Term:
    """The operation, carried out if both operands are constants."""
    if a.value is not None and b.value is not None:
        return const(on_numbers(a.value, b.value), width)
    return _term(op, width, a, b)


def split(t: Term) -> tuple[Term | None, int]:
    """(base, offset) with t == base + offset modulo 2^width; base is None for a constant."""
    if t.value is not None:
        return None, t.value
    if t.op == "add" and t.operands[1].value is not None:
        return t.operands[0], t.operands[1].value
    return t, 0


def addends(t: Term) -> list[Term]:
    """What a sum is made of. A long one counts as one piece: code can double it with each instruction."""
    rest, parts = t, list[Term]()
    while rest.op == "add" and len(parts) < _MOST_ADDENDS:
        parts.append(rest.operands[1])
        rest = rest.operands[0]
    return [t] if rest.op == "add" else [rest, *reversed(parts)]


def _opposite(a: Term, b: Term) -> bool:
    return a.op == "not" and a.operands[0] is b


def add(a: Term, b: Term) -> Term:
    """Sums are flat, (x + y) + z, a constant last, unless they are long; x and ~x together are -1."""
    (x, m), (y, n) = split(a), split(b)
    parts, more = ([] if base is None else addends(base) for base in (x, y))
    offset = m + n
    for part in more:
        opposite = next((p for p in parts if _opposite(p, part) or _opposite(part, p)), None)
        if opposite is None:
            parts.append(part)
        else:
            parts.remove(opposite)
            offset -= 1
    rest = const(offset, a.width)
    if rest.value != 0 or not parts:
        parts.append(rest)
    return reduce(lambda total, part: _term("add", a.width, total, part), parts)


def sub(a: Term, b: Term) -> Term:
    return add(add(a, not_(b)), const(1, a.width))


def not_(a: Term) -> Term:
    if a.value is not None:
        return const(~a.value, a.width)
    base, offset = split(a)
    if a.op == "add" and base is not None:  # ~(x + y) == ~x + ~y + 1: only the parts of a sum are negated
        parts = [p.operands[0] if p.op == "not" else _term("not", a.width, p) for p in addends(base)]
        return reduce(add, parts, const(len(parts) - 1 - offset, a.width))
    return a.operands[0] if a.op == "not" else _term("not", a.width, a)


def and_(a: Term, b: Term) -> Term:
    return _connective("and", operator.and_, a, b, neutral=-1)


def or_(a: Term, b: Term) -> Term:
    return _connective("or", operator.or_, a, b, neutral=0)


def _connective(op: str, on_numbers: OnNumbers, a: Term, b: Term, neutral: int) -> Term:
    """AND, OR. `neutral`: the number that leaves the other operand as it is; its complement is the result always."""
    if a.value is not None:
        a, b = b, a
    if b in (a, const(neutral, a.width)):
        return a
    if b is const(~neutral, a.width) or a is not_(b):
        return const(~neutral, a.width)
    if b.value is not None and a.op == op and a.operands[1].value is not None:  # two constants are joined
        inner, mask = a.operands
        return _connective(op, on_numbers, inner, _fold(op, on_numbers, mask, b, a.width), neutral)
    return _fold(op, on_numbers, a, b, a.width)


def xor(a: Term, b: Term) -> Term:
    return const(0, a.width) if a is b else _fold("xor", operator.xor, a, b, a.width)


def shl(a: Term, by: Term) -> Term:
    """Shift left; `by` has the same width and is NOT taken modulo it: 32 and more give 0."""
    base, offset = split(a)
    if base is not None and offset and by.value is not None and by.value < a.width:  # a sum's constant stays outermost
        return add(shl(base, by), const(offset << by.value, a.width))
    return _shift("shl", operator.lshift, a, by)


def lshr(a: Term, by: Term) -> Term:
    return _shift("lshr", operator.rshift, a, by)


def _shift(op: str, on_numbers: OnNumbers, a: Term, by: Term) -> Term:
    if by.value is not None and by.value >= a.width:
        return const(0, a.width)
    return a if by.value == 0 else _fold(op, on_numbers, a, by, a.width)


def ashr(a: Term, by: Term) -> Term:
    """Arithmetic shift right; amounts of the width and more give copies of the sign."""
    if by.value is not None and a.value is not None:
        return const(signed(a.value, a.width) >> by.value, a.width)
    return a if by.value == 0 else _term("ashr", a.width, a, by)


def ror(a: Term, by: Term) -> Term:
    """Rotate right by `by` modulo the width (a power of two)."""
    amount = and_(by, const(a.width - 1, a.width))
    back = and_(sub(const(0, a.width), amount), const(a.width - 1, a.width))
    return or_(lshr(a, amount), shl(a, back))


def eq(a: Term, b: Term) -> Term:
    (x, m), (y, n) = split(a), split(b)
    if x is y:
        return const(m == n, 1)
    if x is None:
        return eq(b, a)
    rest = const(n - m, a.width)  # the offset goes to the right-hand side
    return _term("eq", 1, x, rest if y is None else add(y, rest))


def ult(a: Term, b: Term) -> Term:
    """Unsigned a < b."""
    return FALSE if a is b or b.value == 0 else _fold("ult", operator.lt, a, b, 1)


def ule(a: Term, b: Term) -> Term:
    return not_(ult(b, a))


def ite(condition: Term, a: Term, b: Term) -> Term:
    if condition.value is not None:
        return a if condition.value else b
    return a if a is b else _term("ite", a.width, condition, a, b)


def extract(a: Term, low: int, width: int) -> Term:
    """Bits low .. low + width - 1."""
    if a.value is not None:
        return const(a.value >> low, width)
    return a if width == a.width else _term("extract", width, a, low)


def concat(high: Term, low: Term) -> Term:
    width = high.width + low.width
    if high.value is not None and low.value is not None:
        return const(high.value << low.width | low.value, width)
    return _term("concat", width, high, low)


def zext(a: Term, width: int = 32) -> Term:
    return a if a.width == width else concat(const(0, width - a.width), a)


def sext(a: Term, width: int = 32) -> Term:
    if a.value is not None:
        return const(signed(a.value, a.width), width)
    return a if a.width == width else _term("sext", width, a)


def signed(value: int, width: int = 32) -> int:
    """The two's complement reading of an unsigned value of `width` bits."""
    return value - (1 << width) if value >> (width - 1) else value
