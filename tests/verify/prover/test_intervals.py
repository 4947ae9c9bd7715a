"""Interval analysis never excludes a value that a term can have."""

from __future__ import annotations

import random

from ringfence.verify.kernel import term as T
from ringfence.verify.prover.intervals import interval

X, Y = T.var("x"), T.var("y")
WORD = 0xFFFFFFFF


def test_useful_bounds() -> None:
    masked = T.or_(T.and_(X, T.const(0xFFFF)), T.const(0x20020000))
    low, high = interval(masked)
    assert (low, high) == (0x20020000, 0x2002FFFF)
    assert interval(T.zext(T.var("b", 8))) == (0, 255)
    assert interval(X, [T.ult(X, T.const(6))]) == (0, 5)
    switch = T.not_(T.and_(T.not_(T.ult(X, T.const(5))), T.not_(T.eq(X, T.const(5)))))
    assert interval(X, [switch]) == (0, 5)
    shifted = T.add(X, T.const(-1))
    switch = T.not_(T.and_(T.not_(T.ult(shifted, T.const(7))), T.not_(T.eq(shifted, T.const(7)))))
    assert interval(shifted, [switch]) == (0, 7)


def test_every_value_lies_in_its_interval() -> None:
    rng = random.Random(1)
    operations = [T.add, T.sub, T.and_, T.or_, T.xor, T.shl, T.lshr, T.ashr]

    def build(depth: int) -> T.Term:
        if depth == 0:
            return rng.choice([X, Y, T.const(rng.choice([0, 1, 4, 31, 0xFFFF, 0x80000000, WORD]))])
        if rng.random() < 0.2:
            return T.zext(T.extract(build(depth - 1), rng.randrange(24), 8))
        if rng.random() < 0.2:
            return T.ite(T.ult(build(depth - 1), build(depth - 1)), build(depth - 1), build(depth - 1))
        return rng.choice(operations)(build(depth - 1), build(depth - 1))

    for _ in range(3000):
        term = build(3)
        environment = {"x": rng.choice([0, 5, 0x8000, WORD, rng.randrange(1 << 32)]), "y": rng.randrange(64)}
        facts = [T.ult(Y, T.const(64))]
        if environment["x"] <= 5:
            facts.append(T.not_(T.and_(T.not_(T.ult(X, T.const(5))), T.not_(T.eq(X, T.const(5))))))
        low, high = interval(term, facts)
        assert low <= T.evaluate(term, environment) <= high, term
