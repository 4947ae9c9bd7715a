"""Code made to exhaust the prover: it ends soon, with a verdict and without an internal error."""

from __future__ import annotations

import json
import struct
import time

import pytest

from ringfence.verify.verifier import verify
from support.corpus import CODE, CODE_END, CONST_END, POLICY
from support.raw_elf import Load, raw_elf

GUARDED_STORE = (0xF2C2, 0x0002, 0x6002, 0x4770)  # movt r0, #0x2002; str r2, [r0]; bx lr
OVER_NOTHING = (0xD000, 0xBF00)  # beq over a nop
N = 300

CASES = {
    "a term that nests deeply": (0x1840,) * 1200 + (0xB100, 0xBF00) + GUARDED_STORE,  # adds r0, r0, r1; cbz r0
    "a sum that doubles": (0x1800,) * 1200 + (0xB100, 0xBF00) + GUARDED_STORE,  # adds r0, r0, r0; cbz r0
    "a sum that doubles and turns": (0x1800, 0x43C0) * 600 + (0xB100, 0xBF00) + GUARDED_STORE,  # and mvns r0, r0
    "sums of sums": (0x1840, 0x1809) * 600 + (0x1A40, 0xB100, 0xBF00) + GUARDED_STORE,  # adds r0, r0, r1; adds r1, r1, r0
    "conditions that nest deeply": (0xBF08, 0x4288, 0x4438) * N + (0xD100, 0xBF00) + GUARDED_STORE,  # it eq; cmpeq; add
    "conditions that refer to themselves twice": (0xBF88, 0x4288, 0x4438) * 16 + OVER_NOTHING + GUARDED_STORE,  # it hi
    "branches after each instruction": (0xB100, 0xBF00) * N + (0x4770,),  # cbz r0
    "calls of the next instruction": (0xF000, 0xF800) * 60 + (0x4770,),
}


@pytest.mark.parametrize("what", CASES)
def test_the_prover_ends(what: str) -> None:
    halfwords = CASES[what]
    code = struct.pack(f"<{len(halfwords)}H", *halfwords)
    code += b"\xf3\xde" * ((CODE_END - CODE - len(code)) // 2) + bytes(CONST_END - CODE_END)
    elf = raw_elf([Load(0x400, b"\x70\x47\x00\xbf" * 16), Load(CODE, code)])
    start = time.process_time()
    report = verify(elf, json.dumps(POLICY).encode()).report
    assert time.process_time() - start < 10
    assert report.accepted is (what != "calls of the next instruction")
