"""Processes change the time and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ringfence.verify.kernel.term import const, ult, var
from ringfence.verify.kernel.theorem import Theorem, theorem_of
from ringfence.verify.prover.parallel import cores, forked_map
from ringfence.verify.prover.refutation import find_proof
from ringfence.verify.prover.theorems import ProofStore
from ringfence.verify.recheck import write_certificate
from ringfence.verify.verifier import verify
from support.corpus import read_corpus

ITEMS = list(range(50))


def test_results_come_in_order_from_as_many_processes_as_asked_for() -> None:
    def slowly(n: int) -> tuple[int, int]:
        time.sleep(0.02)
        return n * n, os.getpid()

    for jobs in (1, 2, 3, 70):
        results = list(forked_map(slowly, ITEMS, jobs))
        assert [square for square, _ in results] == [n * n for n in ITEMS]
        processes = {process for _, process in results}
        assert (jobs > 1) <= len(processes) - 1 < jobs
        assert (os.getpid() in processes) is (jobs == 1)


def test_one_slow_item_does_not_hold_up_the_others() -> None:
    def work(n: int) -> int:
        time.sleep(1 if n == 0 else 0)
        return os.getpid()

    first, *others = forked_map(work, ITEMS, 2)
    assert others.count(first) < 5


def test_terms_keep_their_identity_in_the_processes() -> None:
    terms = [var(f"x{n}") for n in ITEMS]
    assert all(forked_map(lambda t: t is var(t.args[0]), terms, 2))


def test_a_process_that_dies_is_noticed() -> None:
    with pytest.raises(EOFError):
        list(forked_map(lambda n: os._exit(1) if n == 31 else n, ITEMS, 2))


def test_processes_end_when_nobody_wants_the_rest() -> None:
    results = forked_map(lambda n: n if n < 2 else time.sleep(600), ITEMS, 2)
    assert next(results) == 0
    start = time.monotonic()
    results.close()
    assert time.monotonic() - start < 60


def test_there_is_a_core() -> None:
    assert cores() >= 1


THEOREMS = [theorem_of([ult(var("x"), const(n))], ult(var("x"), const(2 * n))) for n in range(1, 40)]


def test_the_same_proofs_are_found_by_any_number_of_processes() -> None:
    found = []
    for jobs in (1, 2):
        with ProofStore(find_proof, None, jobs) as store:
            found.append(list(store(THEOREMS)))
            assert (store.solved, store.untried) == (len(THEOREMS), 0)
    assert found[0] == found[1]
    assert None not in found[0]


@pytest.mark.parametrize("jobs", [1, 2])
def test_when_the_time_is_over_theorems_stay_unproved(jobs: int) -> None:
    def slow(theorem: Theorem) -> None:
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass

    with ProofStore(slow, None, jobs, seconds=0.1) as store:
        assert list(store(THEOREMS)) == [None] * len(THEOREMS)
        assert store.untried + store.solved == len(THEOREMS)
        assert 0 < store.solved <= 6 * jobs


def test_the_certificate_does_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    case = next(c for c in read_corpus(Path(__file__).parents[1] / "corpus") if c.name == "stores/masked")
    elf, policy = case.build(tmp_path), case.policy()
    one, two = verify(elf, policy).certificate, verify(elf, policy, jobs=2).certificate
    assert one is not None
    assert two is not None
    assert write_certificate(one) == write_certificate(two)
