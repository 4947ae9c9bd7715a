"""Calls and jumps through pointers are forced into the slot table.

Every function whose address is taken has a slot, a branch to it; all pointers to functions point to slots, so the
guard changes nothing in a correct program. Bit 1 is forced to 0: a slot has 4 bytes. Bit 0 stays: 0 there faults.
"""

from __future__ import annotations

from collections import Counter

from ..analysis import Analysis
from ..guards import force_bits
from ..insn import Insn
from ..pointers import POINTER_CALLS, slot_bits
from ..program import Program, apply
from ..request import RewriteRequest
from ..values import State


def guard_calls(program: Program, request: RewriteRequest) -> tuple[Program, Counter[str]]:
    """Counts: `pointer calls guarded`, `pointer calls known`."""
    facts = Analysis(program, request)
    edits: dict[int, list[Insn]] = {}
    counts: Counter[str] = Counter()
    mask, value = slot_bits(request)
    for n, item in enumerate(program.items):
        state = facts.provable.before[n]
        if item.insn is None or state is None or item.insn.kind not in ("call_register", "jump_register"):
            continue
        register = item.insn.operands[0].register
        if facts.provable.leaves_by_link(n):
            continue
        if _is_slot(state, register, program, request):
            counts["pointer calls known"] += 1
            continue
        counts["pointer calls guarded"] += 1
        edits[n] = [*force_bits(register, mask, value), item.insn]
    return apply(program, edits, POINTER_CALLS), counts


def _is_slot(state: State, register: int, program: Program, request: RewriteRequest) -> bool:
    value = state.registers[register]
    if value is None or value.kind != "const" or not value.number & 1:
        return False
    return (value.number & ~1) - request.slots_start in program.slot_offsets.values()
