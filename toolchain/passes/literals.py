"""FP literals come into reach: VLDR (literal) spans only 1,020 bytes, and guards make code longer.

Where a register is free, the instruction gets it as a scratch for the form that layout uses when the literal is too far
away: its address by MOVW and MOVT, then VLDR from there (A7.7.235).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ..analysis import Analysis
from ..insn import IP, Insn, Operand, bit
from ..program import Program, apply
from ..request import RewriteRequest


def reach_literals(program: Program, request: RewriteRequest) -> tuple[Program, Counter[str]]:
    """Nothing is counted: it is not known yet which literals will be far."""
    facts = Analysis(program, request)
    edits: dict[int, list[Insn]] = {}
    for n, item in enumerate(program.items):
        if item.insn is not None and item.insn.kind == "literal_float":
            scratch = next((r for r in (IP, *range(12)) if not facts.live.after(n) & bit(r)), None)
            if scratch is not None:
                edits[n] = [_with_scratch(item.insn, scratch)]
    return apply(program, edits, "literals"), Counter()


def _with_scratch(insn: Insn, scratch: int) -> Insn:
    written = bit(scratch)
    operands = (insn.operands[0], Operand(scratch))
    return replace(insn, operands=operands, writes=insn.writes | written, kills=insn.kills | written)
