"""Terms: constructors keep the value, normal forms are what the kernel relies upon, z3 agrees."""

from __future__ import annotations

import random

import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.verify.kernel import term as T
from ringfence.verify.prover.solvers import to_z3

WORD = 0xFFFFFFFF
INTERESTING = [0, 1, 2, 3, 4, 31, 32, 33, 255, 256, 0x7FFFFFFF, 0x80000000, 0xFFFF, 0xFFFF0000, 0x20020000, WORD]
BINARY = [T.add, T.sub, T.and_, T.or_, T.xor, T.shl, T.lshr, T.ashr, T.ror]
BOOLEAN = [T.eq, T.ult, T.ule, T.slt]


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
        T.slt: int(s < T.signed(b)),
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


class Plain:
    """The same random construction without simplification: values computed beside the terms."""


def test_simplification_never_changes_a_value() -> None:
    """Build each term twice from the same random choices: over variables and over constants."""
    for seed in range(1500):
        environment = {
            n: random.Random(seed * 7 + i).choice([*INTERESTING, seed * 2654435761 & WORD]) for i, n in enumerate("abc")
        }
        symbolic = random_boolean(random.Random(seed), 4, [T.var(n) for n in "abc"])
        concrete = random_boolean(random.Random(seed), 4, [T.const(environment[n]) for n in "abc"])
        assert concrete.value == T.evaluate(symbolic, environment), seed


def test_z3_agrees_with_the_evaluator() -> None:
    for seed in range(300):
        rng = random.Random(seed)
        term = random_term(rng, 3, [T.var(n) for n in "abc"])
        environment = {n: rng.choice([*INTERESTING, rng.randrange(1 << 32)]) for n in "abc"}
        value = z3.substitute(
            to_z3(term, {}), *((z3.BitVec(n, 32), z3.BitVecVal(v, 32)) for n, v in environment.items())
        )
        assert z3.simplify(value).as_long() == T.evaluate(term, environment), (seed, term)


def test_a_mask_of_a_masked_register_is_the_same_term() -> None:
    r = T.var("r")

    def masked(x: T.Term) -> T.Term:
        return T.or_(T.and_(x, T.const(0xFFFF)), T.const(0x20020000))

    assert masked(masked(r)) is masked(r)


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
    assert T.evaluate(T.ashr(x, T.const(255)), {"x": 0x80000000}) == WORD
