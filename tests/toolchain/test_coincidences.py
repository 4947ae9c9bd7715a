"""Host bytes that only look like references into a sandbox are explained; real references never are."""

from __future__ import annotations

import pytest

from ringfence.toolchain.coincidences import explained
from ringfence.verify.kernel.policy import Coincidence
from support.toolchain import run

CODE, CODE_END = 0x10000, 0x11000  # of the sandbox
HOST = """
.syntax unified
.thumb
.macro place name
  .global \\name
\\name:
.endm
.section .host, "ax"
.type host, %function
.thumb_func
host:
place real_branch
  bl inside
place real_jump
  b.w inside
place instructions          @ movs r1, r0 (lsl #0 ...): 0x00010001 as a word
  .inst.n 0x0001
  .inst.n 0x0001
place straddling            @ the second half of MOVW and the first of what follows read as BL into the sandbox
  .inst.w 0xf240f00f
  .inst.n 0xf800
  nop
place number
  .word 0x10020
place pointer
  .word inside
place past_the_end
  .word inside + 0x800
place constant
  .word size_of_heap
place bound
  .word __rf_box_code_start
  .balign 4
.type fake_veneer, %function
.thumb_func
fake_veneer:
  ldr.w pc, [pc]
place veneer_literal
  .word 0x10040
.size fake_veneer, . - fake_veneer
.global fake_veneer
.section .host_data, "a"
place data_number
  .word 0x10060
place data_branch
  .inst.w 0xf00ffffe
place data_pointer
  .word inside + 1
place distance
  .word host - .
place distance_to_sandbox
  .word inside - .
.section .sandbox, "ax"
.type inside, %function
.thumb_func
inside:
  bx lr
"""
SCRIPT = f"""
size_of_heap = 0x10080;
__rf_box_code_start = {CODE:#x};
SECTIONS {{
  .host 0x400 : {{ *(.host) }}
  .host_data 0x800 : {{ *(.host_data) }}
  .ringfence.box.code {CODE:#x} : {{ *(.sandbox) }}
}}
"""


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, int]]:
    """The ELF with its relocations, and its symbols."""
    folder = tmp_path_factory.mktemp("coincidences")
    (folder / "host.s").write_text(HOST.replace("fake_veneer", "__inside_veneer"))
    (folder / "host.ld").write_text(SCRIPT)
    run("arm-none-eabi-as", "-mcpu=cortex-m3", "-o", folder / "host.o", folder / "host.s")
    run("arm-none-eabi-ld", "--emit-relocs", "-T", folder / "host.ld", "-o", folder / "host.elf", folder / "host.o")
    rows = [line.split() for line in run("arm-none-eabi-nm", folder / "host.elf").splitlines()]
    return (folder / "host.elf").read_bytes(), {row[2]: int(row[0], 16) & ~1 for row in rows}


def why(linked: tuple[bytes, dict[str, int]], place: str, kind: str, more: int = 0) -> str | None:
    elf, symbols = linked
    found = explained(elf, [Coincidence(symbols[place] + more, kind, CODE)])
    return found[0][1] if found else None


@pytest.mark.parametrize(("place", "kind", "more", "reason"), [
    ("instructions", "word", 0, "part of instructions"),
    ("straddling", "branch", 2, "second half"),
    ("number", "word", 0, "no relocation"),
    ("number", "branch", 0, "data, not an instruction"),
    ("constant", "word", 0, "size_of_heap"),
    ("data_number", "word", 0, "no relocation"),
    ("data_branch", "branch", 0, "data, not an instruction"),
    ("distance", "word", 0, "a distance"),
])
def test_a_coincidence_is_explained(
    linked: tuple[bytes, dict[str, int]], place: str, kind: str, more: int, reason: str
) -> None:
    assert reason in (why(linked, place, kind, more) or "")


@pytest.mark.parametrize(("place", "kind"), [
    ("real_branch", "branch"), ("real_jump", "branch"), ("pointer", "word"), ("past_the_end", "word"),
    ("bound", "word"), ("veneer_literal", "word"), ("data_pointer", "word"), ("distance_to_sandbox", "word"),
])
def test_a_reference_is_never_explained_away(linked: tuple[bytes, dict[str, int]], place: str, kind: str) -> None:
    assert why(linked, place, kind) is None


def test_fill_between_sections_is_explained(linked: tuple[bytes, dict[str, int]]) -> None:
    elf, _ = linked
    assert explained(elf, [Coincidence(0x7F0, "word", CODE)])[0][1] == "fill between sections"


def test_explanations_come_by_address(linked: tuple[bytes, dict[str, int]]) -> None:
    elf, symbols = linked
    places = ("data_number", "number", "constant")
    found = explained(elf, [Coincidence(symbols[place], "word", CODE) for place in places])
    assert [c.address for c, _ in found] == sorted(symbols[place] for place in places)
