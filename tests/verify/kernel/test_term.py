"""Terms: constructors keep the value, normal forms are what the kernel relies upon, z3 agrees."""

from __future__ import annotations

import random

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st
from pysat.solvers import Solver

from ringfence.verify.evaluate import evaluate
from ringfence.verify.kernel import term as T
from ringfence.verify.kernel.bitblast import clauses_of
from ringfence.verify.kernel.theorem import Theorem, post_order
from ringfence.verify.prover.solvers import to_z3
from support.terms import slt

WORD = 0xFFFFFFFF
INTERESTING = [0, 1, 2, 3, 4, 31, 32, 33, 255, 256, 0x7FFFFFFF, 0x80000000, 0xFFFF, 0xFFFF0000, 0x20020000, WORD]
BINARY = [T.add, T.sub, T.and_, T.or_, T.xor, T.shl, T.lshr, T.ashr, T.ror]
BOOLEAN = [T.eq, T.ult, T.ule, slt]


def reference(operation: object, a: int, b: int) -> int:
    s = T.signed(a)
    return {
        T.add: a + b,
        T.sub: a - b,
        T.and_: a & b,
        T.or_: a | b,
        T.xor: a ^ b,
        T.shl: a << b if b < 32 else 0,
        T.lshr: a >> min(b, 64),
        T.ashr: s >> min(b, 64),
        T.ror: (a >> (b % 32)) | (a << (32 - b % 32)),
        T.eq: int(a == b),
        T.ult: int(a < b),
        T.ule: int(a <= b),
        slt: int(s < T.signed(b)),
    }[operation] & WORD  # type: ignore[index]


@given(st.sampled_from(INTERESTING) | st.integers(0, WORD), st.sampled_from(INTERESTING) | st.integers(0, WORD))
@settings(max_examples=200, deadline=None)
def test_operations_fold_constants_as_the_manual_defines_them(a: int, b: int) -> None:
    for operation in BINARY + BOOLEAN:
        assert operation(T.const(a), T.const(b)).value == reference(operation, a, b), operation


def random_term(rng: random.Random, depth: int, leaves: list[T.Term]) -> T.Term:
    if depth == 0 or rng.random() < 0.15:
        return rng.choice([*leaves, T.const(rng.choice(INTERESTING))])

    def sub() -> T.Term:
        return random_term(rng, depth - 1, leaves)

    kind = rng.randrange(8)
    if kind < 4:
        return rng.choice(BINARY)(sub(), sub())
    if kind == 4:
        return T.not_(sub())
    if kind == 5:
        return T.ite(random_boolean(rng, depth - 1, leaves), sub(), sub())
    if kind == 6:
        width = rng.choice([1, 8, 16])
        low = rng.randrange(33 - width)
        return rng.choice([T.zext, T.sext])(T.extract(sub(), low, width))
    return T.and_(T.or_(T.and_(sub(), T.const(0xFFFF)), T.const(0x20020000)), T.const(rng.choice(INTERESTING)))


def random_boolean(rng: random.Random, depth: int, leaves: list[T.Term]) -> T.Term:
    a, b = random_term(rng, depth, leaves), random_term(rng, depth, leaves)
    result = rng.choice(BOOLEAN)(a, b)
    if depth > 1 and rng.random() < 0.5:
        other = random_boolean(rng, depth - 1, leaves)
        result = rng.choice([T.and_, T.or_, T.xor])(result, other)
    return T.not_(result) if rng.random() < 0.3 else result


def test_simplification_never_changes_a_value() -> None:
    """Build each term twice from the same random choices: over variables and over constants."""
    for seed in range(1500):
        environment = {
            n: random.Random(seed * 7 + i).choice([*INTERESTING, seed * 2654435761 & WORD]) for i, n in enumerate("abc")
        }
        symbolic = random_boolean(random.Random(seed), 4, [T.var(n) for n in "abc"])
        concrete = random_boolean(random.Random(seed), 4, [T.const(environment[n]) for n in "abc"])
        assert concrete.value == evaluate(symbolic, environment), seed


def test_z3_agrees_with_the_evaluator() -> None:
    for seed in range(300):
        rng = random.Random(seed)
        term = random_term(rng, 3, [T.var(n) for n in "abc"])
        environment = {n: rng.choice([*INTERESTING, rng.randrange(1 << 32)]) for n in "abc"}
        value = z3.substitute(
            to_z3(term, {}), *((z3.BitVec(n, 32), z3.BitVecVal(v, 32)) for n, v in environment.items())
        )
        assert z3.simplify(value).as_long() == evaluate(term, environment), (seed, term)


def test_constants_stay_outermost() -> None:
    s, x = T.var("s"), T.var("x")
    assert T.split(T.add(T.sub(s, T.const(8)), T.const(20))) == (s, 12)
    assert T.add(T.sub(s, T.const(8)), T.const(8)) is s
    assert T.split(T.add(T.add(s, T.const(4)), T.add(x, T.const(5))))[1] == 9
    assert T.sub(T.add(s, x), T.add(s, x)).value == 0


def test_shifts_by_32_and_more_give_zero_or_the_sign() -> None:
    x = T.var("x")
    assert T.shl(x, T.const(32)).value == 0
    assert T.lshr(x, T.const(255)).value == 0
    assert evaluate(T.ashr(x, T.const(255)), {"x": 0x80000000}) == WORD


# -- flat sums -------------------------------------------------------------------------------------------------------

WIDTHS = (1, 2, 3, 8, 31, 32, 33)
NAMES = "abc"


def sum_like(rng: random.Random, depth: int, leaves: list[T.Term], width: int) -> T.Term:
    """Sums, differences, complements, shifts, masks: what `add`, `not_` and `shl` rearrange."""
    if depth == 0 or rng.random() < 0.1:
        numbers = (0, 1, 2, 5, (1 << width) - 1, 1 << (width - 1), rng.randrange(1 << width))
        return rng.choice([*leaves, *leaves, T.const(rng.choice(numbers), width)])
    a = sum_like(rng, depth - 1, leaves, width)
    kind = rng.randrange(10)
    if kind < 2:
        return T.not_(a)
    if kind == 2:
        return T.shl(a, T.const(rng.choice([0, 1, 2, width - 1, width, width + 1]), width))
    b = sum_like(rng, depth - 1, leaves, width)
    if kind == 3:
        return T.and_(a, rng.choice([b, T.not_(a), T.not_(b)]))
    if kind == 4:
        return T.sub(a, rng.choice([b, a, T.not_(a), T.add(a, b)]))
    return rng.choice([T.add, T.add, T.sub])(a, b)


def same_in_z3(term: T.Term, environment: dict[str, int], width: int) -> bool:
    numbers = [(z3.BitVec(n, width), z3.BitVecVal(v, width)) for n, v in environment.items()]
    value = z3.simplify(z3.substitute(to_z3(term, {}), *numbers))
    return bool(value.as_long() == evaluate(term, environment))


@given(st.sampled_from(WIDTHS), st.integers(0, 1 << 30))
@settings(max_examples=1200)
def test_sums_keep_their_value_at_every_width(width: int, seed: int) -> None:
    """Built twice from the same choices, over variables and over numbers (those fold); z3 evaluates the first, too."""
    rng = random.Random(seed)
    environment = {n: rng.choice([0, 1, (1 << width) - 1, rng.randrange(1 << width)]) for n in NAMES}
    symbolic = sum_like(random.Random(seed), 5, [T.var(n, width) for n in NAMES], width)
    concrete = sum_like(random.Random(seed), 5, [T.const(environment[n], width) for n in NAMES], width)
    assert symbolic.width == width
    assert evaluate(symbolic, environment) == concrete.value
    if width > 1 and seed % 8 == 0:  # of one bit, z3 has booleans, and no sums
        assert same_in_z3(symbolic, environment, width)


@given(st.integers(1, 4), st.integers(0, 1 << 30))
@settings(max_examples=150)
def test_sums_are_right_for_every_number_of_few_bits(width: int, seed: int) -> None:
    symbolic = sum_like(random.Random(seed), 4, [T.var(n, width) for n in "ab"], width)
    for a in range(1 << width):
        for b in range(1 << width):
            concrete = sum_like(random.Random(seed), 4, [T.const(n, width) for n in (a, b)], width)
            assert evaluate(symbolic, {"a": a, "b": b}) == concrete.value


@pytest.mark.parametrize("width", range(1, 34))
def test_equations_of_sums(width: int) -> None:
    x, y, z = (T.var(n, width) for n in NAMES)
    one, zero, all_ones = T.const(1, width), T.const(0, width), T.const(-1, width)
    assert T.add(x, T.not_(x)) is all_ones
    assert T.sub(x, x) is zero
    assert T.sub(T.add(x, y), y) is x
    assert T.add(T.sub(x, y), y) is x
    assert T.not_(T.not_(T.add(x, y))) is T.add(x, y)
    assert T.sub(zero, T.sub(zero, x)) is x
    assert T.add(T.add(x, y), z) is T.add(x, T.add(y, z))
    assert T.sub(T.add(x, one), T.add(x, one)) is zero
    assert T.not_(T.sub(x, y)) is T.sub(T.add(T.not_(x), y), zero)  # ~(x - y) == ~x + y
    negated = T.not_(T.add(x, one))
    assert T.split(negated) == (T.not_(x), (1 << width) - 1)


@pytest.mark.parametrize("count", [15, 16, 17, 18, 40])
def test_long_sums_are_right_and_constants_stay_outermost(count: int) -> None:
    """Beyond some length a sum is one piece of another; its value is the same, and `split` still finds the constant."""
    names = [f"v{i}" for i in range(count)]
    environment = {n: 2654435761 * i & WORD for i, n in enumerate(names)}
    total = T.const(7)
    for name in names:
        total = T.add(T.add(total, T.var(name)), T.const(3))
    expected = (7 + sum(environment.values()) + 3 * count) & WORD
    assert evaluate(total, environment) == expected
    assert T.split(total)[1] == 7 + 3 * count
    assert evaluate(T.not_(total), environment) == expected ^ WORD
    assert T.not_(T.not_(total)) is total
    assert T.sub(total, total).value == 0
    assert evaluate(T.add(total, total), environment) == 2 * expected & WORD
    assert evaluate(T.shl(total, T.const(3)), environment) == expected << 3 & WORD
    assert evaluate(T.sub(T.var("v1"), total), environment) == (environment["v1"] - expected) & WORD


def test_sums_cannot_explode() -> None:
    """Code can double a sum with each instruction: the terms stay small, and nothing recurses over them."""
    x = T.var("x")
    for turn in (lambda t: t, T.not_, lambda t: T.shl(t, T.const(1)), lambda t: T.sub(T.var("y"), t)):
        total = x
        for _ in range(600):
            total = turn(T.add(total, T.add(total, T.const(1))))
        assert len(post_order(total)) < 10_000


@given(st.sampled_from(WIDTHS), st.integers(0, 40), st.integers(0, 1 << 33), st.integers(0, 1 << 33))
@settings(max_examples=300)
def test_shifts_of_sums(width: int, by: int, value: int, constant: int) -> None:
    """(x + c) << n is (x << n) + (c << n), for every n below the width; from there on it is 0."""
    x, mask = T.var("a", width), (1 << width) - 1
    shifted = T.shl(T.add(x, T.const(constant, width)), T.const(by & mask, width))
    by &= mask
    expected = (value + constant << by) & mask if by < width else 0
    assert evaluate(shifted, {"a": value & mask}) == expected


def clauses_allow(theorem: Theorem) -> bool:
    """Whether the kernel's clauses can be satisfied: the theorem is false."""
    with Solver(name="cadical153", bootstrap_with=[list(c) for c in clauses_of(theorem)]) as solver:
        return bool(solver.solve())


@given(st.sampled_from([1, 2, 8, 32, 33]), st.integers(0, 1 << 30))
@settings(max_examples=60)
def test_the_clauses_of_a_sum_mean_its_value(width: int, seed: int) -> None:
    """With the variables fixed, the sum equals its value and nothing else."""
    rng = random.Random(seed)
    environment = {n: rng.randrange(1 << width) for n in NAMES}
    term = sum_like(rng, 4, [T.var(n, width) for n in NAMES], width)
    fixed = tuple(T.eq(T.var(n, width), T.const(v, width)) for n, v in environment.items())
    value = evaluate(term, environment)
    assert not clauses_allow(Theorem(fixed, T.eq(term, T.const(value, width))))
    if term.value is None:
        assert clauses_allow(Theorem(fixed, T.eq(term, T.const(value ^ 1, width))))
