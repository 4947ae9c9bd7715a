"""What the prover takes to be known of terms: never too little for what they can be, and enough to be of use."""

from __future__ import annotations

import random

import pytest

from ringfence.verify.evaluate import evaluate
from ringfence.verify.kernel import term as T
from ringfence.verify.kernel.isa.conditions import condition
from ringfence.verify.kernel.isa.data import add_with_carry
from ringfence.verify.kernel.term import Term, const
from ringfence.verify.prover import arcs
from ringfence.verify.prover.arcs import FULL, WORD, Arc
from ringfence.verify.prover.ranges import ZERO, Known, Ranges, signed_comparison

X, Y, Z, B = T.var("x"), T.var("y"), T.var("z"), T.var("b", 8)
LEAVES = (X, Y, Z)
NUMBERS = (0, 1, 2, 4, 5, 8, 31, 255, 0xFFFF, 0x20020000, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFC, WORD - 1)
HS, LO, HI, LS, GE, LT, GT, LE = 2, 3, 8, 9, 10, 11, 12, 13  # conditions as encoded
EQ, NE, MI, PL = 0, 1, 4, 5


def has(arc: Arc, number: int) -> bool:
    distance = (number - arc.low) % WORD
    return distance <= arc.width and distance % arc.step == 0


def flags(a: Term, b: Term, carry: Term) -> dict[str, Term]:
    """Those of an addition or comparison, as the instruction rows make them."""
    result, c, v = add_with_carry(a, b, carry)
    return {"n": T.extract(result, 31, 1), "z": T.eq(result, const(0)), "c": c, "v": v}


def after_cmp(a: Term, b: Term, code: int) -> Term:
    """The condition after CMP a, b."""
    of = flags(a, T.not_(b), const(1, 1))
    of["z"] = T.eq(a, b)
    return condition(of.__getitem__, code)


class Maker:
    """Random terms, and conditions and facts that are true of one environment."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.environment = {v.args[0]: self.number() for v in LEAVES} | {"b": self.rng.randrange(256)}
        if self.rng.random() < 0.5:  # neighbours: comparisons and differences are close
            self.environment["y"] = (self.environment["x"] + self.rng.randrange(-40, 40)) % WORD

    def number(self) -> int:
        return self.rng.choice([*NUMBERS, self.rng.randrange(WORD), self.rng.randrange(300)])

    def term(self, depth: int) -> Term:
        rng = self.rng
        if depth == 0:
            return rng.choice([*LEAVES, *LEAVES, T.zext(B), const(self.number())])
        kind = rng.randrange(11)
        a, b = self.term(depth - 1), self.term(depth - 1)
        if kind < 4:
            return rng.choice([T.add, T.sub])(a, b)
        if kind == 4:
            return rng.choice([T.and_, T.or_, T.xor])(a, b)
        if kind == 5:
            return rng.choice([T.and_, T.or_])(a, const(rng.choice([*NUMBERS, 12, 0xFFF0, ~3, ~0xFF])))
        if kind == 6:
            return rng.choice([T.shl, T.lshr, T.ashr])(a, const(rng.choice([0, 1, 2, 3, 8, 16, 31, 32, 40])))
        if kind == 7:
            return rng.choice([T.shl, T.lshr, T.ashr])(a, T.and_(b, const(0xFF)))
        if kind == 8:
            width = rng.choice([1, 2, 8, 16, 31])
            narrow = T.extract(a, rng.randrange(33 - width), width)
            if rng.random() < 0.3:
                narrow = rng.choice([T.add, T.and_, T.or_, T.xor])(narrow, T.extract(b, 0, width))
            if rng.random() < 0.2:
                narrow = T.not_(narrow)
            return rng.choice([T.zext, T.sext])(narrow)
        if kind == 9:
            return T.concat(T.extract(a, rng.randrange(17), 16), T.extract(b, rng.randrange(17), 16))
        return T.ite(self.boolean(depth - 1), a, b)

    def boolean(self, depth: int) -> Term:
        rng = self.rng
        kind = rng.randrange(6 if depth > 0 else 4)
        a, b = self.term(max(depth - 1, 0)), self.term(max(depth - 1, 0))
        if kind == 0:
            return rng.choice([T.eq, T.ult, T.ule])(a, b)
        if kind in (1, 2):
            return after_cmp(a, b, rng.randrange(14))
        if kind == 3:  # CMN, ADDS, ADCS and SBCS leave flags, too
            carry = rng.choice([const(0, 1), const(1, 1), T.extract(self.term(0), 3, 1)])
            return condition(flags(a, rng.choice([b, T.not_(b)]), carry).__getitem__, rng.randrange(14))
        if kind == 4:
            return T.not_(self.boolean(depth - 1))
        return rng.choice([T.and_, T.or_, T.xor])(self.boolean(depth - 1), self.boolean(depth - 1))

    def value(self, term: Term) -> int:
        return evaluate(term, self.environment)

    def true_condition(self) -> Term:
        found = self.boolean(2)
        return found if self.value(found) else T.not_(found)

    def arc_around(self, number: int) -> Arc:
        step = 1 << self.rng.choice([0, 0, 1, 2, 3])
        below, above = (self.rng.choice([0, 1, 3, 60, 1 << 20]) * step for _ in range(2))
        return arcs.hull(Arc((number - below) % WORD, below, step) if below else arcs.only(number),
                         arcs.only(number + above))  # fmt: skip

    def facts(self) -> Known:
        found: Known = {}
        for a in LEAVES:
            for b in (ZERO, *LEAVES):
                if a is not b and self.rng.random() < 0.3:
                    found[a, b] = self.arc_around((self.value(a) - self.value(b)) % WORD)
        return found


@pytest.mark.parametrize("part", range(4))
def test_no_value_is_excluded(part: int) -> None:
    """Of random terms and differences, under random facts and conditions that hold."""
    told = 0
    for seed in range(part * 700, (part + 1) * 700):
        make = Maker(seed)
        facts = make.facts()
        conditions = [make.true_condition() for _ in range(make.rng.randrange(4))]
        ranges = Ranges(facts, conditions)
        subjects = [*LEAVES, *(make.term(make.rng.choice([1, 2, 3])) for _ in range(3))]
        for a in subjects:
            found = ranges.value(a)
            told += found.informative
            assert has(found, make.value(a)), (seed, a, found)
            for b in subjects:
                found = ranges.difference(a, b)
                assert has(found, (make.value(a) - make.value(b)) % WORD), (seed, a, b, found)
    assert told > 500


@pytest.mark.parametrize("carry", [0, 1, None], ids=["carry clear", "carry set", "carry unknown"])
@pytest.mark.parametrize("code", range(14))
def test_conditions_at_the_edge(code: int, carry: int | None) -> None:
    """CMP, CMN and their kin for numbers that are equal, neighbours, or opposites: off by one shows here."""
    flag = T.var("c", 1) if carry is None else const(carry, 1)
    said = condition(flags(X, Y, flag).__getitem__, code)
    for a in (0, 1, 5, 0x7FFFFFFF, 0x80000000, WORD - 1):
        for other in (a, -a, ~a, a + 1, a - 1, 1 - a, -1 - a, 0, 0x80000000):
            for bit in (0, 1) if carry is None else (carry,):
                environment = {"x": a, "y": other % WORD, "c": bit}
                holds = said if evaluate(said, environment) else T.not_(said)
                for facts in ({}, {(X, ZERO): arcs.between(a, a + 3)}, {(Y, ZERO): arcs.only(other)}):
                    ranges = Ranges(facts, [holds])
                    assert has(ranges.value(X), a), (environment, holds)
                    assert has(ranges.value(Y), other % WORD), (environment, holds)
                    assert has(ranges.difference(X, Y), (a - other) % WORD), (environment, holds)
                    assert has(ranges.difference(X, T.not_(Y)), (a + other + 1) % WORD), (environment, holds)


def test_a_signed_comparison_is_recognised_only_where_it_is_one() -> None:
    below = T.xor(*(flags(X, T.not_(Y), const(1, 1))[name] for name in "nv"))
    assert signed_comparison(below) == (X, Y)
    for b, carry in ((Y, const(0, 1)), (T.not_(Y), const(0, 1)), (Y, T.var("c", 1))):
        of = flags(X, b, carry)
        found = signed_comparison(T.xor(of["n"], of["v"]))
        if found is not None:
            for x, y, c in ((3, 5, 0), (5, 3, 1), (5, -5 % WORD, 0), (4, 4, 1), (WORD - 1, 0, 0)):
                environment = {"x": x, "y": y, "c": c}
                p, q = (T.signed(evaluate(t, environment)) for t in found)
                assert evaluate(T.xor(of["n"], of["v"]), environment) == (p < q), (found, environment)


def value(term: Term, *conditions: Term, facts: Known | None = None) -> Arc:
    return Ranges(facts or {}, conditions).value(term)


def test_values_by_structure() -> None:
    assert value(T.or_(T.and_(X, const(0xFFFF)), const(0x20020000))) == arcs.between(0x20020000, 0x2002FFFF)
    assert value(T.zext(B)) == arcs.between(0, 255)
    assert value(T.add(T.shl(T.zext(B), const(2)), const(0x1000))) == Arc(0x1000, 1020, 4)
    assert value(T.and_(X, const(~3))) == Arc(0, WORD - 4, 4)
    assert value(T.sext(B)) == arcs.between(-128, 127)
    assert value(T.lshr(X, const(28))) == arcs.between(0, 15)
    assert value(T.ashr(X, const(28)), T.ult(X, const(1 << 30))) == arcs.between(0, 3)
    assert value(T.concat(const(0x2002, 16), T.extract(X, 0, 16))) == arcs.between(0x20020000, 0x2002FFFF)
    assert value(T.extract(T.and_(X, const(0xF0)), 4, 28)) == arcs.between(0, 15)
    assert value(T.ite(T.eq(X, Y), const(4), const(12))) == Arc(4, 8, 8)
    assert value(T.xor(X, Y)) == FULL


def test_a_mask_leaves_multiples_up_to_the_smaller() -> None:
    """x <= 5 and x & 12 is 0 or 4: no range whose end is none of these."""
    found = value(T.and_(X, const(12)), T.ult(X, const(6)))
    assert found == Arc(0, 4, 4)
    assert value(T.sub(const(100), T.and_(X, const(12))), T.ult(X, const(6))).high == 100


def test_exits_of_loops_bound_their_counters() -> None:
    zero_up = {(X, ZERO): arcs.between(0, 10)}
    assert value(X, after_cmp(X, const(10), NE), facts=zero_up) == arcs.between(0, 9)
    assert value(X, after_cmp(X, const(9), LE), facts=zero_up) == arcs.between(0, 9)
    assert value(X, after_cmp(X, const(10), LO)) == arcs.between(0, 9)
    assert value(X, after_cmp(X, const(9), LS)) == arcs.between(0, 9)
    assert value(X, after_cmp(X, const(9), LT), facts=zero_up) == arcs.between(0, 8)
    assert value(X, after_cmp(X, const(0), GE), after_cmp(X, const(10), LT)) == arcs.between(0, 9)
    assert value(X, after_cmp(X, const(0), GT), after_cmp(X, const(10), LE)) == arcs.between(1, 10)
    assert value(X, after_cmp(X, const(5), HI)) == arcs.between(6, WORD - 1)
    assert value(X, after_cmp(X, const(5), HS)) == arcs.between(5, WORD - 1)
    assert value(X, after_cmp(X, const(0), PL)) == arcs.between(0, WORD // 2 - 1)
    assert value(X, after_cmp(X, const(0), MI)) == arcs.between(WORD // 2, WORD - 1)
    assert value(X, after_cmp(X, const(77), EQ)) == arcs.only(77)


def test_a_stride_stops_at_an_end_that_it_meets() -> None:
    inside = {(X, ZERO): Arc(0x1000, 400, 4)}
    assert value(X, after_cmp(X, const(0x1190), NE), facts=inside) == Arc(0x1000, 396, 4)
    assert value(X, after_cmp(X, const(0x1191), NE), facts=inside) == Arc(0x1000, 400, 4)
    assert value(X, after_cmp(X, const(0x1190), LO), facts=inside) == Arc(0x1000, 396, 4)


def test_bounds_travel_over_differences() -> None:
    """A pointer that keeps its distance to a counter; a pointer below another that is bounded."""
    assert value(X, T.ult(Y, const(10)), facts={(X, Y): arcs.only(0x1000)}) == arcs.between(0x1000, 0x1009)
    assert value(X, after_cmp(X, Y, LO), facts={(X, ZERO): arcs.between(16, 500), (Y, ZERO): arcs.only(64)}) == (
        arcs.between(16, 63)
    )
    scaled = T.shl(Y, const(2))
    known = {(X, scaled): arcs.only(0x2000)}
    assert value(X, T.ult(Y, const(4)), facts=known) == Arc(0x2000, 12, 4)


def test_a_sum_with_a_complement_that_is_known_is_a_difference() -> None:
    """x + ~y == 5: x is y + 6."""
    for said in (T.eq(T.add(X, T.not_(Y)), const(5)), T.eq(T.add(T.not_(Y), X), const(5)), T.eq(T.sub(X, Y), const(6))):
        ranges = Ranges({(Y, ZERO): arcs.between(10, 20)}, [said])
        assert ranges.difference(X, Y) == arcs.only(6)
        assert ranges.value(X) == arcs.between(16, 26)


def test_a_switch_bounds_its_index() -> None:
    """CMP and BHI: not (above or same, and not equal)."""
    for subject in (X, T.add(X, const(-1))):
        above = T.and_(T.not_(T.ult(subject, const(7))), T.not_(T.eq(subject, const(7))))
        assert value(subject, T.not_(above)) == arcs.between(0, 7)


def test_narrow_comparisons() -> None:
    byte = T.and_(X, const(0xFF))
    assert value(byte, after_cmp(byte, const(16), LO)) == arcs.between(0, 15)
    assert value(T.zext(B), T.eq(B, const(3, 8))) == arcs.only(3)
    assert value(T.zext(B), after_cmp(T.zext(B), const(16), LS)) == arcs.between(0, 16)


def test_what_contradicts_itself_is_an_answer_all_the_same() -> None:
    ranges = Ranges({(X, ZERO): arcs.only(1)}, [T.eq(X, const(2)), T.ult(X, const(0)), T.FALSE, T.ult(const(9), X)])
    assert isinstance(ranges.value(X), Arc)
    assert isinstance(ranges.difference(X, Y), Arc)


def test_alternatives_are_joined() -> None:
    either = T.or_(T.eq(X, const(8)), T.eq(X, const(16)))
    assert value(X, either) == Arc(8, 8, 8)
    assert value(X, T.not_(T.and_(T.not_(T.eq(X, const(8))), T.not_(T.eq(X, const(16)))))) == Arc(8, 8, 8)


def test_what_one_alternative_excludes_is_not_excluded() -> None:
    """x != 3 or y < 5: x may be 3."""
    said = T.or_(T.not_(T.eq(X, const(3))), T.ult(Y, const(5)))
    assert has(value(X, said, facts={(X, ZERO): arcs.between(0, 3)}), 3)
    both = T.and_(T.not_(T.eq(X, const(3))), T.ult(Y, const(5)))
    assert value(X, both, facts={(X, ZERO): arcs.between(0, 3)}) == arcs.between(0, 2)
    assert value(X, T.not_(T.or_(T.eq(X, const(3)), T.eq(X, const(0)))), facts={(X, ZERO): arcs.between(0, 3)}) == (
        arcs.between(1, 2)
    )


def test_a_conditional_move_limits_what_it_replaces() -> None:
    """cmp x, #100; it hs; movhs x, #100, and its signed kin; and what an IT block's condition says inside of it."""
    limited = T.ite(after_cmp(X, const(100), HS), const(100), X)
    assert value(limited) == arcs.between(0, 100)
    limited = T.ite(after_cmp(X, const(0), LT), const(0), X)
    assert value(limited) == arcs.between(0, WORD // 2 - 1)
    below = after_cmp(X, const(100), LO)
    assert value(T.ite(below, const(0x1000), Y), below) == arcs.only(0x1000)
    assert value(T.ite(below, Y, const(0x1000)), T.not_(below)) == arcs.only(0x1000)
