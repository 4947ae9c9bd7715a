"""Normalisation keeps the meaning of an obligation and makes equal ones equal."""

from __future__ import annotations

from ringfence.verify.kernel.term import FALSE, add, and_, const, eq, not_, ult, var
from ringfence.verify.kernel.theorem import theorem_of, variables

A, B, C = var("a"), var("b"), var("c")
HALF = and_(A, const(0xFFFF))


def test_names_do_not_matter() -> None:
    one = theorem_of([ult(A, const(5))], ult(A, const(9)))
    other = theorem_of([ult(B, const(5))], ult(B, const(9)))
    assert one.text() == other.text()


def test_widths_and_constants_and_roles_matter() -> None:
    texts = [
        theorem_of([ult(A, const(5))], ult(A, const(9))).text(),
        theorem_of([ult(A, const(6))], ult(A, const(9))).text(),
        theorem_of([ult(A, const(9))], ult(A, const(5))).text(),
        theorem_of([], ult(A, const(9))).text(),
        theorem_of([ult(A, const(5)), ult(A, const(9))], ult(A, const(9))).text(),
        theorem_of([], ult(var("a", 16), const(9, 16))).text(),
        theorem_of([], ult(A, B)).text(),
        theorem_of([], eq(A, B)).text(),
        theorem_of([], not_(ult(A, B))).text(),
    ]
    assert len(set(texts)) == len(texts)


def test_one_variable_twice_is_not_two_variables() -> None:
    assert theorem_of([], ult(add(A, A), C)).text() != theorem_of([], ult(add(A, B), C)).text()


def test_irrelevant_hypotheses_are_left_out_and_connected_ones_kept() -> None:
    theorem = theorem_of([ult(B, C), ult(A, B), ult(var("x"), var("y"))], ult(A, const(9)))
    assert set().union(*map(variables, (theorem.conclusion, *theorem.hypotheses))) == {A, B, C}
    assert len(theorem.hypotheses) == 2


def test_a_contradiction_is_kept() -> None:
    assert theorem_of([FALSE], ult(A, const(9))).hypotheses == (FALSE,)


def test_a_variable_named_like_a_normalised_one_is_not_captured() -> None:
    v0, v1 = var("v1"), var("v0")
    theorem = theorem_of([ult(v1, HALF)], ult(v0, v1))
    assert theorem.text() == theorem_of([ult(C, HALF)], ult(B, C)).text()
