"""The cycle table: each rule of the Cortex-M3 manual that it models, on instructions assembled for the purpose."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from elftools.elf.elffile import ELFFile

from bench.cycles import estimate
from bench.measure import Executed
from support.toolchain import assemble_and_link

SCRIPT = "SECTIONS { .text 0x1000 : { *(.text) } }"


@lru_cache
def code(source: str) -> bytes:
    """The instructions of one line of assembly, separated by semicolons."""
    body = source.replace(";", "\n")
    with TemporaryDirectory() as folder:
        elf = assemble_and_link(f".syntax unified\n.thumb\n.global _start\n_start: {body}\n", SCRIPT, Path(folder))
    section = ELFFile(BytesIO(elf)).get_section_by_name(".text")
    assert section is not None
    return bytes(section.data())


def run(source: str, left: int = 0, start: int = 0x1000) -> float:
    """Cycles of a straight run of these instructions, executed once; after the last one control leaves `left` times."""
    data, executed, at = code(source), {}, 0
    while at < len(data):
        size = 4 if data[at + 1] >= 0xE8 else 2
        executed[start + at] = Executed(data[at : at + size], 1, 0)
        at += size
    last = max(executed)
    executed[last] = Executed(executed[last].raw, 1, left)
    return estimate(executed)


@pytest.mark.parametrize(
    ("source", "cycles"),
    [
        ("adds r0, r1, r2", 1),
        ("movt r0, #3", 1),
        ("mul r0, r1, r2", 1),
        ("mla r0, r1, r2, r3", 2),
        ("umull r0, r1, r2, r3", 4),
        ("ldr r0, [r1]", 2),
        ("ldrd r0, r1, [r2]", 3),
        ("ldmia r0!, {r1, r2, r3}", 4),
        ("push {r4, r5, lr}", 4),
        ("str r0, [r1]", 1),
        ("str.w r0, [r1, #400]", 1),
        ("str r0, [r1, r2]", 2),
        ("strd r0, r1, [r2]", 3),
        ("nop", 1),
    ],
)
def test_one_instruction(source: str, cycles: float) -> None:
    assert run(source) == cycles


def test_a_taken_branch_refills_the_pipeline_and_another_does_not() -> None:
    assert run("beq _start", left=1) == 3
    assert run("beq _start") == 1
    assert run("pop {r4, pc}", left=1) == 5


def test_a_load_behind_a_load_is_pipelined_but_not_behind_a_store() -> None:
    assert run("ldr r0, [r1]; ldr r2, [r3]") == 3
    assert run("str r0, [r1]; ldr r2, [r3]") == 3
    assert run("ldr r0, [r1]; adds r4, r4, #1; ldr r2, [r3]") == 5


def test_it_is_folded_behind_a_16_bit_instruction_only() -> None:
    assert run("cmp r0, #1; it eq; moveq r1, #2") == 2
    assert run("cmp.w r0, #1; it eq; moveq r1, #2") == 3


def test_jumping_to_a_wide_instruction_across_a_word_costs_one_more() -> None:
    assert run("movt r0, #3", start=0x1002) - run("movt r0, #3", start=0x1000) == 1
    assert run("adds r0, #3", start=0x1002) == run("adds r0, #3", start=0x1000)
