"""Forcing bits of a register: the one synthesiser behind data guards and function-pointer guards.

`force_bits` finds the cheapest sequence among MOVT, BFC, AND, BIC and ORR that gives some bits of a register fixed
values and keeps the others, touching no flag and no other register. For a 64 KiB window it is a single MOVT.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from . import asm
from .insn import Insn

_ALL = 0xFFFFFFFF


@lru_cache(maxsize=1024)
def force_bits(register: int, mask: int, value: int) -> tuple[Insn, ...]:
    """Instructions after which `register & mask == value` while `register & ~mask` is what it was.

    `value` has no bits outside `mask`. Every sequence exists: in the worst case BIC and ORR, eight bits each.
    """
    if value & ~mask or not 0 <= mask <= _ALL:
        raise ValueError(f"value {value:#x} has bits outside of the mask {mask:#x}")
    return min(
        _candidates(register, mask, value), key=lambda sequence: (len(sequence), sum(len(i.raw) for i in sequence))
    )


def _candidates(register: int, mask: int, value: int) -> Iterator[tuple[Insn, ...]]:
    """Every way starts by clearing; MOVT, where the mask has the upper half, does that half at once."""
    yield from (clear + _set(register, value) for clear in _clear(register, mask, value))
    if mask >> 16 == 0xFFFF:
        top = asm.movt(register, value >> 16)
        yield from (
            (*clear, top, *_set(register, value & 0xFFFF)) for clear in _clear(register, mask & 0xFFFF, value & 0xFFFF)
        )


def _clear(register: int, mask: int, value: int) -> Iterator[tuple[Insn, ...]]:
    """Ways to clear all bits of the mask that must be 0, and perhaps others of the mask."""
    zeros = mask & ~value
    if not zeros:
        yield ()
        return
    yield tuple(asm.bic_constant(register, register, part) for part in encodable_parts(zeros))
    for kept in {~mask & _ALL, ~zeros & _ALL}:
        if asm.modified_immediate(kept) is not None:
            yield (asm.and_constant(register, register, kept),)
    for lowest, width in _runs(mask):
        field = ((1 << width) - 1) << lowest
        rest = zeros & ~field
        yield (
            asm.clear_bits(register, lowest, width),
            *(asm.bic_constant(register, register, p) for p in encodable_parts(rest)),
        )
    yield tuple(asm.clear_bits(register, lowest, width) for lowest, width in _runs(mask))


def _set(register: int, ones: int) -> tuple[Insn, ...]:
    return tuple(asm.orr_constant(register, register, part) for part in encodable_parts(ones))


def encodable_parts(bits: int) -> list[int]:
    """A number as an OR of encodable constants: whole if possible, else eight bits at a time from the lowest."""
    result: list[int] = []
    while bits:
        if asm.modified_immediate(bits) is not None:
            return [*result, bits]
        lowest = (bits & -bits).bit_length() - 1
        part = bits & 0xFF << lowest
        result.append(part)
        bits &= ~part
    return result


def _runs(mask: int) -> list[tuple[int, int]]:
    """The runs of ones in a mask as (lowest bit, width)."""
    result: list[tuple[int, int]] = []
    lowest = 0
    while mask >> lowest:
        if mask >> lowest & 1:
            width = ((mask >> lowest) + 1 & -((mask >> lowest) + 1)).bit_length() - 1
            result.append((lowest, width))
            lowest += width
        else:
            lowest += 1
    return result
