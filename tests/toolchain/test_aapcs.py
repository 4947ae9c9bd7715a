"""Where arguments go, by examples from the procedure call standard; tests/runtime/test_gate_abi_random.py asks gcc."""

from __future__ import annotations

import pytest

from ringfence.toolchain.aapcs import stack_words
from ringfence.toolchain.prototypes import Prototype


def places(parameters: str, *, hard: bool, result: str = "void") -> str:
    """One group of registers (r0, s0) and stack words (+0) per argument."""
    prefix = {"core": "r", "vfp": "s", "stack": "+"}
    placed = Prototype.parse(f"f({parameters}) -> {result}").places(hard=hard)
    return " ".join(",".join(f"{prefix[w.kind]}{w.index}" for w in words) for words in placed)


@pytest.mark.parametrize(("parameters", "soft", "hard"), [
    ("a, b, c, d, e, f", "r0 r1 r2 r3 +0 +1", "r0 r1 r2 r3 +0 +1"),
    ("a, int64 b", "r0 r2,r3", "r0 r2,r3"),
    ("a, b, c, int64 d, e", "r0 r1 r2 +0,+1 +2", "r0 r1 r2 +0,+1 +2"),
    ("a, b, c, d, e, int64 f", "r0 r1 r2 r3 +0 +2,+3", "r0 r1 r2 r3 +0 +2,+3"),
    ("a, b, c, struct s[int*3] d, e", "r0 r1 r2 r3,+0,+1 +2", "r0 r1 r2 r3,+0,+1 +2"),
    ("a, struct s[int64*2] b", "r0 r2,r3,+0,+1", "r0 r2,r3,+0,+1"),
    ("struct s[3] a, struct t[5] b", "r0 r1,r2", "r0 r1,r2"),
    ("float a, n", "r0 r1", "s0 r0"),
    ("float a, double b, float c", "r0 r2,r3 +0", "s0 s2,s3 s1"),
    ("struct v[float*4] a, b", "r0,r1,r2,r3 +0", "s0,s1,s2,s3 r0"),
    ("struct v[float*5] a, b", "r0,r1,r2,r3,+0 +1", "r0,r1,r2,r3,+0 +1"),
    ("double a, double b, double c, double d, double e, double f, double g, struct v[float*3] h, float i, j",
     "r0,r1 r2,r3 +0,+1 +2,+3 +4,+5 +6,+7 +8,+9 +10,+11,+12 +13 +14",
     "s0,s1 s2,s3 s4,s5 s6,s7 s8,s9 s10,s11 s12,s13 +0,+1,+2 +3 r0"),
    ("in p[n], n, function f, pointer q, bool b", "r0 r1 r2 r3 +0", "r0 r1 r2 r3 +0"),
])
def test_arguments_are_placed_as_the_standard_says(parameters: str, soft: str, hard: str) -> None:
    assert places(parameters, hard=False) == soft
    assert places(parameters, hard=True) == hard


@pytest.mark.parametrize(("result", "soft", "hard"), [
    ("struct s[4]", "r0", "r0"), ("struct s[5]", "r0 r1", "r0 r1"), ("struct v[float*1]", "r0", "r0"),
    ("struct v[float*4]", "r0 r1", "r0"), ("struct v[float*5]", "r0 r1", "r0 r1"), ("struct v[double*4]", "r0 r1", "r0"),
    ("double", "r0", "r0"),
])
def test_a_larger_structure_result_has_its_address_passed_first(result: str, soft: str, hard: str) -> None:
    assert places("n", hard=False, result=result) == soft
    assert places("n", hard=True, result=result) == hard


def test_stack_words_count_holes() -> None:
    prototype = Prototype.parse("f(a, b, c, d, e, int64 f)")
    assert stack_words(prototype.places(hard=False)) == prototype.stack_words == 4
    assert Prototype.parse("f(a, b, c, d)").stack_words == 0
