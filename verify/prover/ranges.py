"""What is known of terms' values and of their differences, from facts and conditions: cheap, incomplete, untrusted.

Terms are compared by their bases, constants apart (`split`). ZERO stands for the base of a constant, so that the
value of a term is its difference from zero. A difference is looked up directly and over one third base.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

from ..kernel.term import Term, addends, const, not_, signed, split, sub, zext
from ..kernel.theorem import post_order
from . import arcs
from .arcs import FULL, HALF, WORD, Arc

ZERO: Term = const(0)
Pair = tuple[Term, Term]
Known = dict[Pair, Arc]  # (a, b): an arc that holds a - b
_DEPTH = 8  # connectives nest deeper only in code that nobody writes


@cache
def base_of(term: Term) -> tuple[Term, int]:
    """(base, distance) with term == base + distance; the base of a constant is ZERO."""
    base, distance = split(term)
    return (ZERO if base is None else base), distance


def shares_base(a: Term, b: Term) -> bool:
    return base_of(a)[0] is base_of(b)[0]


class Ranges:
    """The arcs of terms and differences under `facts` and `conditions` (booleans that hold)."""

    def __init__(self, facts: Mapping[Pair, Arc], conditions: Iterable[Term] = ()) -> None:
        self._direct: Known = {}
        self._near: dict[Term, set[Term]] = {}
        self._memo: Known = {}
        self._structure: dict[Term, Arc] = {}
        self._unequal: list[tuple[Term, Term, int]] = []
        for (a, b), arc in facts.items():
            self._note(a, b, arc)
        self._conditions = list(conditions)
        for condition in self._conditions:
            self._learn(condition)
        if len(self._conditions) > 1:  # what later ones say may sharpen what the earlier ones do
            for condition in self._conditions:
                self._learn(condition)

    # -- questions -----------------------------------------------------------------------------------------------

    def difference(self, a: Term, b: Term) -> Arc:
        """An arc that holds a - b."""
        (x, m), (y, n) = base_of(a), base_of(b)
        return arcs.shift(self._between(x, y), m - n)

    def value(self, term: Term) -> Arc:
        """An arc that holds the term (of at most 32 bits)."""
        return self.difference(term, ZERO) if term.width == 32 else self._of(term)

    def apart(self, a: Term, b: Term) -> int | None:
        """a - b, signed, if that is one number."""
        base, distance = base_of(sub(a, b))
        pair = difference_in(base)
        arc = arcs.only(0) if base is ZERO else self.difference(*pair) if pair is not None else FULL
        return None if arc.width else signed((arc.low + distance - (base is not ZERO)) % WORD)

    def idle(self, term: Term) -> bool:
        """Whether nothing at all is known of the term."""
        base, _ = base_of(term)
        return base.op == "var" and base not in self._near

    def near(self, a: Term, b: Term) -> bool:
        """Whether the difference is known directly."""
        (x, _), (y, _) = base_of(a), base_of(b)
        return x is not ZERO and (x is y or (x, y) in self._direct)

    # -- knowledge -----------------------------------------------------------------------------------------------

    def _note(self, a: Term, b: Term, arc: Arc) -> None:
        if a is b or arc == FULL:
            return
        old = self._direct.get((a, b))
        new = arc if old is None else arcs.meet(old, arc)
        for x, y, n in self._unequal:
            if x is a and y is b:
                new = arcs.without(new, n)
        if new == old:
            return
        self._direct[a, b] = new
        self._direct[b, a] = arcs.negate(new)
        self._near.setdefault(a, set()).add(b)
        self._near.setdefault(b, set()).add(a)
        self._memo.clear()
        self._structure.clear()

    def _learn(self, condition: Term) -> None:
        for a, b in _different(condition):
            (x, m), (y, n) = base_of(a), base_of(b)
            self._unequal += [d for d in ((x, y, (n - m) % WORD), (y, x, (m - n) % WORD)) if d not in self._unequal]
        for (a, b), arc in self._says(condition, True, _DEPTH).items():
            self._note(a, b, arc)
            apart = difference_in(a)
            if b is ZERO and apart is not None:
                (x, m), (y, n) = base_of(apart[0]), base_of(apart[1])
                self._note(x, y, arcs.shift(arc, 1 + n - m))

    def _between(self, a: Term, b: Term) -> Arc:
        """a - b for bases."""
        if a is b:
            return arcs.only(0)
        found = self._memo.get((a, b))
        if found is None:
            self._memo[a, b] = self._memo[b, a] = FULL  # should the question come up on the way
            found = self._link(a, b)
            for c in self._near.get(a, ()):
                if c is not b and c is not a and (c in self._near.get(b, ()) or b is ZERO or c is ZERO):
                    found = arcs.meet(found, arcs.add(self._link(a, c), self._link(c, b)))
            if a is not ZERO and b is not ZERO:
                found = arcs.meet(found, arcs.add(self._link(a, ZERO), self._link(ZERO, b)))
            for x, y, n in self._unequal:
                if x is a and y is b:
                    found = arcs.without(found, n)
                elif x is b and y is a:
                    found = arcs.without(found, -n)
            self._memo[a, b] = found
            self._memo[b, a] = arcs.negate(found)
        return found

    def _link(self, a: Term, b: Term) -> Arc:
        """a - b without looking at third bases."""
        if a is b:
            return arcs.only(0)
        found = self._direct.get((a, b), FULL)
        if b is ZERO:
            return arcs.meet(found, self._of(a))
        if a is ZERO:
            return arcs.meet(found, arcs.negate(self._of(b)))
        for x, y, sign in ((a, b, False), (b, a, True)):
            if x.op == "ite" and x.width == 32:
                either = arcs.hull(self.difference(x.args[1], y), self.difference(x.args[2], y))
                found = arcs.meet(found, arcs.negate(either) if sign else either)
        return found

    # -- values by structure -------------------------------------------------------------------------------------

    def _of(self, root: Term) -> Arc:
        """The value of a term from what it is made of."""
        if root in self._structure:
            return self._structure[root]
        for t in post_order(root, self._structure):
            handler = _STRUCTURE.get(t.op)
            self._structure[t] = _full(t.width) if handler is None or t.width > 32 else handler(self, t)
        return self._structure[root]

    def _part(self, t: Term) -> Arc:
        """The value of an operand: what is known directly, and its structure."""
        if t.width != 32:
            return self._structure.get(t, _full(t.width))
        base, distance = base_of(t)
        if base is ZERO:
            return arcs.only(distance)
        found = arcs.meet(self._direct.get((base, ZERO), FULL), self._structure.get(base, FULL))
        for c in self._near.get(base, ()):
            if c is not ZERO and (c, ZERO) in self._direct:
                found = arcs.meet(found, arcs.add(self._direct[base, c], self._direct[c, ZERO]))
        return arcs.shift(found, distance)

    def _const(self, t: Term) -> Arc:
        return arcs.only(t.args[0])

    def _add(self, t: Term) -> Arc:
        """A sum; a difference in it (x + ~y) as what is known of it."""
        if t.width != 32:
            return _full(t.width)
        parts = addends(t)
        total = arcs.only(0)
        while parts:
            x = parts.pop(0)
            other = next((y for y in parts if (y.op == "not") != (x.op == "not")), None)
            if other is None:
                total = arcs.add(total, self._part(x))
                continue
            parts.remove(other)
            x, y = (x, other) if other.op == "not" else (other, x)
            total = arcs.add(total, arcs.shift(self.difference(x, y.args[0]), -1))
        return total

    def _not(self, t: Term) -> Arc:
        return arcs.shift(arcs.negate(self._part(t.args[0])), -1) if t.width == 32 else _full(t.width)

    def _and(self, t: Term) -> Arc:
        (_, a), (_, b) = arcs.unsigned(self._part(t.args[0])), arcs.unsigned(self._part(t.args[1]))
        mask = t.args[1].value
        if mask and (mask & -mask) + mask == 1 << t.width:  # clears low bits
            return arcs.mapped(self._part(t.args[0]), lambda x: x & mask, mask & -mask)
        return arcs.between(0, min(a, b), mask & -mask if mask else 1)

    def _or(self, t: Term) -> Arc:
        (a, b), (c, d) = arcs.unsigned(self._part(t.args[0])), arcs.unsigned(self._part(t.args[1]))
        if t.args[1].value is not None and t.args[0].op == "and" and t.args[0].args[1].value is not None:
            mask, bits = t.args[0].args[1].value, t.args[1].value
            if mask & bits == 0:
                return arcs.between(bits, min(b, mask) + bits, mask & -mask)
        top = (1 << max(b.bit_length(), d.bit_length())) - 1
        return arcs.between(max(a, c), max(min(b + d, top), a, c))

    def _concat(self, t: Term) -> Arc:
        width = t.args[1].width
        (a, b), low = arcs.unsigned(self._part(t.args[0])), self._part(t.args[1])
        if a == b and not low.wraps:
            return arcs.shift(low, a << width)
        c, d = arcs.unsigned(low)
        return arcs.between(a << width | c, b << width | d)

    def _extract(self, t: Term) -> Arc:
        inner, low = self._part(t.args[0]), t.args[1]
        if t.args[0].width > 32:
            return _full(t.width)
        _, b = arcs.unsigned(inner)
        if b >> low < 1 << t.width:
            return arcs.mapped(inner, lambda x: x >> low, max(inner.step >> low, 1) if low == 0 else 1)
        return _full(t.width)

    def _ite(self, t: Term) -> Arc:
        c, a, b = t.args
        if c in self._conditions or not_(c) in self._conditions:
            return self._part(a if c in self._conditions else b)
        return arcs.hull(self._where(c, True, a), self._where(c, False, b))

    def _where(self, condition: Term, positive: bool, t: Term) -> Arc:
        """The value of an operand where a condition holds, or does not."""
        while t.op == "ite" and t.args[0] in (condition, not_(condition)):
            t = t.args[1] if (t.args[0] is condition) == positive else t.args[2]
        base, distance = base_of(t)
        said = self._says(condition, positive, _DEPTH).get((base, ZERO), FULL) if t.width == 32 else FULL
        return arcs.meet(self._part(t), arcs.shift(said, distance))

    def _lshr(self, t: Term) -> Arc:
        by = t.args[1].value
        (_, b), (least, _) = arcs.unsigned(self._part(t.args[0])), arcs.unsigned(self._part(t.args[1]))
        if by is None:
            return arcs.between(0, b >> min(least, 64))
        return arcs.mapped(self._part(t.args[0]), lambda x: x >> by)

    def _ashr(self, t: Term) -> Arc:
        by, inner = t.args[1].value, arcs.shift(self._part(t.args[0]), HALF)
        if by is None or t.width != 32 or inner.wraps:
            return _full(t.width)
        low, high = inner.low - HALF, inner.low + inner.width - HALF  # signed
        return arcs.between(low >> by, high >> by)

    def _shl(self, t: Term) -> Arc:
        by, inner = t.args[1].value, self._part(t.args[0])
        if by is None or t.width != 32 or by > 31 or inner.width << by >= WORD:
            return _full(t.width) if by is None or t.width != 32 or by > 31 else Arc(0, WORD - (1 << by), 1 << by)
        return Arc((inner.low << by) % WORD, inner.width << by, min(inner.step << by, WORD))

    def _sext(self, t: Term) -> Arc:
        width = t.args[0].width
        low, high = arcs.unsigned(self._part(t.args[0]))
        half = 1 << (width - 1)
        return arcs.between(low, high) if high < half else arcs.between(-half, half - 1)

    # -- what a condition says -----------------------------------------------------------------------------------

    def _says(self, c: Term, positive: bool, depth: int) -> Known:
        """What `c` (or its negation) says about differences, as far as it can be read from its top."""
        if c.op == "not":
            return self._says(c.args[0], not positive, depth)
        if c.op in ("and", "or") and depth:
            a, b = (self._says(x, positive, depth - 1) for x in c.args)
            return _both(a, b) if (c.op == "and") == positive else _either(a, b)
        if c.op == "xor" and c.args[1].value is not None:  # a signed comparison with 0: V is 0
            return self._says(c.args[0], positive != bool(c.args[1].value), depth)
        if c.op == "ult":
            return self._ordered(c.args[0], c.args[1], strict=True) if positive else self._ordered(c.args[1], c.args[0])
        if c.op == "eq":
            return self._equal(c.args[0], c.args[1], positive, depth)
        return self._says_sign(c, positive)

    def _ordered(self, a: Term, b: Term, strict: bool = False, by: int = 0) -> Known:
        """a < b or a <= b, both moved up by `by` (2^31 for signed comparisons)."""
        if a.width != 32:
            return {}
        x, y = arcs.shift(self.value(a), by), arcs.shift(self.value(b), by)
        (low, high), (least, most), gap = arcs.unsigned(x), arcs.unsigned(y), int(strict)
        said: Known = {}
        if low <= most - gap:
            said[_base(a), ZERO] = arcs.shift(arcs.between(low, min(high, most - gap)), -by - _distance(a))
            said[_base(b), ZERO] = arcs.shift(arcs.between(max(least, low + gap), most), -by - _distance(b))
            if most - low >= gap:
                apart = _distance(b) - _distance(a)
                said[_base(b), _base(a)] = arcs.shift(arcs.between(gap, most - low), -apart)
        return {pair: arc for pair, arc in said.items() if pair[0] is not pair[1]}

    def _equal(self, a: Term, b: Term, positive: bool, depth: int) -> Known:
        if a.width != 32:  # a narrow number, widened
            if a.width == 1 or a.width > 32 or b.value is None:
                return {}
            a, b = zext(a), const(b.value)
        (x, m), (y, n) = base_of(a), base_of(b)
        if not positive:
            return {(x, y): arcs.without(self._between(x, y), n - m)}
        said: Known = {(x, y): arcs.only(n - m)}
        return said

    def _says_sign(self, c: Term, positive: bool) -> Known:
        """Bit 31 of a term, and the signed comparison that flags N and V make (a < b where N != V)."""
        if c.op == "extract" and c.args[1] == 31 and c.args[0].width == 32:
            base, distance = base_of(c.args[0])
            half = arcs.between(HALF, WORD - 1) if positive else arcs.between(0, HALF - 1)
            return {(base, ZERO): arcs.shift(half, -distance)} if base is not ZERO else {}
        compared = signed_comparison(c)
        if compared is None:
            return {}
        a, b = compared
        return self._ordered(a, b, True, HALF) if positive else self._ordered(b, a, False, HALF)


def difference_in(base: Term) -> tuple[Term, Term] | None:
    """(x, y) where the term is x + ~y, one less than their difference."""
    parts = addends(base) if base.op == "add" else []
    if len(parts) != 2 or (parts[0].op == "not") == (parts[1].op == "not"):
        return None
    x, y = parts if parts[1].op == "not" else parts[::-1]
    return x, y.args[0]


def _different(condition: Term) -> Iterator[tuple[Term, Term]]:
    """The 32-bit numbers that differ where the condition holds."""
    todo, seen = [(condition, True)], set[tuple[Term, bool]]()
    while todo:
        c, positive = part = todo.pop()
        if part in seen:
            continue
        seen.add(part)
        if c.op == "not":
            todo.append((c.args[0], not positive))
        elif c.op == ("and" if positive else "or"):
            todo += [(a, positive) for a in c.args]
        elif c.op == "eq" and not positive and c.args[0].width == 32:
            yield c.args


def _base(t: Term) -> Term:
    return base_of(t)[0]


def _distance(t: Term) -> int:
    return base_of(t)[1]


def _full(width: int) -> Arc:
    return FULL if width >= 32 else Arc(0, (1 << width) - 1)


def _both(a: Known, b: Known) -> Known:
    return a | {pair: arcs.meet(a[pair], arc) if pair in a else arc for pair, arc in b.items()}


def _either(a: Known, b: Known) -> Known:
    return {pair: arcs.hull(arc, b[pair]) for pair, arc in a.items() if pair in b}


def signed_comparison(c: Term) -> tuple[Term, Term] | None:
    """(a, b) where `c` is N xor V of the flags of a - b (data.add_with_carry)."""
    if c.op != "xor" or any(x.op != "extract" or x.args[1] != 31 for x in c.args):
        return None
    for n, v in (c.args, c.args[::-1]):
        result, both = n.args[0], v.args[0]
        if both.op != "and" or any(x.op != "xor" for x in both.args):
            continue
        others = [x.args[0] if x.args[1] is result else x.args[1] for x in both.args if result in x.args]
        if len(others) == 2 and result is sub(others[0], not_(others[1])):  # flags of a sum say something else
            return others[0], not_(others[1])
    return None


_STRUCTURE: dict[str, Callable[[Ranges, Term], Arc]] = {
    "const": Ranges._const,
    "add": Ranges._add,
    "not": Ranges._not,
    "and": Ranges._and,
    "or": Ranges._or,
    "concat": Ranges._concat,
    "extract": Ranges._extract,
    "ite": Ranges._ite,
    "lshr": Ranges._lshr,
    "ashr": Ranges._ashr,
    "shl": Ranges._shl,
    "sext": Ranges._sext,
}
