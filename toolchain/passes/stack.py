"""Functions that may recurse check, before SP moves, that what they need is left above the stack's limit; the checks of
dynamic frames get their limits."""

from __future__ import annotations

from .. import asm
from ..analysis import Analysis
from ..insn import CONDITION_NAMES, FLAGS, IP, SP, Label, bit
from ..program import Body, NotSupported, Program, apply
from ..request import RewriteRequest
from ..stack_need import StackPlan

STACK_LIMIT = 0xF1  # trap number, see toolchain/runtime/ringfence.h
_HIGHER_OR_SAME = CONDITION_NAMES.index("cs")


def limit_stack(program: Program, request: RewriteRequest, plan: StackPlan) -> Program:
    """SP >= stack_low + room + need, unsigned, or trap."""
    facts = Analysis(program, request)
    edits: dict[int, list[Body | Label]] = {}
    for entry, need in plan.checks.items():
        limit = request.stack_low + request.room + need
        scratch = _scratch(facts, entry)
        enough = Label(program.items[entry].origin, "enough")
        edits[entry] = [
            asm.movw(scratch, limit & 0xFFFF),
            asm.movt(scratch, limit >> 16),
            asm.compare(SP, scratch),
            asm.branch(enough, _HIGHER_OR_SAME),
            asm.trap(STACK_LIMIT),
            enough,
            program.items[entry].body,
        ]
    for n, need in plan.limits.items():
        limit = request.stack_low + request.room + need
        insn = program.items[n].insn
        register = insn.operands[0].register if insn is not None else IP
        edits[n - 1], edits[n] = [asm.movw(register, limit & 0xFFFF)], [asm.movt(register, limit >> 16)]
    return apply(program, edits, "stack limits")


def _scratch(facts: Analysis, entry: int) -> int:
    free = facts.live.free(entry)
    if free & FLAGS != FLAGS:
        raise NotSupported(facts.program, entry, "a recursive function that uses the flags at its entry")
    register = next((r for r in (IP, 3, 2, 1, 0) if free & bit(r)), None)
    if register is None:
        raise NotSupported(facts.program, entry, "no register is free for the stack check of this recursive function")
    return register
