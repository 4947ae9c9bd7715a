"""z3 says which theorems are worth a search for a proof, and gives counterexamples to the others. Untrusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import z3

from ..kernel.term import Term
from ..kernel.theorem import Theorem, post_order

_TIMEOUT_MS = 10_000

_BINARY = {
    "add": lambda a, b: a + b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "shl": lambda a, b: a << b,
    "lshr": z3.LShR,
    "ashr": lambda a, b: a >> b,
}
_BOOLEAN = {"and": z3.And, "or": z3.Or, "xor": z3.Xor}


def to_z3(term: Term, memo: dict[Term, Any]) -> Any:
    """The same value in z3: width 1 becomes Bool, the rest bit-vectors."""
    for t in post_order(term):
        if t not in memo:
            memo[t] = _node(t, [memo[a] for a in t.operands])
    return memo[term]


def _node(t: Term, args: list[Any]) -> Any:
    if t.width == 1:
        return _boolean_node(t, args)
    if t.op == "const":
        return z3.BitVecVal(t.args[0], t.width)
    if t.op == "var":
        return z3.BitVec(t.args[0], t.width)
    if t.op in _BINARY:
        return _BINARY[t.op](*args)
    if t.op == "not":
        return ~args[0]
    if t.op == "ite":
        return z3.If(*args)
    if t.op == "extract":
        return z3.Extract(t.args[1] + t.width - 1, t.args[1], args[0])
    bits = [z3.If(a, z3.BitVecVal(1, 1), z3.BitVecVal(0, 1)) if z3.is_bool(a) else a for a in args]
    if t.op == "concat":
        return z3.Concat(*bits)
    if t.op == "sext":
        return z3.SignExt(t.width - t.args[0].width, bits[0])
    raise ValueError(f"no translation of {t.op}")


def _boolean_node(t: Term, args: list[Any]) -> Any:
    if t.op == "const":
        return z3.BoolVal(bool(t.args[0]))
    if t.op == "var":
        return z3.Bool(t.args[0])
    if t.op in _BOOLEAN:
        return _BOOLEAN[t.op](*args)
    if t.op == "not":
        return z3.Not(args[0])
    if t.op == "eq":
        return args[0] == args[1]
    if t.op == "ult":
        if z3.is_bool(args[0]):
            return z3.And(z3.Not(args[0]), args[1])
        return z3.ULT(*args)
    if t.op == "extract":
        low = t.args[1]
        return z3.Extract(low, low, args[0]) == z3.BitVecVal(1, 1)
    if t.op == "ite":
        return z3.If(*args)
    raise ValueError(f"no translation of {t.op} of width 1")


def _refutation(theorem: Theorem) -> tuple[Any, Any]:
    memo: dict[Term, Any] = {}
    solver = z3.SolverFor("QF_BV")
    solver.set("timeout", _TIMEOUT_MS)
    for h in theorem.hypotheses:
        solver.add(to_z3(h, memo))
    solver.add(z3.Not(to_z3(theorem.conclusion, memo)))
    return solver, memo


def prove(theorem: Theorem) -> bool:
    """True only if z3 shows that no assignment makes the hypotheses true and the conclusion false."""
    try:
        solver, _ = _refutation(theorem)
        return bool(solver.check() == z3.unsat)
    except (z3.Z3Exception, ValueError):
        return False


def counterexample(theorem: Theorem) -> Mapping[str, int] | None:
    """Values of the obligation's own variables for which the claim is false; None if z3 finds none in time.

    r0-r12, r14 are registers at the block's start, s is SP and ra LR at the function's entry, n z c v the flags,
    u... values that nothing is known of (loaded from memory, left by a call).
    """
    solver, _ = _refutation(theorem)
    if solver.check() != z3.sat:
        return None
    model = solver.model()
    values: dict[str, int] = {}
    for declaration in model.decls():
        value = model[declaration]
        number = int(z3.is_true(value)) if z3.is_bool(value) else value.as_long()
        values[declaration.name()] = number
    return values
