"""Encoders for the few instructions that the rewriter inserts, straight from the encodings of the manual.

Direct, because keystone refuses or miscodes many 32-bit forms; the tests compare every encoder with GNU as. Each
function returns a decoded `Insn` in its shortest encoding that leaves the flags alone, and raises EncodingError where
there is none. Immediates are plain integers; offsets are bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from .disasm import decode
from .errors import RingfenceError
from .insn import ALWAYS, LR, SP, Insn, Label, bit, flags_tested, mask_of


class EncodingError(RingfenceError):
    """The operands do not fit any encoding."""


def _check(ok: bool, what: str) -> None:
    if not ok:
        raise EncodingError(f"no Thumb encoding: {what}")


def _narrow(halfword: int) -> Insn:
    return decode(halfword.to_bytes(2, "little"))


def _wide(first: int, second: int) -> Insn:
    return decode(first.to_bytes(2, "little") + second.to_bytes(2, "little"))


@lru_cache(maxsize=4096)
def modified_immediate(value: int) -> int | None:
    """The 12-bit encoding i:imm3:imm8 of a constant (A5.3.2), or None."""
    low, pair = value & 0xFF, value & 0xFFFF
    for code, expanded in ((0, low), (1, low * 0x00010001), (3, low * 0x01010101)):
        if value == expanded:
            return code << 8 | low
    if value == (pair >> 8) * 0x01000100:
        return 2 << 8 | pair >> 8
    for rotation in range(8, 32):
        rotated = (value << rotation | value >> (32 - rotation)) & 0xFFFFFFFF
        if 0x80 <= rotated <= 0xFF:
            return rotation << 7 | rotated & 0x7F
    return None


def _split_immediate(code: int) -> tuple[int, int]:
    """i:imm3:imm8 as the bits of the two halfwords."""
    return (code >> 11 & 1) << 10, (code >> 8 & 7) << 12 | code & 0xFF


def _immediate_operation(opcode: int, rd: int, rn: int, value: int, sets_flags: bool = False) -> Insn:
    code = modified_immediate(value)
    if code is None:
        raise EncodingError(f"no Thumb encoding: constant {value:#x}")
    first, second = _split_immediate(code)
    return _wide(0xF000 | opcode << 5 | sets_flags << 4 | rn | first, second | rd << 8)


def and_constant(rd: int, rn: int, value: int) -> Insn:
    return _immediate_operation(0b0000, rd, rn, value)


def bic_constant(rd: int, rn: int, value: int) -> Insn:
    return _immediate_operation(0b0001, rd, rn, value)


def orr_constant(rd: int, rn: int, value: int) -> Insn:
    return _immediate_operation(0b0010, rd, rn, value)


def compare_constant(rn: int, value: int) -> Insn:
    """CMP; sets the flags."""
    if rn < 8 and value < 256:
        return _narrow(0x2800 | rn << 8 | value)
    return _immediate_operation(0b1101, 15, rn, value, sets_flags=True)


def _plain_immediate(base: int, rd: int, rn: int, value: int) -> Insn:
    first, second = _split_immediate(value)
    return _wide(base | rn | first, second | rd << 8)


def movw(rd: int, value: int) -> Insn:
    return _plain_immediate(0xF240 | value >> 12 & 15, rd, 0, value & 0xFFF)


def movt(rd: int, value: int) -> Insn:
    return _plain_immediate(0xF2C0 | value >> 12 & 15, rd, 0, value & 0xFFF)


def add_constant(rd: int, rn: int, value: int) -> Insn:
    """rd = rn + value, also for negative values, without touching the flags."""
    if rd == rn == SP and value % 4 == 0 and abs(value) <= 508:
        return _narrow((0xB000 if value >= 0 else 0xB080) | abs(value) >> 2)
    if rn == SP and rd < 8 and value % 4 == 0 and 0 <= value <= 1020:
        return _narrow(0xA800 | rd << 8 | value >> 2)
    amount = abs(value)
    if modified_immediate(amount) is not None:
        return _immediate_operation(0b1000 if value >= 0 else 0b1101, rd, rn, amount)
    _check(amount <= 4095, f"add #{value}")
    return _plain_immediate(0xF200 if value >= 0 else 0xF2A0, rd, rn, amount)


def move(rd: int, rm: int) -> Insn:
    """MOV of registers, SP included."""
    return _narrow(0x4600 | (rd & 8) << 4 | rm << 3 | rd & 7)


def with_destination(insn: Insn, rd: int) -> Insn:
    """A 32-bit data-processing instruction with another destination register (A5.3)."""
    first, second = int.from_bytes(insn.raw[:2], "little"), int.from_bytes(insn.raw[2:], "little")
    return _wide(first, second & 0xF0FF | rd << 8)


def add_constant_fits(value: int) -> bool:
    return abs(value) <= 4095 or modified_immediate(abs(value)) is not None


def compare(rn: int, rm: int) -> Insn:
    """CMP of registers, SP as rn included; sets the flags."""
    if rn < 8 and rm < 8:
        return _narrow(0x4280 | rm << 3 | rn)
    return _narrow(0x4500 | (rn & 8) << 4 | rm << 3 | rn & 7)


def _register_operation(opcode: int, rd: int, rn: int, rm: int, shift: int, kind: int = 0) -> Insn:
    return _wide(0xEA00 | opcode << 5 | rn, (shift >> 2) << 12 | rd << 8 | (shift & 3) << 6 | kind << 4 | rm)


def add_shifted(rd: int, rn: int, rm: int, shift: int = 0) -> Insn:
    """rd = rn + (rm << shift); rn may be SP."""
    return _register_operation(0b1000, rd, rn, rm, shift)


def sub_shifted(rd: int, rn: int, rm: int, shift: int = 0) -> Insn:
    return _register_operation(0b1101, rd, rn, rm, shift)


def clear_bits(rd: int, lowest: int, width: int) -> Insn:
    """BFC."""
    _check(width >= 1 and lowest + width <= 32, f"bfc #{lowest}, #{width}")
    return _wide(0xF36F, (lowest >> 2) << 12 | rd << 8 | (lowest & 3) << 6 | (lowest + width - 1))


_SINGLE = {  # the wide form; the narrow form with an immediate offset, and what that is a multiple of
    "str": (0xF840, 0x6000, 4), "strb": (0xF800, 0x7000, 1), "strh": (0xF820, 0x8000, 2),
    "ldr": (0xF850, 0x6800, 4), "ldrb": (0xF810, 0x7800, 1), "ldrh": (0xF830, 0x8800, 2),
    "ldrsb": (0xF910, 0, 0), "ldrsh": (0xF930, 0, 0),
}  # fmt: skip
_EXCLUSIVE = {"strexb": 0x0F40, "strexh": 0x0F50}


def transfer(name: str, rt: int, rn: int, offset: int) -> Insn:
    """A load or store of one register: [rn, #offset]."""
    wide, narrow, size = _SINGLE[name]
    if size == 4 and rn == SP and rt < 8 and offset % 4 == 0 and 0 <= offset <= 1020:
        return _narrow(0x9000 | narrow & 0x0800 | rt << 8 | offset >> 2)
    if size and rt < 8 and rn < 8 and offset % size == 0 and 0 <= offset <= 31 * size:
        return _narrow(narrow | offset // size << 6 | rn << 3 | rt)
    if 0 <= offset <= 4095:
        return _wide(wide | 0x80 | rn, rt << 12 | offset)
    _check(-255 <= offset < 0, f"{name} #{offset}")
    return _wide(wide | rn, rt << 12 | 0x0C00 | -offset)


def load_literal(register: int, label: Label, value: int) -> Insn:
    """LDR register, [PC, ..]: the word at a label, which is `value`; layout makes the encoding."""
    insn = _narrow(0x4800 | register << 8) if register < 8 else _wide(0xF8DF, register << 12)
    return replace(insn, target=label, value=value)


def transfer_pair(name: str, rt: int, rt2: int, rn: int, offset: int) -> Insn:
    """LDRD or STRD [rn, #offset]."""
    _check(offset % 4 == 0 and abs(offset) <= 1020, f"{name} #{offset}")
    load = 0x10 if name == "ldrd" else 0
    return _wide(0xE940 | load | (offset >= 0) << 7 | rn, rt << 12 | rt2 << 8 | abs(offset) >> 2)


def load_exclusive(name: str, rt: int, rn: int, offset: int) -> Insn:
    if name == "ldrex":
        _check(offset % 4 == 0 and 0 <= offset <= 1020, f"ldrex #{offset}")
        return _wide(0xE850 | rn, rt << 12 | 0x0F00 | offset >> 2)
    _check(offset == 0, f"{name} #{offset}")
    return _wide(0xE8D0 | rn, rt << 12 | _EXCLUSIVE[name.replace("ldr", "str")] | 0xF)


def store_exclusive(name: str, rd: int, rt: int, rn: int, offset: int) -> Insn:
    if name == "strex":
        _check(offset % 4 == 0 and 0 <= offset <= 1020, f"strex #{offset}")
        return _wide(0xE840 | rn, rt << 12 | rd << 8 | offset >> 2)
    _check(offset == 0, f"{name} #{offset}")
    return _wide(0xE8C0 | rn, rt << 12 | _EXCLUSIVE[name] | rd)


def pop(registers: Iterable[int]) -> Insn:
    """POP of any registers but SP and PC."""
    listed = mask_of(registers)
    _check(listed & ~0x5FFF == 0 and listed != 0, "pop")
    if listed & ~0xFF == 0:
        return _narrow(0xBC00 | listed)
    if listed & (listed - 1) == 0:
        return _wide(0xF85D, (listed.bit_length() - 1) << 12 | 0x0B04)
    return _wide(0xE8BD, listed)


def push(registers: Iterable[int]) -> Insn:
    """PUSH of any registers but SP and PC."""
    listed = mask_of(registers)
    _check(listed & ~0x5FFF == 0 and listed != 0, "push")
    if listed & ~0x40FF == 0:
        return _narrow(0xB400 | (listed & 0xFF) | (0x100 if listed & bit(LR) else 0))
    if listed & (listed - 1) == 0:
        return _wide(0xF84D, (listed.bit_length() - 1) << 12 | 0x0D04)
    return _wide(0xE92D, listed)


def read_flags(rd: int) -> Insn:
    """MRS rd, APSR."""
    return _wide(0xF3EF, 0x8000 | rd << 8)


def write_flags(rn: int) -> Insn:
    """MSR APSR_nzcvq, rn."""
    return _wide(0xF380 | rn, 0x8800)


def trap(number: int) -> Insn:
    """UDF #number (0-255)."""
    return _narrow(0xDE00 | number)


def jump(register: int) -> Insn:
    """BX register."""
    return _narrow(0x4700 | register << 3)


def branch(target: Label, condition: int = ALWAYS) -> Insn:
    """B or B<condition>; layout chooses the encoding."""
    reads = 0 if condition == ALWAYS else flags_tested(condition)
    return Insn("branch", "b", b"", reads, condition=condition, target=target)
