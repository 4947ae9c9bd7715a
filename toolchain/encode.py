"""Encodings that depend on where an instruction stands: branches, literal loads, addresses, IT (A6.3, A7.7).

Every function checks its range and raises EncodingError; distances are target - address of the instruction.
"""

from __future__ import annotations

from .asm import EncodingError, movt, movw
from .insn import ALWAYS


def _halfwords(*values: int) -> bytes:
    return b"".join(v.to_bytes(2, "little") for v in values)


def _range(ok: bool, what: str) -> None:
    if not ok:
        raise EncodingError(f"out of range: {what}")


def fits_branch(distance: int, condition: int) -> bool:
    """Whether the 16-bit B reaches (A7.7.12, T1 and T2)."""
    offset = distance - 4
    return -256 <= offset <= 254 if condition != ALWAYS else -2048 <= offset <= 2046


def branch(distance: int, condition: int) -> bytes:
    """B in its 16-bit form."""
    _range(fits_branch(distance, condition) and distance % 2 == 0, "b.n")
    offset = distance - 4 >> 1
    return _halfwords(0xE000 | offset & 0x7FF if condition == ALWAYS else 0xD000 | condition << 8 | offset & 0xFF)


def _long(distance: int, second: int) -> bytes:
    """The 24-bit form of B.W and BL (T4, T1)."""
    offset = distance - 4
    _range(-(1 << 24) <= offset < 1 << 24 and offset % 2 == 0, "b.w or bl")
    sign = offset >> 24 & 1
    j1, j2 = (offset >> 23 & 1) ^ sign ^ 1, (offset >> 22 & 1) ^ sign ^ 1
    first = 0xF000 | sign << 10 | offset >> 12 & 0x3FF
    return _halfwords(first, second | j1 << 13 | j2 << 11 | offset >> 1 & 0x7FF)


def branch_wide(distance: int, condition: int = ALWAYS) -> bytes:
    """B.W (T3, T4)."""
    if condition == ALWAYS:
        return _long(distance, 0x9000)
    offset = distance - 4
    _range(-(1 << 20) <= offset < 1 << 20 and offset % 2 == 0, "b<cond>.w")
    first = 0xF000 | (offset >> 20 & 1) << 10 | condition << 6 | offset >> 12 & 0x3F
    return _halfwords(first, 0x8000 | (offset >> 18 & 1) << 13 | (offset >> 19 & 1) << 11 | offset >> 1 & 0x7FF)


def call(distance: int) -> bytes:
    """BL."""
    return _long(distance, 0xD000)


def fits_zero(distance: int) -> bool:
    return 0 <= distance - 4 <= 126


def zero(register: int, nonzero: bool, distance: int) -> bytes:
    """CBZ, CBNZ (A7.7.21)."""
    _range(fits_zero(distance) and distance % 2 == 0, "cbz")
    offset = distance - 4
    return _halfwords(0xB100 | nonzero << 11 | (offset >> 6) << 9 | (offset >> 1 & 0x1F) << 3 | register)


def _from_pc(address: int, target: int) -> int:
    return target - (address + 4 & ~3)


def fits_literal(address: int, target: int, wide: bool) -> bool:
    """Whether LDR (literal) at `address` reaches a word (A7.7.44)."""
    offset = _from_pc(address, target)
    return -4095 <= offset <= 4095 if wide else 0 <= offset <= 1020 and offset % 4 == 0


def literal(address: int, target: int, register: int, wide: bool) -> bytes:
    _range(fits_literal(address, target, wide), "ldr literal")
    offset = _from_pc(address, target)
    if not wide:
        return _halfwords(0x4800 | register << 8 | offset >> 2)
    return _halfwords(0xF85F | (offset >= 0) << 7, register << 12 | abs(offset))


def fits_pair(address: int, target: int) -> bool:
    """Whether LDRD (literal) reaches a word; it is UNPREDICTABLE where PC is not word-aligned (A7.7.51)."""
    offset = _from_pc(address, target)
    return address % 4 == 0 and abs(offset) <= 1020 and offset % 4 == 0


def fits_float(address: int, target: int) -> bool:
    """Whether VLDR (literal) reaches a word (A7.7.235)."""
    offset = _from_pc(address, target)
    return abs(offset) <= 1020 and offset % 4 == 0


def literal_pair(address: int, target: int, first: int, second: int) -> bytes:
    """LDRD (literal) (A7.7.51)."""
    _range(fits_pair(address, target), "ldrd literal")
    offset = _from_pc(address, target)
    return _halfwords(0xE95F | (offset >= 0) << 7, first << 12 | second << 8 | abs(offset) >> 2)


def address_of(address: int, target: int, register: int, wide: bool) -> bytes:
    """ADR (A7.7.7); it reaches as far as a literal load."""
    _range(fits_literal(address, target, wide), "adr")
    offset = _from_pc(address, target)
    if not wide:
        return _halfwords(0xA000 | register << 8 | offset >> 2)
    size = abs(offset)
    first = (0xF20F if offset >= 0 else 0xF2AF) | (size >> 11) << 10
    return _halfwords(first, (size >> 8 & 7) << 12 | register << 8 | size & 0xFF)


def constant(register: int, value: int) -> bytes:
    """MOVW and MOVT."""
    return movw(register, value & 0xFFFF).raw + movt(register, value >> 16).raw


def it(conditions: list[int]) -> bytes:
    """IT for one to four conditions, each the first one or its opposite (A7.7.38)."""
    first = conditions[0]
    _range(0 < len(conditions) <= 4 and all(c in (first, first ^ 1) for c in conditions), "it")
    mask = 1 << (4 - len(conditions))
    for n, condition in enumerate(conditions[1:]):
        mask |= (condition & 1) << (3 - n)
    return _halfwords(0xBF00 | first << 4 | mask)
