"""Instruction sequences that reach the protected words, where return addresses are and what SP was before an alloca.

A place (values.py) is an address, or a distance from SP at a function's entry or at the beginning of a dynamic frame;
`depth` says how far SP is below that.
"""

from __future__ import annotations

from . import asm
from .errors import RingfenceError
from .insn import LR, PC, SP, Insn
from .values import Value

RETURNS = "returns"  # what the instructions that save and use return addresses are made by
_REACH = 4095


def save(place: Value, depth: int, scratch: int | None) -> list[Insn]:
    """Store LR. A place out of reach needs a register: `scratch` is clobbered, with None r0 is spilled."""
    if scratch is None and _is_far(place, depth):
        return [asm.push([0]), *save(place, depth + 4, 0), asm.pop([0])]
    return store(LR, place, depth, LR if scratch is None else scratch)


def load(register: int, place: Value, depth: int, through: int = LR) -> list[Insn]:
    """Load a register; `through` serves as the address register, if one is needed."""
    return _transfer("ldr", register, place, depth, through)


def store(register: int, place: Value, depth: int, scratch: int) -> list[Insn]:
    """Store a register; `scratch` is clobbered, if an address register is needed."""
    return _transfer("str", register, place, depth, scratch)


def return_to(place: Value) -> list[Insn]:
    """Return to the address at the place; SP is what it was at entry."""
    return load(PC, place, 0)


def _is_far(place: Value, depth: int) -> bool:
    return place.kind == "const" or place.number + depth > _REACH


def _transfer(name: str, register: int, place: Value, depth: int, through: int) -> list[Insn]:
    if not _is_far(place, depth):
        return [asm.transfer(name, register, SP, place.number + depth)]
    if place.kind == "const":
        address, rest = _address(through, place.number)
        return [*address, asm.transfer(name, register, through, rest)]
    offset = place.number + depth
    high, low = offset & ~0xFFF, offset & 0xFFF
    if not asm.add_constant_fits(high):
        raise RingfenceError(
            f"the shadow stack is {offset:#x} bytes from SP: too far", "make the sandbox's stack smaller"
        )
    return [asm.add_constant(through, SP, high), asm.transfer(name, register, through, low)]


def _address(register: int, address: int) -> tuple[list[Insn], int]:
    """Instructions that form an address in a register, and what is left to add."""
    high, low = address & ~0xFFF, address & 0xFFF
    if asm.modified_immediate(high) is not None:
        return [asm.move_constant(register, high)], low
    return [asm.movw(register, address & 0xFFFF), asm.movt(register, address >> 16)], 0
