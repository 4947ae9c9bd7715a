"""Floating-point instructions (ARMv7-M A7.5-A7.6) as the rewriter sees them: what they do to core registers, to the
flags and to memory. They are told apart by their bits; FP registers themselves are of no interest to it.
"""

from __future__ import annotations

from .insn import FLAGS, PC, Insn, Label, Memory, Operand, bit

_WORD = 4


def is_floating(raw: bytes) -> bool:
    """Whether these four bytes are in the space of coprocessors 10 and 11."""
    if len(raw) != 4:
        return False
    first, second = _halves(raw)
    return first >> 8 in (0xEC, 0xED, 0xEE, 0xFE) and second >> 9 & 7 == 0b101


def floating(raw: bytes, name: str) -> Insn | None:
    """The instruction, or None where it is none of those that ARMv7-M has; `name` is its mnemonic."""
    first, second = _halves(raw)
    if first >> 8 == 0xFE or (first >> 8 == 0xEE and not second & 0x10):
        return Insn("plain", name, raw)  # data processing between FP registers
    if first >> 8 == 0xEE:
        return _one_register(raw, name, first, second)
    if first & 0xFFE0 == 0xEC40:
        return _two_registers(raw, name, first, second)
    if first & 0xFF20 == 0xED00:
        return _single(raw, name, first, second)
    return _multiple(raw, name, first, second)


def _halves(raw: bytes) -> tuple[int, int]:
    return int.from_bytes(raw[:2], "little"), int.from_bytes(raw[2:], "little")


def _one_register(raw: bytes, name: str, first: int, second: int) -> Insn:
    """VMOV between a core register and an FP register or half of one; VMRS and VMSR (A7.7.242-246)."""
    register = second >> 12
    if not first & 0x10:
        return Insn("plain", name, raw, reads=bit(register))
    written = FLAGS if register == PC else bit(register)  # VMRS APSR_nzcv, FPSCR
    return Insn("plain", name, raw, writes=written, kills=written)


def _two_registers(raw: bytes, name: str, first: int, second: int) -> Insn:
    registers = bit(second >> 12) | bit(first & 15)
    if not first & 0x10:
        return Insn("plain", name, raw, reads=registers)
    return Insn("plain", name, raw, writes=registers, kills=registers)


def _single(raw: bytes, name: str, first: int, second: int) -> Insn:
    """VLDR, VSTR (A7.7.235, A7.7.258); VLDR from the literal pool."""
    offset = (second & 0xFF) * _WORD * (1 if first & 0x80 else -1)
    size, base, store = 8 if second & 0x100 else 4, first & 15, not first & 0x10
    if base == PC:
        return Insn("literal_float", name, raw, operands=(Operand(-1, size),), target=Label(offset + 4))
    memory = Memory(base, offset, -1, 0, size, 0, store, ())
    return Insn("plain", name, raw, reads=bit(base), memory=memory)


def _multiple(raw: bytes, name: str, first: int, second: int) -> Insn | None:
    """VLDM, VSTM, VPUSH, VPOP (A7.7.234, A7.7.248, A7.7.249, A7.7.257)."""
    upwards, writeback, base = bool(first & 0x80), bool(first & 0x20), first & 15
    size = (second & 0xFF & ~(second >> 8 & 1)) * _WORD
    decrements = first & 0x100 != 0
    if upwards == decrements or (decrements and not writeback) or base == PC or not size:
        return None
    step = 0 if not writeback else size if upwards else -size
    memory = Memory(base, 0 if upwards else -size, -1, 0, size, step, not first & 0x10, ())
    written = bit(base) if writeback else 0
    return Insn("plain", name, raw, bit(base), written, written, memory=memory)


def at_base(raw: bytes, base: int, offset: int) -> bytes:
    """A VLDR or VSTR with another base register and offset (a multiple of 4 within +-1020)."""
    if offset % _WORD or abs(offset) > 0xFF * _WORD:
        raise ValueError(f"vldr or vstr with offset {offset}")
    first, second = _halves(raw)
    first = first & 0xFF70 & ~0x80 | base | (0x80 if offset >= 0 else 0)
    second = second & 0xFF00 | abs(offset) // _WORD
    return first.to_bytes(2, "little") + second.to_bytes(2, "little")


def moved(insn: Insn, base: int, offset: int) -> Insn:
    """The same load or store of one FP register at another address, unconditional."""
    if insn.memory is None:
        raise ValueError("not a load or store")
    made = floating(at_base(insn.raw, base, offset), insn.name)
    if made is None or made.memory is None:
        raise ValueError("not a load or store")
    return made


def reaches(offset: int) -> bool:
    """Whether VLDR and VSTR have this offset."""
    return offset % _WORD == 0 and abs(offset) <= 0xFF * _WORD
