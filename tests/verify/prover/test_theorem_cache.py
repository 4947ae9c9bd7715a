"""The cache answers only what was proved, and a broken cache file costs time but never a verdict."""

from __future__ import annotations

from pathlib import Path

from ringfence.verify.kernel.term import const, ult, var
from ringfence.verify.kernel.theorem import Theorem, theorem_of
from ringfence.verify.prover.solvers import counterexample, prove
from ringfence.verify.prover.theorems import TheoremCache

A = var("a")
VALID = theorem_of([ult(A, const(5))], ult(A, const(9)))
INVALID = theorem_of([ult(A, const(9))], ult(A, const(5)))


def refuse_to_work(_: Theorem) -> bool:
    raise AssertionError("the solver was asked")


def test_a_proved_theorem_is_remembered_in_memory_and_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "theorems.sqlite"
    with TheoremCache(prove, file) as cache:
        assert cache(VALID)
        assert cache(VALID)
        assert (cache.misses, cache.hits) == (1, 1)
    with TheoremCache(refuse_to_work, file) as cache:
        assert cache(VALID)


def test_a_refuted_theorem_is_never_remembered(tmp_path: Path) -> None:
    file = tmp_path / "theorems.sqlite"
    for _ in range(2):
        with TheoremCache(prove, file) as cache:
            assert not cache(INVALID)
            assert cache.hits == 0


def test_a_damaged_file_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "theorems.sqlite"
    file.write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    with TheoremCache(prove, file) as cache:
        assert not cache(INVALID)
        assert cache(VALID)
        assert cache.hits == 0


def test_the_counterexample_makes_the_claim_false() -> None:
    values = counterexample(INVALID)
    assert values is not None
    assert 5 <= values["a"] < 9
    assert counterexample(VALID) is None
