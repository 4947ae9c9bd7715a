"""Calls, returns and SP changes under an IT condition become branches around unconditional ones.

SP must not change under a condition, and what replaces a return or a call is often more than one instruction. The
branch around costs what the IT instruction did.
"""

from __future__ import annotations

from collections import Counter

from .. import asm
from ..insn import ALWAYS, SP, Insn, Label, bit, inverse
from ..program import Body, Program, apply
from ..request import RewriteRequest

_CONTROL = ("call", "call_register", "jump_register", "load_pc", "table", "table_load", "trap")


def unconditional_control(program: Program, request: RewriteRequest) -> tuple[Program, Counter[str]]:
    """Turn `popeq {r4, pc}` into `bne 1f; pop {r4, pc}; 1:`, neighbours under one condition together."""
    edits: dict[int, list[Body | Label]] = {}
    for n, item in enumerate(program.items):
        insn = item.insn
        if insn is None or n in edits or not _needs_branch(insn):
            continue
        over = Label(item.origin, "over")
        group = _group(program, n, insn.condition)
        edits.update((m, []) for m in range(n + 1, n + len(group)))
        edits[n] = [asm.branch(over, inverse(insn.condition)), *(i.under(ALWAYS) for i in group), over]
    return apply(program, edits, "conditional control"), Counter()


def _needs_branch(insn: Insn) -> bool:
    return insn.conditional and (insn.kind in _CONTROL or bool(insn.writes & bit(SP)))


def _group(program: Program, n: int, condition: int) -> list[Insn]:
    """The instructions from n on that share one branch around: same condition, entered only from the top."""
    group: list[Insn] = []
    for m in range(n, len(program.items)):
        insn = program.items[m].insn
        if insn is None or insn.condition != condition or not _needs_branch(insn) or (group and m in program.joins):
            break
        group.append(insn)
    return group
