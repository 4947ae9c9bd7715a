"""The trusted parts against each other: exhaustively on short words, and at random on long ones.

evaluator = clauses = z3; a theorem never says less than its obligation; a theorem's digest stands for its meaning; no
proof, however altered, refutes clauses that can be satisfied.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pysat.solvers import Cadical153

from ringfence.verify.evaluate import evaluate
from ringfence.verify.kernel import term as T
from ringfence.verify.kernel.bitblast import Clause, clauses_of
from ringfence.verify.kernel.lrat import Step, refutes
from ringfence.verify.kernel.theorem import Theorem, theorem_of, variables
from ringfence.verify.prover.refutation import find_proof
from ringfence.verify.prover.solvers import prove
from support.terms import slt

INTERESTING = [0, 1, 3, 4, 31, 32, 255, 0xFFFF, 0x20020000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
OPERATIONS: dict[str, Callable[[T.Term, T.Term], T.Term]] = {
    "add": T.add, "sub": T.sub, "and": T.and_, "or": T.or_, "xor": T.xor, "shl": T.shl, "lshr": T.lshr, "ashr": T.ashr,
    "eq": T.eq, "ult": T.ult, "ule": T.ule, "slt": slt, "not": lambda a, _: T.not_(a),
    "ite": lambda a, b: T.ite(T.ult(a, b), a, b), "concat": T.concat, "sext": lambda a, _: T.sext(a, a.width + 3),
    "extract": lambda a, b: T.extract(T.concat(a, b), 1, a.width),
}  # fmt: skip
NAMES = ["a", "b", "c"]


def satisfiable(clauses: Sequence[Clause]) -> bool:
    with Cadical153(bootstrap_with=[list(c) for c in clauses]) as solver:
        return bool(solver.solve())


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_on_every_short_word(name: str, width: int) -> None:
    """The clauses of `operation == value` hold for the evaluator's value, and for no other (one bit is flipped in turn)."""
    x, y = T.var("x", width), T.var("y", width)
    term = OPERATIONS[name](x, y)
    for a, b in itertools.product(range(1 << width), repeat=2):
        value = evaluate(term, {"x": a, "y": b})
        assert OPERATIONS[name](T.const(a, width), T.const(b, width)).value == value
        facts = [T.eq(x, T.const(a, width)), T.eq(y, T.const(b, width))]
        other = value ^ 1 << (a + b) % term.width
        assert not satisfiable(clauses_of(theorem_of(facts, T.eq(term, T.const(value, term.width)))))
        assert satisfiable(clauses_of(theorem_of(facts, T.eq(term, T.const(other, term.width)))))


def random_word(rng: random.Random, depth: int) -> T.Term:
    if depth == 0:
        return rng.choice([*map(T.var, NAMES), T.const(rng.choice(INTERESTING))])
    kind = rng.randrange(8)
    if kind == 0:
        return T.ite(random_fact(rng, depth - 1), random_word(rng, depth - 1), random_word(rng, depth - 1))
    if kind == 1:
        width = rng.choice([1, 8, 16])
        return rng.choice([T.zext, T.sext])(T.extract(random_word(rng, depth - 1), rng.randrange(33 - width), width))
    operation = OPERATIONS[rng.choice(["add", "sub", "and", "or", "xor", "shl", "lshr", "ashr", "not"])]
    return operation(random_word(rng, depth - 1), random_word(rng, depth - 1))


def random_fact(rng: random.Random, depth: int) -> T.Term:
    fact = OPERATIONS[rng.choice(["eq", "ult", "ule", "slt"])](random_word(rng, depth), random_word(rng, depth))
    if depth and rng.random() < 0.3:
        fact = rng.choice([T.and_, T.or_])(fact, random_fact(rng, depth - 1))
    return T.not_(fact) if rng.random() < 0.2 else fact


def random_obligation(rng: random.Random) -> tuple[list[T.Term], T.Term]:
    return [random_fact(rng, rng.choice([0, 1, 1])) for _ in range(rng.randrange(4))], random_fact(
        rng, rng.choice([0, 1, 2])
    )


@pytest.mark.parametrize("seed", range(4))
def test_evaluator_clauses_and_z3_agree_on_random_facts(seed: int) -> None:
    """A fact under given values: what the evaluator says, what z3 says, and whether the clauses can be satisfied."""
    rng = random.Random(seed)
    for _ in range(15):
        fact = random_fact(rng, 2)
        values = {name: rng.choice([*INTERESTING, rng.randrange(1 << 32)]) for name in NAMES}
        given_ = [T.eq(T.var(n), T.const(v)) for n, v in values.items()]
        for claim, holds in ((fact, bool(evaluate(fact, values))), (T.not_(fact), not evaluate(fact, values))):
            theorem = Theorem(tuple(given_), claim)
            assert satisfiable(clauses_of(theorem)) is not holds
            assert prove(theorem) is holds


def test_a_theorem_never_says_less_than_its_obligation() -> None:
    """What is proved of the normalised theorem holds of the obligation, under every values tried; hypotheses are its own."""
    proved = 0
    for seed in range(120):
        rng = random.Random(seed)
        hypotheses, conclusion = random_obligation(rng)
        theorem = theorem_of(hypotheses, conclusion)
        assert theorem.conclusion is conclusion
        assert set(theorem.hypotheses) <= set(hypotheses)
        if satisfiable(clauses_of(theorem)):
            continue
        proved += 1
        assert not satisfiable(clauses_of(Theorem(tuple(hypotheses), conclusion)))
        for _ in range(30):
            values = {name: rng.choice([*INTERESTING, rng.randrange(1 << 32)]) for name in NAMES}
            if all(evaluate(h, values) for h in hypotheses):
                assert evaluate(conclusion, values), (seed, values)
    assert proved > 10


def renamed(term: T.Term, names: dict[str, str]) -> T.Term:
    """The same term over other variables, built without the constructors."""
    if term.op == "var":
        return T.var(names[term.args[0]], term.width)
    return T._term(term.op, term.width, *(renamed(a, names) if isinstance(a, T.Term) else a for a in term.args))


@given(st.integers(0, 1 << 30), st.permutations(NAMES))
@settings(max_examples=80)
def test_what_variables_are_called_does_not_matter(seed: int, names: list[str]) -> None:
    theorem = theorem_of(*random_obligation(random.Random(seed)))
    other_names = dict(zip(NAMES, (f"{n}'" for n in names), strict=True))
    other = Theorem(
        tuple(renamed(h, other_names) for h in theorem.hypotheses), renamed(theorem.conclusion, other_names)
    )
    assert other.digest() == theorem.digest()
    assert clauses_of(other) == clauses_of(theorem)


def test_equal_digests_mean_equal_clauses_and_equal_clauses_of_one_shape_equal_digests() -> None:
    """Over thousands of small theorems, with many that differ in one constant, one variable or one operation only."""
    found: dict[str, list[Clause]] = {}
    variables_of: dict[str, int] = {}
    leaves = [T.var("a"), T.var("b"), T.const(1), T.const(2)]
    operations = [T.add, T.and_, T.or_, T.xor, T.shl, T.lshr, T.ashr]
    words = [*leaves, *(op(x, y) for op in operations for x, y in itertools.product(leaves, repeat=2))]
    for compare in (T.eq, T.ult, slt):
        for x, y in itertools.product(words, leaves):
            theorem = theorem_of([T.ult(T.var("a"), T.const(9))], compare(x, y))
            clauses = clauses_of(theorem)
            digest = theorem.digest()
            assert found.setdefault(digest, clauses) == clauses
            count = len({v for t in (theorem.conclusion, *theorem.hypotheses) for v in variables(t)})
            assert variables_of.setdefault(digest, count) == count
    assert len(found) > 500


# -- proofs -------------------------------------------------------------------------------------------------------


def mutated(proof: Sequence[Step], rng: random.Random, last: int) -> list[Step]:
    """The proof with one to three literals, hints or steps changed, dropped, added or exchanged."""
    steps = [(list(literals), list(hints)) for literals, hints in proof]
    for _ in range(rng.choice([1, 1, 2, 3])):
        kind, at = rng.randrange(6), rng.randrange(len(steps))
        part = steps[at][rng.randrange(2)]
        if kind == 0 and part:
            part[rng.randrange(len(part))] = rng.randrange(-last, last)
        elif kind == 1 and part:
            del part[rng.randrange(len(part))]
        elif kind == 2:
            part.insert(rng.randrange(len(part) + 1), rng.randrange(-last, last))
        elif kind == 3 and len(steps) > 1:
            del steps[at]
        elif kind == 4:
            other = rng.randrange(len(steps))
            steps[at], steps[other] = steps[other], steps[at]
        else:
            steps.insert(at, ([rng.randrange(-last, last) for _ in range(rng.randrange(3))], list(part)))
    return steps


def theorem_with_mask(bound: int, mask: int) -> Theorem:
    """(x & mask) | 0x20020000 lies less than `bound` above the window's base: true or not."""
    masked = T.or_(T.and_(T.var("x"), T.const(mask)), T.const(0x20020000))
    return theorem_of([T.ult(T.var("x"), T.var("y"))], T.ult(T.add(masked, T.const(-0x20020000)), T.const(bound)))


def test_no_altered_proof_refutes_what_can_be_satisfied() -> None:
    """Proofs of true theorems, altered, against the clauses of false ones that differ in one number."""
    rng = random.Random(5)
    true = [theorem_with_mask(b, m) for b, m in ((0x10000, 0xFFFF), (0x20000, 0xFFFF), (0x100, 0xFC), (256, 0xFF))]
    true.append(
        theorem_of([T.ult(T.var("x"), T.var("y")), T.ult(T.var("y"), T.const(100))], T.ult(T.var("x"), T.const(99)))
    )
    false = [
        theorem_with_mask(b, m) for b, m in ((0xFFFF, 0xFFFF), (0x10000, 0x1FFFF), (0xFC, 0xFC), (0x10000, 0x4000FFFF))
    ]
    false.append(
        theorem_of([T.ult(T.var("x"), T.var("y")), T.ult(T.var("y"), T.const(100))], T.ult(T.var("x"), T.const(98)))
    )
    proofs = [proof for t in true if (proof := find_proof(t)) is not None]
    assert len(proofs) == len(true)
    wrong = [clauses_of(t) for t in false]
    assert all(map(satisfiable, wrong))
    for proof in proofs:
        for clauses in wrong:
            assert not refutes(clauses, proof)
            for _ in range(120):
                assert not refutes(clauses, mutated(proof, rng, len(clauses) + len(proof)))


def test_most_alterations_of_a_proof_are_noticed() -> None:
    rng = random.Random(6)
    theorem = theorem_of([slt(T.var("x"), T.var("y"))], T.not_(slt(T.var("y"), T.var("x"))))
    clauses, proof = clauses_of(theorem), find_proof(theorem)
    assert proof is not None
    assert refutes(clauses, proof)
    refused = sum(not refutes(clauses, mutated(proof, rng, len(clauses))) for _ in range(300))
    assert refused > 100
    for cut in range(len(proof)):
        assert not refutes(clauses, proof[:cut])
