"""The guard of one data address: force it into the window, or trap when it is not there."""

from __future__ import annotations

from collections.abc import Sequence

from . import asm
from .guards import encodable_parts, force_bits
from .insn import CONDITION_NAMES, FLAGS, IP, Insn, bit
from .request import RewriteRequest

STRAY_STORE, STRAY_LOAD = 0xF2, 0xF5  # trap numbers, see toolchain/runtime/ringfence.h
_HIGHER_OR_SAME = CONDITION_NAMES.index("cs")


def window_bits(request: RewriteRequest) -> tuple[int, int]:
    """The bits (mask, value) that every address in the window has."""
    return ~(request.window_size - 1) & 0xFFFFFFFF, request.window_base


def guard(request: RewriteRequest, register: int, used: int, live: int, stray: int = STRAY_STORE) -> list[Insn]:
    """What must run right before an access that addresses memory from `register`.

    `used`: the registers of the access and of what comes with it; `live`: what else must not be clobbered; `stray`: the
    trap of a check.
    """
    if request.mode == "mask":
        return list(force_bits(register, *window_bits(request)))
    check = _check(request, register, stray)
    return check if not live & FLAGS else _keeping_flags(check, used | bit(register), live)


def _check(request: RewriteRequest, register: int, stray: int) -> list[Insn]:
    """Trap unless register - base < size; the register has its value again afterwards, the flags have not."""
    parts: Sequence[int] = encodable_parts(request.window_base)
    return [
        *(asm.add_constant(register, register, -part) for part in parts),
        asm.compare_constant(register, request.window_size),
        asm.trap(stray).under(_HIGHER_OR_SAME),
        *(asm.add_constant(register, register, part) for part in reversed(parts)),
    ]


def _keeping_flags(check: Sequence[Insn], used: int, live: int) -> list[Insn]:
    """The same with the flags saved in a free register, or in one that is spilled."""
    free = next((r for r in (IP, *range(12)) if not (live | used) & bit(r)), None)
    if free is not None:
        return [asm.read_flags(free), *check, asm.write_flags(free)]
    spare = next(r for r in range(8) if not used & bit(r))
    return [asm.push([spare]), asm.read_flags(spare), *check, asm.write_flags(spare), asm.pop([spare])]
