"""The value of a term, for tests and models: a second definition of the operations, beside the kernel's clauses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .kernel.term import Term, signed
from .kernel.theorem import post_order

_OPERATIONS: dict[str, Callable[..., int]] = {
    "add": lambda w, a, b: a + b,
    "and": lambda w, a, b: a & b,
    "or": lambda w, a, b: a | b,
    "xor": lambda w, a, b: a ^ b,
    "not": lambda w, a: ~a,
    "shl": lambda w, a, n: a << n if n < w else 0,
    "lshr": lambda w, a, n: a >> n,
    "ashr": lambda w, a, n: signed(a, w) >> n,
    "eq": lambda w, a, b: a == b,
    "ult": lambda w, a, b: a < b,
    "ite": lambda w, c, a, b: a if c else b,
}


def evaluate(term: Term, environment: Mapping[str, int]) -> int:
    """The value of `term` when each variable has the value that `environment` gives it.

    Raises KeyError for a variable that has none.
    """
    values: dict[Term, int] = {}
    for t in post_order(term):
        values[t] = _value(t, [values[a] for a in t.operands], environment) & ((1 << t.width) - 1)
    return values[term]


def _value(t: Term, operands: list[int], environment: Mapping[str, int]) -> int:
    if t.op == "const":
        return int(t.args[0])
    if t.op == "var":
        return environment[str(t.args[0])]
    if t.op == "extract":
        return operands[0] >> int(t.args[1])
    if t.op == "concat":
        return operands[0] << t.operands[1].width | operands[1]
    if t.op == "sext":
        return signed(operands[0], t.operands[0].width)
    return _OPERATIONS[t.op](t.width, *operands)
