"""Proofs are found, kept and given again; a damaged or poisoned cache costs time but never a verdict."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from ringfence.verify.kernel.bitblast import clauses_of
from ringfence.verify.kernel.lrat import refutes
from ringfence.verify.kernel.term import const, ult, var
from ringfence.verify.kernel.theorem import Theorem, theorem_of
from ringfence.verify.prover.refutation import find_proof
from ringfence.verify.prover.solvers import counterexample
from ringfence.verify.prover.theorems import ProofStore

A = var("a")
VALID = theorem_of([ult(A, const(5))], ult(A, const(9)))
INVALID = theorem_of([ult(A, const(9))], ult(A, const(5)))


def refuse_to_work(_: Theorem) -> None:
    raise AssertionError("the solver was asked")


def proves(store: ProofStore, theorem: Theorem) -> bool:
    proof = store.proof(theorem)
    return proof is not None and refutes(clauses_of(theorem), proof)


def test_a_proof_is_remembered_in_memory_and_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "theorems.sqlite"
    with ProofStore(find_proof, file) as store:
        assert proves(store, VALID)
        assert proves(store, VALID)
        assert (store.solved, store.cached) == (1, 1)
    with ProofStore(refuse_to_work, file) as store:
        assert proves(store, VALID)


def test_a_refuted_theorem_is_never_remembered(tmp_path: Path) -> None:
    file = tmp_path / "theorems.sqlite"
    for _ in range(2):
        with ProofStore(find_proof, file) as store:
            assert store.proof(INVALID) is None
            assert store.cached == 0


def test_a_damaged_file_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "theorems.sqlite"
    file.write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    with ProofStore(find_proof, file) as store:
        assert store.proof(INVALID) is None
        assert proves(store, VALID)
        assert store.cached == 0


def test_a_poisoned_entry_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "theorems.sqlite"
    with ProofStore(find_proof, file) as store:
        assert proves(store, VALID)
        genuine = json.dumps(store.used[VALID.digest()])
    for poison in ("[[[], [1]]]", "[]", "5", "[[5]]", '[[["x"], [1]]]', "not json", "[" * 5000):
        connection = sqlite3.connect(file)
        with connection:
            connection.execute("update proofs set proof = ?", (poison,))
            # a proof of something else under the name of a false theorem
            connection.execute("insert or replace into proofs values (?, ?)", (INVALID.digest(), genuine))
        connection.close()
        with ProofStore(find_proof, file) as store:
            assert store.proof(INVALID) is None, poison
            assert proves(store, VALID), poison
            assert store.cached == 0, poison


def test_the_counterexample_makes_the_claim_false() -> None:
    values = counterexample(INVALID)
    assert values is not None
    assert 5 <= values["a"] < 9
    assert counterexample(VALID) is None
