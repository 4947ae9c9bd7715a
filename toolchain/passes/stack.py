"""Functions that may recurse check, before SP moves, that what they need is left above the stack's limit; the checks of
dynamic frames get their limits."""

from __future__ import annotations

from .. import asm
from ..analysis import Analysis
from ..insn import CONDITION_NAMES, IP, SP, Label
from ..program import Body, Program, Word, apply
from ..request import RewriteRequest
from ..stack_need import StackPlan, check_registers

STACK_LIMIT = 0xF1  # trap number, see toolchain/runtime/ringfence.h
_HIGHER_OR_SAME = CONDITION_NAMES.index("cs")


def limit_stack(program: Program, request: RewriteRequest, plan: StackPlan) -> Program:
    """SP >= stack_low + room + need, unsigned, or trap."""
    facts = Analysis(program, request)
    edits: dict[int, list[Body | Label]] = {}
    for entry, need in plan.checks.items():
        edits[entry] = [*_check(facts, entry, request.stack_low + request.room + need), program.items[entry].body]
    for n, need in plan.limits.items():
        limit = request.stack_low + request.room + need
        insn = program.items[n].insn
        register = insn.operands[0].register if insn is not None else IP
        edits[n - 1], edits[n] = [asm.movw(register, limit & 0xFFFF)], [asm.movt(register, limit >> 16)]
    return apply(program, edits, "stack limits")


def _check(facts: Analysis, entry: int, limit: int) -> list[Body | Label]:
    """Trap unless SP is at least the limit; what is spilled is more to ask for, not less."""
    scratch, flags, spilled = check_registers(facts, entry)
    origin = facts.program.items[entry].origin
    enough, literal = Label(origin, "enough"), Label(origin, "limit")
    return [
        *([asm.push(spilled)] if spilled else []),
        *([asm.read_flags(flags)] if flags is not None else []),
        asm.load_literal(scratch, literal, limit),
        asm.compare(SP, scratch),
        asm.branch(enough, _HIGHER_OR_SAME),
        asm.trap(STACK_LIMIT),
        literal,
        Word(limit),
        enough,
        *([asm.write_flags(flags)] if flags is not None else []),
        *([asm.pop(spilled)] if spilled else []),
    ]
