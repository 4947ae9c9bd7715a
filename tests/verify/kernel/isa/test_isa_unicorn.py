"""Every allowed row that is no branch, on random encodings of itself, against QEMU's cores through Unicorn.

The vectors of test_isa_vectors.py are random words of the whole instruction space and miss some rows; here every row
gets its share, M-profile, DSP and floating-point instructions included. It is also the frame condition: no register,
flag or byte of memory changes that the row does not declare, and the bytes that it declares are exactly those stored.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from ringfence.verify.concrete import ConcreteMachine, background
from ringfence.verify.kernel.isa.decode import TABLE, Refused, decode
from ringfence.verify.kernel.isa.rows import Row

unicorn = pytest.importorskip("unicorn")
arm = pytest.importorskip("unicorn.arm_const")

CODE, RAM, SIZE = 0x0010_0000, 0x2000_0000, 0x1_0000
TRIES, WANTED = 600, 12
INTERESTING = (0, 1, 2, 31, 32, 33, 63, 64, 255, 256, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFE, 0xFFFFFFFF)
REGISTERS = [getattr(arm, f"UC_ARM_REG_R{i}") for i in range(13)] + [arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR]

FLOATS = [getattr(arm, f"UC_ARM_REG_D{i}") for i in range(16)]

RAM_BEFORE = bytes(map(background, range(RAM, RAM + SIZE)))
OTHER_RAM = bytes(byte ^ 0xFF for byte in RAM_BEFORE)

# Control flow, tested by the vectors; UDF and WFI-like hints stop Unicorn.
BRANCHES = {"B T1", "B T2", "B T3", "B T4", "BL T1", "BX T1", "BLX (register) T1", "CBNZ, CBZ T1", "TBB, TBH T1"}
STOPPING = {"UDF T1", "UDF T2", "IT T1"}
ROWS = [r for r in TABLE.rows if r.semantics is not None and r.name not in BRANCHES | STOPPING]


def make_emulator(model: int) -> Any:
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    uc.ctl_set_cpu_model(model)
    uc.mem_map(CODE, SIZE)
    uc.mem_write(CODE, bytes(map(background, range(CODE, CODE + SIZE))))
    uc.mem_map(RAM, SIZE)
    return uc


@pytest.fixture(scope="module")
def emulators() -> dict[bool, Any]:
    """For rows of ARMv7-M without extensions (False), and for the extensions."""
    found = {False: make_emulator(arm.UC_CPU_ARM_CORTEX_M3), True: make_emulator(arm.UC_CPU_ARM_CORTEX_M7)}
    found[True].reg_write(arm.UC_ARM_REG_FPEXC, 1 << 30)  # enables the FPU
    return found


def encodings(row: Row, draw: random.Random) -> Iterator[bytes]:
    """Random instructions of this row that the decoder accepts."""
    free = ~row.picture.mask & ((1 << row.picture.bits) - 1)
    for _ in range(TRIES):
        word = row.picture.match | (draw.getrandbits(32) & free)
        if "VLDM" in row.name and draw.random() < 0.8:
            word &= ~0xE0  # most register lists of random length reach beyond the last register
        for name, shift, _ in row.picture.pieces:
            if name == "hint":
                word = row.picture.match | draw.choice((0, 1, 4)) << shift
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


def emulate(
    uc: Any, code: bytes, regs: list[int], nzcv: int, ram: bytes = RAM_BEFORE
) -> tuple[list[int], int, bytes] | None:
    """(registers, NZCV, RAM) after one instruction; None if Unicorn cannot run it (memory that is not there)."""
    uc.mem_write(RAM, ram)
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


def set_floats(uc: Any, draw: random.Random) -> None:
    """Other values for the floating-point registers and the flags of FPSCR."""
    for register in FLOATS:
        uc.reg_write(register, draw.getrandbits(64))
    uc.reg_write(arm.UC_ARM_REG_FPSCR, draw.getrandbits(4) << 28)


def mismatches(
    m: ConcreteMachine, name: str, after: tuple[list[int], int, bytes], other_ram: bytes | None
) -> list[str]:
    """`other_ram`: RAM after the same instruction on OTHER_RAM; a byte is stored if it differs from either's before."""
    regs, nzcv, ram = after
    found = []
    for number, expected in enumerate(regs):
        if m.value(m.regs[number]) not in (expected, None):
            found.append(f"r{number} is {m.value(m.regs[number])}, not {expected}")
    for i, flag in enumerate("nzcv"):
        if m.value(m.flags[flag]) not in (nzcv >> (3 - i) & 1, None):
            found.append(f"{flag} is {m.value(m.flags[flag])}")
    if not m.writes and ram == RAM_BEFORE:
        return found
    stored = {i for i in range(SIZE) if ram[i] != RAM_BEFORE[i] or (other_ram or OTHER_RAM)[i] != OTHER_RAM[i]}
    declared = {address - RAM: byte for address, byte in m.writes.items()}
    wrong = [i for i in stored & declared.keys() if declared[i] not in (ram[i], None)]
    if (stored != declared.keys() or wrong) and not (name.startswith("STREX") and not stored):  # no reservation
        found.append(f"writes {m.writes}, not {sorted(RAM + i for i in stored)}")
    return found


@pytest.mark.parametrize("symbolic", [False, True], ids=["on numbers", "on terms"])
def test_every_row_does_what_qemu_does(emulators: dict[bool, Any], symbolic: bool) -> None:
    draw = random.Random(2011)
    wrong, rare = [], []
    for row in ROWS:
        compared = 0
        emulator = emulators[bool(row.needs)]
        for code in encodings(row, draw):
            regs, nzcv = state(draw), draw.randrange(16)
            if row.needs:
                set_floats(emulator, draw)
            after = emulate(emulator, code, regs, nzcv)
            if after is None:
                continue
            m = ConcreteMachine(code, regs, nzcv, CODE + 0x1000, symbolic=symbolic)
            m.step()
            if (m.value(m.regs[13]) or 0) % 4 == 0:  # otherwise the executor refuses it
                again = emulate(emulator, code, regs, nzcv, OTHER_RAM) if m.writes else None
                wrong += [f"{code.hex()} {row.name}: {t}" for t in mismatches(m, row.name, after, again and again[2])]
                compared += 1
            if compared == WANTED:
                break
        if compared < WANTED // 3:
            rare.append(f"{row.name}: {compared}")
    assert wrong == []
    assert rare == []


def test_the_comparison_notices_a_byte_too_many_and_a_byte_too_few(emulators: dict[bool, Any]) -> None:
    code, regs = bytes.fromhex("81ed010b"), [RAM] * 15  # vstr d0, [r1, #4]
    set_floats(emulators[True], random.Random(1))
    after, again = emulate(emulators[True], code, regs, 0), emulate(emulators[True], code, regs, 0, OTHER_RAM)
    assert after is not None
    assert again is not None
    m = ConcreteMachine(code, regs, 0, CODE + 0x1000)
    m.step()
    assert mismatches(m, "", after, again[2]) == []
    m.writes[RAM + 12] = None
    assert mismatches(m, "", after, again[2]) != []
    del m.writes[RAM + 12], m.writes[RAM + 11]
    assert mismatches(m, "", after, again[2]) != []
