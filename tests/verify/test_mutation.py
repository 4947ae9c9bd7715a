"""Mutants of certified code are rejected, or harmless: those still accepted run under the monitor and never escape.

The seed is fixed and the numbers are small here; `make mutation` enumerates every retargeted branch and draws thousands.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringfence.verify.kernel.proof import Certificate
from support.acceptance import Verifier
from support.corpus import CODE, SLOTS, Case, read_corpus
from support.monitor import Monitor
from support.mutate import Line, branch_to, lines, patches
from support.mutation_programs import Certified, program
from support.mutation_run import Anatomy, Campaign, Tally, mutate
from support.random_code import branch
from support.toolchain import run

CASES = read_corpus(Path(__file__).parent / "corpus")
MUTANTS, RUNS = 10, 4


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier() as found:
        yield found


def code_end(folder: Path) -> int:
    """The end of the case's own code: what follows up to the slots is padding."""
    for line in run("arm-none-eabi-objdump", "-h", folder / "case.o").splitlines():
        fields = line.split()
        if len(fields) > 2 and fields[1] == ".text":
            return min(CODE + int(fields[2], 16), SLOTS)
    raise AssertionError("no .text")


@pytest.mark.parametrize("case", [c for c in CASES if not c.rejections], ids=lambda c: c.name)
def test_no_accepted_mutant_of_the_corpus_escapes(case: Case, tmp_path: Path, verifier: Verifier) -> None:
    report, claims = verifier(case.build(tmp_path), case.policy())
    assert report.accepted
    target = Certified(case.name, (tmp_path / "case.elf").read_bytes(), case.policy(), claims)
    tally = Tally()
    campaign = Campaign(target, verifier, RUNS, tally)
    for patch in patches(Anatomy(target, code_end(tmp_path)).code, random.Random(case.name), MUTANTS):
        campaign.patch(patch)
    assert not tally.escaped
    assert tally.made.total() == MUTANTS


def test_no_accepted_mutant_of_compiled_code_escapes(verifier: Verifier) -> None:
    """Each kind of damage, and each changed policy, on a program with pointers, a pointer table and a jump table."""
    tally = Tally()
    mutate(program("switches"), 1, 60, RUNS, 30, tally, verifier)
    assert not tally.escaped
    kinds = {"guard dropped", "register changed", "immediate changed", "bit flipped", "branch retargeted"}
    kinds |= {"slot changed", "table entry changed", "policy widened", "policy narrowed"}
    assert kinds <= set(tally.made), tally.text()
    assert tally.killed.keys() >= kinds - {"table entry changed"}, tally.text()  # most other entries are blocks, too


def test_no_accepted_mutant_with_confined_reads_escapes(verifier: Verifier) -> None:
    tally = Tally()
    mutate(program("copies", confine="reads"), 1, 30, RUNS, 0, tally, verifier)
    assert not tally.escaped
    assert tally.killed["guard dropped"] > 0, tally.text()


def test_no_accepted_mutant_with_words_escapes(verifier: Verifier) -> None:
    """Return addresses in a word for each rank: also where one is lost or goes to another word."""
    tally = Tally()
    mutate(program("copies", words=4), 1, 40, RUNS, 0, tally, verifier)
    assert not tally.escaped
    assert tally.killed["immediate changed"] > 0, tally.text()


def test_the_monitor_sees_each_kind_of_escape(tmp_path: Path) -> None:
    """Rejected cases, run: the monitor must notice what the verifier refuses (it is not blind)."""
    seen: Counter[str] = Counter()
    for case in CASES:
        if case.rejections:
            monitor = Monitor(case.build(tmp_path), case.policy())
            seen.update({e.split()[0] for seed in range(15) for e in monitor.run(CODE, seed, limit=4000).escapes})
    assert {"store", "load", "fetch", "SP"} <= set(seen), seen


def test_a_campaign_reports_an_escape(tmp_path: Path) -> None:
    """With a verifier that accepts everything, mutants escape and are reported (the campaign is not blind)."""

    class Gullible(Verifier):
        def __call__(self, elf: bytes, policy: bytes):  # type: ignore[no-untyped-def]
            report, claims = super().__call__(elf, policy)
            report.accepted = True
            return report, claims

    case = next(c for c in CASES if c.name == "stores/masked")
    elf = case.build(tmp_path)
    target = Certified(case.name, elf, case.policy(), Certificate("", "", {}))
    tally = Tally()
    with Gullible() as gullible:
        campaign = Campaign(target, gullible, 20, tally)
        code = Anatomy(target, code_end(tmp_path)).code
        for patch in patches(code, random.Random(1), 40):
            campaign.patch(patch)
    assert tally.escaped


@pytest.mark.parametrize("name", ["B T1", "B T2", "B T3", "B T4", "BL T1", "CBNZ, CBZ T1"])
def test_a_retargeted_branch_goes_where_it_should(name: str) -> None:
    """GNU as encodes the wide ones the same; the kernel's decoder gives the names of the others back."""
    samples = {
        "B T1": "00d0",
        "B T2": "00e0",
        "B T3": "00f00080",
        "B T4": "00f000b8",
        "BL T1": "00f000f8",
        "CBNZ, CBZ T1": "00b1",
    }
    line = lines(bytes.fromhex(samples[name]), 0x8000)[0]
    assert line.name == name
    reached = [t for t in range(0x7000, 0x9000, 2) if (patch := branch_to(line, t)) and _same_kind(patch.new, line)]
    assert len(reached) >= {"B T1": 255, "B T2": 2000, "CBNZ, CBZ T1": 63}.get(name, 4000)
    if len(line.code) == 4:
        for target in (0x7000, 0x8100, 0x8FFE):
            patch = branch_to(line, target)
            assert patch is not None
            assert patch.new == branch(0x8000, target, 0 if name == "B T3" else 14, link=name == "BL T1")


def _same_kind(code: bytes, line: Line) -> bool:
    return lines(code, line.address)[0].name == line.name
