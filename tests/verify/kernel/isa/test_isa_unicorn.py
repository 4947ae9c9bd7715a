"""Every allowed row that is no branch, on random encodings of itself, against QEMU's Cortex-M3 through Unicorn.

The vectors of test_isa_vectors.py are random words of the whole instruction space and miss some rows; here every row
gets its share, M-profile instructions included.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from isa_test_machine import TestMachine, background  # type: ignore[import-not-found]

from ringfence.verify.kernel.isa.decode import TABLE, Refused, decode
from ringfence.verify.kernel.isa.rows import Row

unicorn = pytest.importorskip("unicorn")
arm = pytest.importorskip("unicorn.arm_const")

CODE, RAM, SIZE = 0x0010_0000, 0x2000_0000, 0x1_0000
TRIES, WANTED = 600, 12
INTERESTING = (0, 1, 2, 31, 32, 33, 63, 64, 255, 256, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFE, 0xFFFFFFFF)
REGISTERS = [getattr(arm, f"UC_ARM_REG_R{i}") for i in range(13)] + [arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR]

RAM_BEFORE = bytes(map(background, range(RAM, RAM + SIZE)))

# Control flow, tested by the vectors; UDF and WFI-like hints stop Unicorn.
BRANCHES = {"B T1", "B T2", "B T3", "B T4", "BL T1", "BX T1", "BLX (register) T1", "CBNZ, CBZ T1", "TBB T1", "TBH T1"}
STOPPING = {"UDF T1", "UDF T2", "IT T1", "YIELD T1", "YIELD T2"}
ROWS = [r for r in TABLE.rows if r.semantics is not None and r.name not in BRANCHES | STOPPING]


def make_emulator() -> Any:
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M3)
    uc.mem_map(CODE, SIZE)
    uc.mem_write(CODE, bytes(map(background, range(CODE, CODE + SIZE))))
    uc.mem_map(RAM, SIZE)
    return uc


@pytest.fixture(scope="module")
def emulator() -> Any:
    return make_emulator()


def encodings(row: Row, draw: random.Random) -> Iterator[bytes]:
    """Random instructions of this row that the decoder accepts."""
    free = ~row.picture.mask & ((1 << row.picture.bits) - 1)
    for _ in range(TRIES):
        word = row.picture.match | (draw.getrandbits(32) & free)
        halves = [word] if row.picture.bits == 16 else [word >> 16, word & 0xFFFF]
        code = b"".join(half.to_bytes(2, "little") for half in halves)
        try:
            instruction = decode(code, 0)
        except Refused:
            continue
        to_pc = instruction.in_it == "last"
        if instruction.name == row.name and not to_pc:
            yield code


def state(draw: random.Random) -> list[int]:
    """r0-r12, SP, LR: addresses in the middle of RAM, special values and random ones."""

    def value() -> int:
        address = RAM + SIZE // 2 + 4 * draw.randrange(-256, 256)
        return draw.choice((address, address, draw.choice(INTERESTING), draw.getrandbits(32)))

    return [value() for _ in range(13)] + [RAM + SIZE // 2, value()]


def emulate(uc: Any, code: bytes, regs: list[int], nzcv: int) -> tuple[list[int], int, bytes] | None:
    """(registers, NZCV, RAM) after one instruction; None if Unicorn cannot run it (memory that is not there)."""
    uc.mem_write(RAM, RAM_BEFORE)
    uc.mem_write(CODE + 0x1000, code + b"\x00\xbf\x00\xbf")
    uc.ctl_remove_cache(CODE, CODE + SIZE)
    for register, value in zip(REGISTERS, regs, strict=True):
        uc.reg_write(register, value)
    uc.reg_write(arm.UC_ARM_REG_XPSR, nzcv << 28 | 1 << 24)
    try:
        uc.emu_start(CODE + 0x1001, CODE + 0x1000 + len(code), count=1)
    except unicorn.UcError:
        return None
    after = [uc.reg_read(register) for register in REGISTERS]
    return after, uc.reg_read(arm.UC_ARM_REG_XPSR) >> 28, bytes(uc.mem_read(RAM, SIZE))


def mismatches(m: TestMachine, name: str, after: tuple[list[int], int, bytes]) -> list[str]:
    regs, nzcv, ram = after
    found = []
    for number, expected in enumerate(regs):
        if m.value(m.regs[number]) not in (expected, None):
            found.append(f"r{number} is {m.value(m.regs[number])}, not {expected}")
    for i, flag in enumerate("nzcv"):
        if m.value(m.flags[flag]) not in (nzcv >> (3 - i) & 1, None):
            found.append(f"{flag} is {m.value(m.flags[flag])}")
    changed = {RAM + i: byte for i, byte in enumerate(ram) if byte != RAM_BEFORE[i]} if ram != RAM_BEFORE else {}
    changes = {address: byte for address, byte in m.writes.items() if byte != background(address)}
    if changed != changes and not (name.startswith("STREX") and not changed):  # it had no reservation
        found.append(f"writes {m.writes}")
    return found


@pytest.mark.parametrize("symbolic", [False, True], ids=["on numbers", "on terms"])
def test_every_row_does_what_qemu_does(emulator: Any, symbolic: bool) -> None:
    draw = random.Random(2011)
    wrong, rare = [], []
    for row in ROWS:
        compared = 0
        for code in encodings(row, draw):
            regs, nzcv = state(draw), draw.randrange(16)
            after = emulate(emulator, code, regs, nzcv)
            if after is None:
                continue
            m = TestMachine(code, regs, nzcv, CODE + 0x1000, symbolic=symbolic)
            m.step()
            if (m.value(m.regs[13]) or 0) % 4 == 0:  # otherwise the executor refuses it
                wrong += [f"{code.hex()} {row.name}: {text}" for text in mismatches(m, row.name, after)]
                compared += 1
            if compared == WANTED:
                break
        if compared < WANTED // 3:
            rare.append(f"{row.name}: {compared}")
    assert wrong == []
    assert rare == []
