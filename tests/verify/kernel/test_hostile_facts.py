"""Facts about registers, claimed by hand: what holds is accepted in every form, what does not is refused by its rule."""

from __future__ import annotations

import struct

import pytest

from ringfence.verify.evaluate import evaluate
from ringfence.verify.kernel import term as T
from ringfence.verify.kernel.execute import _holds
from ringfence.verify.kernel.proof import Fact, Function, Invariant
from support.corpus import CODE
from support.judge import RA, entry, image, judge
from support.random_code import branch

RETURN, TRAP = 0x4770, 0xDEF0
LOOP = (
    *(0xF240, 0x0100, 0xF2C2, 0x0102),  # movw r1, #0; movt r1, #0x2002: the window's base
    0x2300,  # movs r3, #0
    0x6008,  # loop: str r0, [r1]
    0x3104,  # adds r1, #4
    0x3301,  # adds r3, #1
    0x2B19,  # cmp r3, #25
    0xD1FA,  # bne loop
    RETURN,
)
HEAD, BACK = CODE + 10, CODE + 18  # who falls into a block is judged at its start
WINDOW = 0x20020000
POINTER = Fact(1, "r3", WINDOW, 0, 1, 4)  # r1 == window + 4 * r3
COUNTER = Fact(3, "0", 0, 24)


def loop(*facts: Fact) -> Function:
    return entry(blocks={HEAD: Invariant(0, False, 0, (*RA, *facts))})


def reasons(*facts: Fact) -> set[tuple[str, int | None]]:
    report = judge(image(*LOOP), {CODE: loop(*facts)})
    assert report.accepted is (not report.failures)
    return {(f.rule, f.address) for f in report.failures}


HONEST: dict[str, tuple[Fact, ...]] = {
    "the pointer from the counter": (POINTER, COUNTER),
    "not more exact than needed": (POINTER, COUNTER, Fact(1, "0", WINDOW, 0xFFFF)),
    "a bound of the other end": (POINTER, Fact(3, "0", (1 << 32) - 60, 84)),
    "several of one register": (POINTER, COUNTER, Fact(1, "0", WINDOW, 96, 4), Fact(3, "0", 0, 24)),
    "the step alone": (POINTER, COUNTER, Fact(1, "0", 0, 0xFFFFFFFC, 4)),
    "a negated counter": (POINTER, COUNTER, Fact(3, "r1", 0, 0xFFFFFFFF, 1, -(1 << 31))),
    "a range of all numbers": (POINTER, COUNTER, Fact(2, "0", 5, 0xFFFFFFFF)),
}


@pytest.mark.parametrize("what", HONEST)
def test_claims_that_hold_are_accepted(what: str) -> None:
    assert reasons(*HONEST[what]) == set()


FORGED: dict[str, tuple[tuple[Fact, ...], set[tuple[str, int]]]] = {
    "width one less": ((POINTER, Fact(3, "0", 0, 23)), {("invariant", BACK)}),
    "low one more": ((POINTER, Fact(3, "0", 1, 24)), {("invariant", HEAD), ("invariant", BACK)}),
    "low one less": ((POINTER, Fact(3, "0", 0xFFFFFFFF, 24)), {("invariant", BACK)}),
    "a step that the counter does not keep": ((POINTER, Fact(3, "0", 0, 24, 2)), {("invariant", BACK)}),
    "a step from a number that is no multiple": ((POINTER, Fact(3, "0", 1, 0xFFFFFFFE, 2)),
                                                 {("invariant", HEAD), ("invariant", BACK), ("store", HEAD)}),
    "the pointer's step too large": ((POINTER, COUNTER, Fact(1, "0", WINDOW, 96, 8)), {("invariant", BACK)}),
    "scale doubled": ((Fact(1, "r3", WINDOW, 0, 1, 8), COUNTER), {("invariant", BACK)}),
    "scale halved": ((Fact(1, "r3", WINDOW, 0, 1, 2), COUNTER), {("invariant", BACK)}),
    "scale negated": ((Fact(1, "r3", WINDOW, 0, 1, -4), COUNTER), {("invariant", BACK)}),
    "scale that loses all bits but one": ((Fact(1, "r3", WINDOW, 0, 1, 1 << 31), COUNTER),
                                             {("invariant", BACK), ("store", HEAD)}),
    "measured from another register": ((Fact(1, "r2", WINDOW, 0, 1, 4), COUNTER),
                                       {("invariant", HEAD), ("invariant", BACK), ("store", HEAD)}),
    "measured from s": ((Fact(1, "s"), COUNTER), {("invariant", HEAD), ("invariant", BACK)}),
    "a number that changes": ((Fact(1, "0", WINDOW),), {("invariant", BACK)}),
    "a counter that changes": ((POINTER, Fact(3, "0", 0)), {("invariant", BACK)}),
    "two numbers at once": ((Fact(1, "0", WINDOW), Fact(1, "0", WINDOW + 4)), {("invariant", HEAD)}),
    "an empty intersection": ((Fact(1, "0", WINDOW, 8), Fact(1, "0", WINDOW + 16, 8)), {("invariant", HEAD)}),
    "no counter": ((POINTER,), {("store", HEAD)}),
    "no pointer": ((COUNTER,), {("store", HEAD)}),
    "a counter up to anywhere": ((POINTER, Fact(3, "0", 0, 0xFFFFFFFF)), {("store", HEAD)}),
    "a counter one past the slack": ((POINTER, Fact(3, "0", 0, (65536 + 264) // 4)),
                                     {("invariant", BACK), ("store", HEAD)}),
    "a pointer that is RA": ((POINTER, COUNTER, Fact(1, "ra")), {("invariant", HEAD), ("invariant", BACK)}),
    "a range of SP's": ((POINTER, COUNTER, Fact(1, "s", 0, 0x7FFFFFFF)), {("invariant", HEAD)}),
}  # fmt: skip


@pytest.mark.parametrize("what", FORGED)
def test_claims_that_do_not_hold_are_refused_where_they_would_have_to(what: str) -> None:
    """Those that contradict each other fail once, where they are established first: after that anything follows."""
    facts, wanted = FORGED[what]
    assert reasons(*facts) == wanted


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("low", "true"), [(WINDOW - 8, True), (WINDOW - 4, False)])
def test_the_order_of_facts_does_not_matter(low: int, true: bool, order: int) -> None:
    """A fact that is measured from a register of which an exact fact is known, whichever comes first."""
    facts = (Fact(3, "0", 2), Fact(1, "r3", low, 0, 1, 4))[::order]
    code = (*LOOP[:4], 0x2302, 0xBF00, 0x6008, RETURN)  # r1 = window; r3 = 2; (block) nop; str r0, [r1]
    report = judge(image(*code), {CODE: entry(blocks={HEAD: Invariant(0, False, 0, (*RA, *facts))})})
    assert {(f.rule, f.address) for f in report.failures} == (set() if true else {("invariant", HEAD)})


def test_what_a_call_may_change_is_no_fact_after_it() -> None:
    call = struct.unpack("<2H", branch(CODE + 2, 0x400, link=True))
    code = (0x2405, *call, 0xBF00, TRAP)  # movs r4, #5; bl imported; (block) nop; udf
    block = {CODE + 6: Invariant(0, False, 0, (Fact(4, "0", 5),))}
    report = judge(image(*code), {CODE: entry(blocks=block)})
    assert {(f.rule, f.address) for f in report.failures} == {("invariant", CODE + 6)}


def test_facts_of_one_path_do_not_hold_on_another() -> None:
    """cbz r0, L; movs r1, #1; L: (block) claims r1 == 1."""
    code = (0xB100, 0x2101, RETURN)
    block = {CODE + 4: Invariant(0, False, 0, (*RA, Fact(1, "0", 1)))}
    report = judge(image(*code), {CODE: entry(blocks=block)})
    assert {(f.rule, f.address) for f in report.failures} == {("invariant", CODE)}


@pytest.mark.parametrize("scale", [1, 2, 4, 1 << 31, -1, -2, -(1 << 31)])
@pytest.mark.parametrize("step", [1, 4, 1 << 31])
@pytest.mark.parametrize(("low", "width"), [(0, 0), (5, 0), (0, 1), (0xFFFFFFF0, 32), (3, 0xFFFFFFFF)])
def test_a_fact_means_what_its_definition_says(low: int, width: int, step: int, scale: int) -> None:
    """The term that the kernel proves at each edge, against the sentence in proof.py."""
    fact = Fact(1, "r2", low, width, step, scale)
    said = _holds(fact, [T.var(f"r{n}") for n in range(15)])
    for b in (0, 1, 3, 0x80000000, 0xFFFFFFFF, 0x12345678):
        for more in (0, 1, 4, 31, 32, 33, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF):
            a = (scale * b + low + more) % (1 << 32)
            assert evaluate(said, {"r1": a, "r2": b}) == (more <= width and more % step == 0), (a, b)


# The same with a counter that begins anywhere: r4 from r2 up, 25 times
MOVED_LOOP = (
    *(0xF240, 0x0100, 0xF2C2, 0x0102),  # movw r1, #0; movt r1, #0x2002
    0x4614,  # mov r4, r2
    0x6008,  # loop: str r0, [r1]
    0x3104,  # adds r1, #4
    0x3401,  # adds r4, #1
    0x1AA5,  # subs r5, r4, r2
    0x2D19,  # cmp r5, #25
    0xD1F9,  # bne loop
    RETURN,
)
MOVED_BACK = CODE + 20
FROM_DISTANCE = Fact(1, "r4-r2", WINDOW, 0, 1, 4)  # r1 == window + 4 * (r4 - r2)
DISTANCE = Fact(4, "r2", 0, 24)
OF_DISTANCES: dict[str, tuple[tuple[Fact, ...], set[tuple[str, int]]]] = {
    "the truth": ((FROM_DISTANCE, DISTANCE), set()),
    "low one more": ((Fact(1, "r4-r2", WINDOW + 1, 0, 1, 4), DISTANCE), {("invariant", HEAD)}),
    "scale doubled": ((Fact(1, "r4-r2", WINDOW, 0, 1, 8), DISTANCE), {("invariant", MOVED_BACK)}),
    "scale negated": ((Fact(1, "r4-r2", WINDOW, 0, 1, -4), DISTANCE), {("invariant", MOVED_BACK)}),
    "the other way round": ((Fact(1, "r2-r4", WINDOW, 0, 1, 4), DISTANCE), {("invariant", MOVED_BACK)}),
    "from s": ((Fact(1, "r4-s", WINDOW, 0, 1, 4), DISTANCE), {("invariant", HEAD), ("store", HEAD)}),
    "without a bound": ((FROM_DISTANCE,), {("store", HEAD)}),
    "a bound that is too small": ((FROM_DISTANCE, Fact(4, "r2", 0, 23)), {("invariant", MOVED_BACK)}),
}  # fmt: skip


@pytest.mark.parametrize("what", OF_DISTANCES)
def test_facts_measured_from_a_distance(what: str) -> None:
    facts, wrong = OF_DISTANCES[what]
    report = judge(image(*MOVED_LOOP), {CODE: loop(*facts)})
    assert {(f.rule, f.address) for f in report.failures} == wrong
