"""Instruction sequences that reach the shadow stack: the return slot is the word at SP-at-entry - 4 + SHADOW_OFFSET,
the word of a dynamic frame that at its beginning + SHADOW_OFFSET."""

from __future__ import annotations

from . import asm
from .errors import RingfenceError
from .insn import LR, PC, SP, Insn

_REACH = 4095


def _split(offset: int) -> tuple[int, int]:
    """An offset as (part for an addition, part for the load or store)."""
    if 0 <= offset <= _REACH:
        return 0, offset
    high, low = offset & ~0xFFF, offset & 0xFFF
    if offset < 0 or not asm.add_constant_fits(high):
        raise RingfenceError(
            f"the shadow stack is {offset:#x} bytes from SP: too far", "make the sandbox's stack smaller"
        )
    return high, low


def save(offset: int, scratch: int | None) -> list[Insn]:
    """Store LR at SP + offset. A large offset needs a register: `scratch` is clobbered, with None r0 is spilled."""
    high, low = _split(offset)
    if not high:
        return [asm.transfer("str", LR, SP, low)]
    if scratch is None:
        return [asm.push([0]), *save(offset + 4, 0), asm.pop([0])]
    return store(LR, offset, scratch)


def load(register: int, offset: int, through: int = LR) -> list[Insn]:
    """Load a register from SP + offset; `through` serves as the address register."""
    high, low = _split(offset)
    if not high:
        return [asm.transfer("ldr", register, SP, low)]
    return [asm.add_constant(through, SP, high), asm.transfer("ldr", register, through, low)]


def store(register: int, offset: int, scratch: int) -> list[Insn]:
    """Store a register at SP + offset; `scratch` is clobbered if that is far away."""
    high, low = _split(offset)
    if not high:
        return [asm.transfer("str", register, SP, low)]
    return [asm.add_constant(scratch, SP, high), asm.transfer("str", register, scratch, low)]


def return_from(shadow_offset: int) -> list[Insn]:
    """Return to the address in the slot; SP is what it was at entry."""
    return load(PC, shadow_offset - 4)
