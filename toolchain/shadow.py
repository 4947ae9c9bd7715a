"""Instruction sequences that reach the shadow stack: the return slot is the word at SP-at-entry - 4 + SHADOW_OFFSET."""

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


def needs_scratch(offset: int) -> bool:
    """Whether a store at SP + offset needs a register for the address."""
    return _split(offset)[0] != 0


def save(offset: int, scratch: int) -> list[Insn]:
    """Store LR at SP + offset; `scratch` is clobbered if the offset is large."""
    high, low = _split(offset)
    if not high:
        return [asm.transfer("str", LR, SP, low)]
    return [asm.add_constant(scratch, SP, high), asm.transfer("str", LR, scratch, low)]


def load(register: int, offset: int) -> list[Insn]:
    """Load LR or PC from SP + offset; LR serves as the address register."""
    high, low = _split(offset)
    if not high:
        return [asm.transfer("ldr", register, SP, low)]
    return [asm.add_constant(LR, SP, high), asm.transfer("ldr", register, LR, low)]


def return_from(shadow_offset: int) -> list[Insn]:
    """Return to the address in the slot; SP is what it was at entry."""
    return load(PC, shadow_offset - 4)
