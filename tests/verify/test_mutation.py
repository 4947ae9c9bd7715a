"""Mutants of certified code are rejected, or harmless: those still accepted run under the monitor and never escape."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from ringfence.verify.kernel.rejected import Rejected
from ringfence.verify.verifier import verify
from support.corpus import CODE, SLOTS, Case, read_corpus
from support.monitor import Monitor
from support.mutate import Mutant, mutants
from support.toolchain import run

ACCEPTED = [c for c in read_corpus(Path(__file__).parent / "corpus") if not c.rejections]
# `make mutation` sets these higher
MUTANTS = int(os.environ.get("RINGFENCE_MUTANTS", "24"))
RUNS = int(os.environ.get("RINGFENCE_MUTANT_RUNS", "6"))


def code_end(elf: Path) -> int:
    """The end of the case's own code: what follows up to the slots is padding."""
    for line in run("arm-none-eabi-objdump", "-h", elf.with_suffix(".o")).splitlines():
        fields = line.split()
        if len(fields) > 2 and fields[1] == ".text":
            return CODE + int(fields[2], 16)
    raise AssertionError("no .text")


def escapes(mutant: Mutant, policy: bytes, runs: int) -> list[str]:
    """What goes wrong in `runs` executions of a mutant from random states."""
    monitor = Monitor(mutant.elf, policy)
    found = []
    for seed in range(runs):
        found += monitor.run(CODE, seed, limit=2000).escapes
    return found


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda c: c.name)
def test_no_accepted_mutant_escapes(case: Case, tmp_path: Path) -> None:
    elf, policy = case.build(tmp_path), case.policy()
    assert not escapes(Mutant("original", elf), policy, RUNS)
    end = min(code_end(tmp_path / "case.elf"), SLOTS)
    counts: Counter[str] = Counter()
    for mutant in mutants(elf, CODE, end, seed=1, count=MUTANTS):
        try:
            accepted = verify(mutant.elf, policy).report.accepted
        except Rejected:
            accepted = False
        counts["accepted" if accepted else "killed"] += 1
        if accepted:
            assert not escapes(mutant, policy, RUNS), mutant.what
    assert counts["killed"] or MUTANTS < 100 or "leaf" in case.name


def test_the_monitor_sees_each_kind_of_escape(tmp_path: Path) -> None:
    """Rejected cases, run: the monitor must notice what the verifier refuses (it is not blind)."""
    seen: Counter[str] = Counter()
    for case in read_corpus(Path(__file__).parent / "corpus"):
        if case.rejections:
            elf = case.build(tmp_path)
            for escape in escapes(Mutant("rejected case", elf), case.policy(), 40):
                seen[escape.split()[0]] += 1
    assert {"store", "fetch", "SP"} <= set(seen), seen
