"""Literals stay in reach, and known.

VLDR (literal) spans only 1,020 bytes, and guards make code longer.

Where a register is free, the instruction gets it as a scratch for the form that layout uses when the literal is too far
away: its address by MOVW and MOVT, then VLDR from there (A7.7.235).

A pointer to literals (ADR) that a callee preserves is unknown to the verifier behind the call. Where reads are
confined, a guard would send it into the window: so it is made anew before the load.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from .. import encode
from ..analysis import Analysis
from ..insn import IP, PC, Insn, Label, Operand, bit
from ..program import Program, apply
from ..request import RewriteRequest


def reach_literals(program: Program, request: RewriteRequest) -> tuple[Program, Counter[str]]:
    """Nothing is counted: it is not known yet which literals will be far."""
    facts = Analysis(program, request)
    edits: dict[int, list[Insn]] = {}
    for n, item in enumerate(program.items):
        if request.confine == "reads" and (place := _only_trusted(facts, n)) is not None and item.insn is not None:
            edits[n] = [place.under(item.insn.condition), item.insn]
        elif item.insn is not None and item.insn.kind == "literal_float":
            scratch = next((r for r in (IP, *range(12)) if not facts.live.after(n) & bit(r)), None)
            if scratch is not None:
                edits[n] = [_with_scratch(item.insn, scratch)]
    return apply(program, edits, "literals"), Counter()


def _only_trusted(facts: Analysis, n: int) -> Insn | None:
    """The ADR that made the base of a load, if that is known only by trusting callees."""
    insn, trusted, proved = facts.program.items[n].insn, facts.trusting.before[n], facts.provable.before[n]
    if insn is None or insn.memory is None or insn.memory.store or trusted is None or proved is None:
        return None
    base = insn.memory.base
    value = trusted.registers[base] if base < PC else None
    if value is None or value.kind != "place" or proved.registers[base] == value:
        return None
    written, raw = bit(base), encode.address_of(0, 4, base, wide=True)
    return Insn("adr", "adr", raw, 0, written, written, operands=(Operand(base),), target=Label(value.number))


def _with_scratch(insn: Insn, scratch: int) -> Insn:
    written = bit(scratch)
    operands = (insn.operands[0], Operand(scratch))
    return replace(insn, operands=operands, writes=insn.writes | written, kills=insn.kills | written)
