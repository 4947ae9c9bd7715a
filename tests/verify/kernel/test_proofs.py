"""Clauses mean what terms mean, and the LRAT checker accepts refutations and nothing else."""

from __future__ import annotations

import random

import pytest
from pysat.solvers import Cadical153

from ringfence.verify.evaluate import evaluate
from ringfence.verify.kernel import term as T
from ringfence.verify.kernel.bitblast import clauses_of
from ringfence.verify.kernel.lrat import refutes
from ringfence.verify.kernel.theorem import Theorem, theorem_of
from ringfence.verify.prover.refutation import add_hints, find_proof
from ringfence.verify.prover.solvers import prove
from support.terms import slt

X, Y = T.var("x"), T.var("y")
INTERESTING = [0, 1, 3, 4, 31, 32, 255, 0xFFFF, 0x20020000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
OPERATIONS = [T.add, T.sub, T.and_, T.or_, T.xor, T.shl, T.lshr, T.ashr, T.ror]
BOOLEANS = [T.eq, T.ult, T.ule, slt]


def random_term(rng: random.Random, depth: int) -> T.Term:
    if depth == 0:
        return rng.choice([X, Y, T.const(rng.choice(INTERESTING))])
    kind = rng.randrange(10)
    if kind == 0:
        return T.ite(rng.choice(BOOLEANS)(random_term(rng, depth - 1), X), Y, random_term(rng, depth - 1))
    if kind == 1:
        width = rng.choice([1, 8, 16])
        return rng.choice([T.zext, T.sext])(T.extract(random_term(rng, depth - 1), rng.randrange(33 - width), width))
    if kind == 2:
        return T.not_(random_term(rng, depth - 1))
    return rng.choice(OPERATIONS)(random_term(rng, depth - 1), random_term(rng, depth - 1))


def satisfiable(theorem: Theorem) -> bool:
    with Cadical153(bootstrap_with=[list(c) for c in clauses_of(theorem)]) as solver:
        return bool(solver.solve())


def test_a_term_has_the_value_that_the_evaluator_gives_it_and_no_other() -> None:
    """For each operation, on numbers: the clauses of 'term == value' are valid, those of 'term == other' are not."""
    for seed in range(250):
        rng = random.Random(seed)
        term = random_term(rng, 2)
        environment = {"x": rng.choice(INTERESTING), "y": rng.choice([*INTERESTING, rng.randrange(1 << 32)])}
        facts = [T.eq(X, T.const(environment["x"])), T.eq(Y, T.const(environment["y"]))]
        value = evaluate(term, environment)
        assert not satisfiable(theorem_of(facts, T.eq(term, T.const(value)))), (seed, term)
        assert satisfiable(theorem_of(facts, T.eq(term, T.const(value ^ 1 << rng.randrange(32))))), (seed, term)


def random_theorem(rng: random.Random) -> Theorem:
    facts = [rng.choice(BOOLEANS)(random_term(rng, 1), random_term(rng, 1)) for _ in range(rng.randrange(3))]
    return theorem_of(facts, rng.choice(BOOLEANS)(random_term(rng, 2), random_term(rng, 1)))


def test_clauses_and_z3_agree_on_validity() -> None:
    verdicts = set()
    for seed in range(150):
        theorem = random_theorem(random.Random(seed))
        verdict = prove(theorem)
        verdicts.add(verdict)
        assert satisfiable(theorem) is not verdict, (seed, theorem)
    assert verdicts == {True, False}


MASKED = T.or_(T.and_(X, T.const(0xFFFF)), T.const(0x20020000))
VALID = [
    theorem_of([], T.eq(T.or_(T.and_(MASKED, T.const(0xFFFF)), T.const(0x20020000)), MASKED)),
    theorem_of([], T.ult(T.add(MASKED, T.const(-0x2001FF00)), T.const(0x10200))),
    theorem_of([T.ult(X, Y), T.ult(Y, T.const(100))], T.ult(X, T.const(99))),
    theorem_of([], T.eq(T.add(X, Y), T.add(Y, X))),
    theorem_of([slt(X, Y)], T.not_(slt(Y, X))),
    theorem_of([T.FALSE], T.FALSE),
    theorem_of([], T.eq(T.lshr(T.shl(T.and_(X, T.const(1)), T.and_(Y, T.const(7))), T.and_(Y, T.const(7))), T.and_(X, T.const(1)))),
]


@pytest.mark.parametrize("theorem", VALID)
def test_a_found_proof_is_accepted_and_mutated_ones_are_not_trusted(theorem: Theorem) -> None:
    """A mutant may still be a proof, but then of the same clauses; no mutant proves a false theorem."""
    clauses, proof = clauses_of(theorem), find_proof(theorem)
    assert proof is not None
    assert refutes(clauses, proof)
    assert not refutes(clauses, proof[:-1])
    assert not refutes([c for c in clauses if len(c) > 1], proof) or len(clauses) < 4
    rng = random.Random(1)
    refused = 0
    for _ in range(200):
        mutant = [(list(literals), list(hints)) for literals, hints in proof]
        literals, hints = rng.choice(mutant)
        part = rng.choice([p for p in (literals, hints) if p] or [hints])
        if part:
            part[rng.randrange(len(part))] = rng.randrange(-40, 40)
        refused += not refutes(clauses, mutant)
    assert refused or len(proof) == 1


def test_no_sequence_of_random_steps_refutes_satisfiable_clauses() -> None:
    rng = random.Random(2)
    clauses = [(1,), (-1, 2, 3), (-2, 3), (-3, 4), (4, -2, 5)]
    for _ in range(20_000):
        proof = [
            ([rng.randrange(-5, 6) for _ in range(rng.randrange(3))], [rng.randrange(-1, 9) for _ in range(rng.randrange(5))])
            for _ in range(rng.randrange(1, 5))
        ]
        assert not refutes(clauses, proof)


def test_steps_may_not_use_clauses_that_do_not_exist_yet() -> None:
    assert not refutes([(1,), (2,)], [([], [3])])
    assert not refutes([(1,), (2,)], [([-1], [3]), ([], [1, 3])])
    assert not refutes([(1,), (2,)], [([], [0])])
    assert not refutes([(1,), (2,)], [([], [-1])])
    assert not refutes([(1,)], [])
    assert refutes([(1,), (-1,)], [([], [1, 2])])


def test_a_false_theorem_has_no_proof() -> None:
    assert find_proof(theorem_of([], T.ult(X, Y))) is None
    assert add_hints([(1, 2)], [[3]]) is None
