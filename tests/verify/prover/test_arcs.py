"""Arcs: every operation holds at least what it should, and as little as is reasonable."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from ringfence.verify.prover import arcs
from ringfence.verify.prover.arcs import FULL, HALF, WORD, Arc

ROUNDS = 3000
CORNERS = (0, 1, 2, 3, 4, 255, HALF - 1, HALF, HALF + 1, WORD - 4, WORD - 2, WORD - 1, 0x20020000)


def has(arc: Arc, number: int) -> bool:
    """Membership, from the definition."""
    distance = (number - arc.low) % WORD
    return distance <= arc.width and distance % arc.step == 0


def random_arc(rng: random.Random) -> Arc:
    """Single numbers, short and long strides, arcs past 2^32, half and full circles."""
    low = rng.choice([*CORNERS, rng.randrange(WORD)])
    kind = rng.randrange(8)
    if kind == 0:
        return arcs.only(low)
    if kind == 1:
        return FULL
    step = 1 << rng.choice([0, 0, 0, 1, 2, 3, 8, 31])
    count = rng.choice([1, 1, 2, 3, 7, 255, HALF // step, WORD // step - 2, rng.randrange(1, WORD // step + 1)])
    return arcs.hull(Arc(low, max(1, min(count, WORD // step - 1)) * step, step), arcs.only(low))


def members(rng: random.Random, arc: Arc) -> Iterator[int]:
    """Ends and some numbers between."""
    last = arc.width // arc.step
    for k in {0, 1, last // 2, max(last - 1, 0), last, rng.randint(0, last), rng.randint(0, last)}:
        if k <= last:
            yield (arc.low + k * arc.step) % WORD


def well_formed(arc: Arc) -> bool:
    whole = arc.width % arc.step == 0 and 0 <= arc.low < WORD and 0 <= arc.width < WORD
    return whole and (arc.step & -arc.step == arc.step) and (arc.step == WORD) == (arc.width == 0)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.node.name)


def test_arcs_are_well_formed_whatever_made_them(rng: random.Random) -> None:
    """The last number is a member: `high` and `negate` rely upon it."""
    for _ in range(ROUNDS):
        a, b = random_arc(rng), random_arc(rng)
        number = rng.choice([*members(rng, a), rng.randrange(WORD)])
        made = [a, b, arcs.add(a, b), arcs.negate(a), arcs.shift(a, number), arcs.hull(a, b), arcs.meet(a, b)]
        made += [arcs.without(a, number), arcs.widen(a, b, CORNERS), arcs.mapped(a, lambda x: x >> 3)]
        assert all(well_formed(arc) for arc in made), (a, b, number, made)


BINARY: dict[str, tuple[Callable[[Arc, Arc], Arc], Callable[[int, int], int]]] = {
    "add": (arcs.add, lambda x, y: x + y),
    "hull, of the first": (arcs.hull, lambda x, y: x),
    "hull, of the second": (arcs.hull, lambda x, y: y),
    "widen, of the old": (arcs.widen, lambda x, y: x),
    "widen, of the new": (arcs.widen, lambda x, y: y),
    "negate": (lambda a, b: arcs.negate(a), lambda x, y: -x),
    "shift": (lambda a, b: arcs.shift(a, b.low), lambda x, y: x),
    "mapped": (lambda a, b: arcs.mapped(a, lambda x: x >> 5), lambda x, y: x >> 5),
    "mapped to multiples": (lambda a, b: arcs.mapped(a, lambda x: x & ~15, 16), lambda x, y: x & ~15),
}


@pytest.mark.parametrize("operation", BINARY)
def test_no_result_is_missed(rng: random.Random, operation: str) -> None:
    on_arcs, on_numbers = BINARY[operation]
    for _ in range(ROUNDS):
        a, b = random_arc(rng), random_arc(rng)
        if operation == "shift":
            b = arcs.only(b.low)
            results = [(x, x + b.low) for x in members(rng, a)]
        else:
            results = [(x, on_numbers(x, y)) for x in members(rng, a) for y in members(rng, b)]
        found = on_arcs(a, b)
        assert all(has(found, result % WORD) for _, result in results), (a, b, found)


def test_a_meet_holds_what_is_in_both(rng: random.Random) -> None:
    for _ in range(ROUNDS):
        a, b = random_arc(rng), random_arc(rng)
        if rng.random() < 0.5:  # so that they have something in common
            b = arcs.shift(b, rng.choice([*members(rng, a)]) - rng.choice([*members(rng, b)]))
        found = arcs.meet(a, b)
        common = [x for x in (*members(rng, a), *members(rng, b)) if has(a, x) and has(b, x)]
        assert all(has(found, x) for x in common), (a, b, found)


def test_a_meet_is_no_wider_than_the_narrower(rng: random.Random) -> None:
    for _ in range(ROUNDS):
        a, b = random_arc(rng), random_arc(rng)
        apart = (b.low - a.low) % WORD
        if a.step == b.step and apart % a.step == 0:
            assert arcs.meet(a, b).width <= max(a.width, b.width), (a, b)


def test_a_meet_of_what_has_nothing_in_common_is_an_arc() -> None:
    """Such code is not reached: any arc is right, an exception is not."""
    for a, b in ((arcs.only(1), arcs.only(2)), (arcs.between(0, 9), arcs.between(20, 30)),
                 (Arc(0, 8, 4), Arc(1, 8, 4)), (Arc(WORD - 8, 16, 8), Arc(4, 16, 8))):  # fmt: skip
        assert well_formed(arcs.meet(a, b))
        assert well_formed(arcs.meet(b, a))


def test_without_loses_one_number_at_most(rng: random.Random) -> None:
    for _ in range(ROUNDS):
        a = random_arc(rng)
        number = rng.choice([*members(rng, a), rng.randrange(WORD)])
        found = arcs.without(a, number)
        assert all(has(found, x) or x == number for x in members(rng, a)), (a, number, found)
        if a.width and number in (a.low, a.high):
            assert not has(found, number), (a, number, found)


def test_what_holds_is_a_superset(rng: random.Random) -> None:
    positive = 0
    for _ in range(ROUNDS):
        a, b = random_arc(rng), random_arc(rng)
        if rng.random() < 0.5:
            a = arcs.hull(a, b)
        if arcs.holds(a, b):
            positive += 1
            assert all(has(a, x) for x in members(rng, b)), (a, b)
    assert positive > ROUNDS // 4


def test_what_an_operation_joins_it_holds(rng: random.Random) -> None:
    """`holds` is what decides whether a claim is inductive: it must see what joins and widening give."""
    for _ in range(ROUNDS):
        a, b = random_arc(rng), random_arc(rng)
        for joined in (arcs.hull(a, b), arcs.widen(a, b), arcs.widen(a, b, CORNERS)):
            assert arcs.holds(joined, a), (a, b, joined)
            assert arcs.holds(joined, b), (a, b, joined)
        assert arcs.holds(a, a)
        assert arcs.holds(FULL, a)


def test_widening_ends(rng: random.Random) -> None:
    """However the numbers grow, an arc changes only as often as there are stops and steps."""
    for _ in range(300):
        stops = [rng.randrange(WORD) for _ in range(6)]
        arc, changes = arcs.only(rng.randrange(WORD)), 0
        for _ in range(400):
            new = arcs.widen(arc, arcs.shift(arc, rng.choice([4, 1, -4, 12, 64])), stops)
            changes += new != arc
            arc = new
        assert changes <= 4 * len(stops) + 40, (stops, changes)


def test_widening_goes_to_the_next_stop() -> None:
    assert arcs.widen(arcs.only(0), Arc(0, 4, 4), (100, 300)) == Arc(0, 100, 4)
    assert arcs.widen(Arc(0, 100, 4), Arc(0, 104, 4), (100, 300)) == Arc(0, 300, 4)
    assert arcs.widen(arcs.only(50), arcs.between(49, 50), (0,)) == arcs.between(0, 50)
    assert not arcs.widen(arcs.only(0), arcs.between(0, 1)).wraps


def test_the_smaller_way_round_is_chosen() -> None:
    assert arcs.hull(arcs.only(4), arcs.only(WORD - 4)) == Arc(WORD - 4, 8, 8)
    assert arcs.hull(arcs.between(0, 3), arcs.between(10, 11)) == arcs.between(0, 11)
    assert arcs.hull(Arc(0, 12, 12 & -12), arcs.only(20)) == Arc(0, 20, 4)


def test_single_numbers_and_full_circles_have_one_form() -> None:
    assert arcs.between(7, 7) == arcs.only(7) == arcs.only(7 + WORD) == arcs.shift(arcs.only(0), 7)
    assert arcs.between(5, 5 + WORD - 1) == FULL
    assert arcs.add(FULL, arcs.only(3)) == FULL
    assert arcs.negate(Arc(0, 12, 4)) == Arc(WORD - 12, 12, 4)
