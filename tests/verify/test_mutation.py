"""Mutants of certified code are rejected, or harmless: those still accepted run under the monitor and never escape."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from support.corpus import CODE, SLOTS, Case, read_corpus
from support.mutation_run import escapes, mutate_image
from support.toolchain import run

CASES = read_corpus(Path(__file__).parent / "corpus")
MUTANTS, RUNS = 20, 5  # `make mutation` makes more, of a whole firmware


def code_end(folder: Path) -> int:
    """The end of the case's own code: what follows up to the slots is padding."""
    for line in run("arm-none-eabi-objdump", "-h", folder / "case.o").splitlines():
        fields = line.split()
        if len(fields) > 2 and fields[1] == ".text":
            return min(CODE + int(fields[2], 16), SLOTS)
    raise AssertionError("no .text")


@pytest.mark.parametrize("case", [c for c in CASES if not c.rejections], ids=lambda c: c.name)
def test_no_accepted_mutant_escapes(case: Case, tmp_path: Path) -> None:
    elf, policy = case.build(tmp_path), case.policy()
    assert not escapes(elf, policy, [CODE], RUNS)
    tally = mutate_image(elf, policy, 1, MUTANTS, RUNS, tmp_path / "cache", code_end(tmp_path))
    assert not tally.escaped
    assert tally.made > MUTANTS // 2


def test_the_monitor_sees_each_kind_of_escape(tmp_path: Path) -> None:
    """Rejected cases, run: the monitor must notice what the verifier refuses (it is not blind)."""
    seen: Counter[str] = Counter()
    for case in CASES:
        if case.rejections:
            elf = case.build(tmp_path)
            for escape in escapes(elf, case.policy(), [CODE], 40):
                seen[escape.split()[0]] += 1
    assert {"store", "fetch", "SP"} <= set(seen), seen
