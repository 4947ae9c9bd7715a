"""The fourteen conditions against their definitions (A7.3.1), on all sixteen combinations of the flags."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from ringfence.verify.evaluate import evaluate
from ringfence.verify.kernel.isa.conditions import ALWAYS, condition
from ringfence.verify.kernel.term import TRUE, var

# condition -> what the manual says, of N, Z, C, V
DEFINITIONS: dict[str, tuple[int, Callable[[bool, bool, bool, bool], bool]]] = {
    "EQ": (0, lambda n, z, c, v: z),
    "NE": (1, lambda n, z, c, v: not z),
    "CS": (2, lambda n, z, c, v: c),
    "CC": (3, lambda n, z, c, v: not c),
    "MI": (4, lambda n, z, c, v: n),
    "PL": (5, lambda n, z, c, v: not n),
    "VS": (6, lambda n, z, c, v: v),
    "VC": (7, lambda n, z, c, v: not v),
    "HI": (8, lambda n, z, c, v: c and not z),
    "LS": (9, lambda n, z, c, v: not c or z),
    "GE": (10, lambda n, z, c, v: n == v),
    "LT": (11, lambda n, z, c, v: n != v),
    "GT": (12, lambda n, z, c, v: not z and n == v),
    "LE": (13, lambda n, z, c, v: z or n != v),
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_condition_is_as_defined(name: str) -> None:
    code, defined = DEFINITIONS[name]
    term = condition(lambda flag: var(flag, 1), code)
    for values in product((False, True), repeat=4):
        environment = {flag: int(value) for flag, value in zip("nzcv", values, strict=True)}
        assert evaluate(term, environment) == defined(*values)


def test_always_is_true_and_fifteen_is_no_condition() -> None:
    assert condition(lambda flag: var(flag, 1), ALWAYS) is TRUE
    with pytest.raises(ValueError, match="15"):
        condition(lambda flag: var(flag, 1), 15)
