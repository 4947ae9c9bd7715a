"""Unsigned interval analysis of terms: cheap, incomplete, untrusted. Used to guess range facts and table lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..kernel.term import Term, split, zext
from ..kernel.theorem import post_order

Interval = tuple[int, int]
_DEPTH = 8  # connectives nest deeper only in code that nobody writes; each level may double the work


def full(width: int) -> Interval:
    return 0, (1 << width) - 1


def interval(term: Term, hypotheses: Iterable[Term] = ()) -> Interval:
    """(low, high), inclusive, such that low <= term <= high wherever the hypotheses hold."""
    return Analysis(hypotheses).of(term)


class Analysis:
    """Intervals of terms under fixed hypotheses; what was computed once is remembered."""

    def __init__(self, hypotheses: Iterable[Term]) -> None:
        self._memo: dict[Term, Interval] = {}
        self._about: dict[Term, list[Term]] = {}  # hypotheses by what they compare, offsets apart
        for h in hypotheses:
            for atom in set(_atoms(h)):
                self._about.setdefault(atom, []).append(h)

    def says_something_about(self, t: Term) -> bool:
        """Whether a hypothesis compares `t`, or `t` at a distance."""
        return split(t)[0] in self._about

    def of(self, t: Term) -> Interval:
        if t not in self._memo:
            for part in post_order(t, self._memo):  # operands first: no recursion, however deep the term
                self._memo[part] = self._interval(part)
        return self._memo[t]

    def _interval(self, t: Term) -> Interval:
        found = self._structure(t)
        base = split(t)[0]
        for h in self._about.get(base, ()) if base is not None else ():
            found = _meet(found, _implied(h, t))
        return found

    def _structure(self, t: Term) -> Interval:
        if t.op == "const":
            return t.args[0], t.args[0]
        handler = getattr(self, "_" + t.op, None)
        result: Interval = handler(t) if handler is not None else full(t.width)
        return result

    def _add(self, t: Term) -> Interval:
        (a, b), (c, d) = self.of(t.args[0]), self.of(t.args[1])
        low, high, size = a + c, b + d, 1 << t.width
        if high < size:
            return low, high
        return (low - size, high - size) if low >= size else full(t.width)

    def _and(self, t: Term) -> Interval:
        return 0, min(self.of(t.args[0])[1], self.of(t.args[1])[1])

    def _or(self, t: Term) -> Interval:
        (a, b), (c, d) = self.of(t.args[0]), self.of(t.args[1])
        top = (1 << max(b.bit_length(), d.bit_length())) - 1
        return max(a, c), min(b + d, top)

    def _concat(self, t: Term) -> Interval:
        (a, b), (c, d) = self.of(t.args[0]), self.of(t.args[1])
        width = t.args[1].width
        return a << width | c, b << width | d

    def _ite(self, t: Term) -> Interval:
        (a, b), (c, d) = self.of(t.args[1]), self.of(t.args[2])
        return min(a, c), max(b, d)

    def _lshr(self, t: Term) -> Interval:
        a, b = self.of(t.args[0])
        low, high = self.of(t.args[1])
        return a >> min(high, 64), b >> min(low, 64)

    def _shl(self, t: Term) -> Interval:
        (_, b), by = self.of(t.args[0]), t.args[1].value
        a = self.of(t.args[0])[0]
        return (a << by, b << by) if by is not None and b << by < 1 << t.width else full(t.width)


def _atoms(fact: Term) -> Iterator[Term]:
    """What a boolean compares: the bases of the terms, also widened to 32 bits."""
    seen: set[Term] = set()
    todo = [fact]
    while todo:
        part = todo.pop()
        if part in seen:
            continue
        seen.add(part)
        if part.op in ("and", "or", "not") and part.width == 1:
            todo.extend(part.operands())
            continue
        for operand in part.operands():
            base = split(operand)[0]
            if base is not None:
                yield base
                if base.width < 32:
                    yield zext(base)


def _meet(a: Interval, b: Interval) -> Interval:
    low, high = max(a[0], b[0]), min(a[1], b[1])
    return (low, high) if low <= high else a  # contradictory: unreachable, any interval is right


def _implied(fact: Term, t: Term, depth: int = _DEPTH) -> Interval:
    """What `fact` by itself says about `t`, as far as it can be read from its uppermost `depth` connectives."""
    if fact.op in ("and", "or") and depth:
        join = _meet if fact.op == "and" else _hull
        return join(_implied(fact.args[0], t, depth - 1), _implied(fact.args[1], t, depth - 1))
    if fact.op == "not" and depth:
        return _refuted(fact.args[0], t, depth - 1)
    if fact.op == "ult" and fact.args[0] is t and fact.args[1].value is not None:
        return 0, fact.args[1].value - 1
    if fact.op == "ult" and fact.args[1] is t and fact.args[0].value is not None:
        return fact.args[0].value + 1, full(t.width)[1]
    if fact.op == "eq" and fact.args[1].value is not None:
        (base, offset), (other, distance) = split(t), split(fact.args[0])
        if base is other or (base is not None and distance == 0 and _widened(other, t.width) is base):
            value = (fact.args[1].value - distance + offset) & ((1 << t.width) - 1)
            return value, value
    return full(t.width)


def _refuted(fact: Term, t: Term, depth: int) -> Interval:
    """What the negation of `fact` says about `t`."""
    if fact.op in ("and", "or") and depth:
        join = _hull if fact.op == "and" else _meet
        return join(_refuted(fact.args[0], t, depth - 1), _refuted(fact.args[1], t, depth - 1))
    if fact.op == "not" and depth:
        return _implied(fact.args[0], t, depth - 1)
    if fact.op == "ult" and fact.args[0] is t and fact.args[1].value is not None:
        return fact.args[1].value, full(t.width)[1]
    if fact.op == "ult" and fact.args[1] is t and fact.args[0].value is not None:
        return 0, fact.args[0].value
    return full(t.width)


def _hull(a: Interval, b: Interval) -> Interval:
    return min(a[0], b[0]), max(a[1], b[1])


def _widened(t: Term | None, width: int) -> Term | None:
    return zext(t, width) if t is not None and t.width < width else None
