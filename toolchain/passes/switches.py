"""Every table jump has a bound check that the verifier can find: where the compiler's own is not right before it, one
is inserted. An index beyond the table traps."""

from __future__ import annotations

from collections import Counter

from .. import asm
from ..analysis import Analysis
from ..flow import CALLS, table_of
from ..insn import CONDITION_NAMES, FLAGS, IP, Insn, Label, bit
from ..program import Body, NotSupported, Program, apply
from ..recover import UNREACHABLE
from ..request import RewriteRequest
from ..tables import bound_before

_HIGHER = CONDITION_NAMES.index("hi")


def bound_switches(program: Program, request: RewriteRequest) -> tuple[Program, Counter[str]]:
    """Counts: `table jumps checked` (by us), `table jumps bounded` (by the program)."""
    facts = Analysis(program, request)
    edits: dict[int, list[Body | Label]] = {}
    counts: Counter[str] = Counter()
    for n, item in enumerate(program.items):
        insn = item.insn
        if insn is None or insn.kind not in ("table", "table_load"):
            continue
        index = insn.memory.index if insn.memory is not None else insn.operands[0].register
        table = table_of(program, n)
        size = len(table.targets)
        bound = bound_before(_history(program, n), index)
        if bound is not None and bound <= size:
            counts["table jumps bounded"] += 1
            continue
        if table.by_compare:
            raise NotSupported(program, n, "control enters between the bound check of a table jump and the jump")
        _check(facts, n, insn, index, size, edits)
        counts["table jumps checked"] += 1
    return apply(program, edits, "table jumps"), counts


def _history(program: Program, n: int) -> list[Insn]:
    """The instructions that are always executed right before item n, nearest first."""
    result: list[Insn] = []
    while n not in program.joins and n > 0 and len(result) < 24:
        n -= 1
        insn = program.items[n].insn
        if insn is None or insn.kind in CALLS:
            break
        result.append(insn)
    return result


def _check(facts: Analysis, n: int, insn: Insn, index: int, size: int, edits: dict[int, list[Body | Label]]) -> None:
    """Insert the check before the jump and its trap behind the table."""
    if facts.live.before[n] & FLAGS:
        raise NotSupported(facts.program, n, "the index of a table jump is not bounded and the flags are in use")
    origin = facts.program.items[n].origin
    outside = Label(origin, "outside")
    edits[n] = [*_compare(facts, n, insn, index, size - 1), asm.branch(outside, _HIGHER), insn]
    behind: list[Body | Label] = [outside, asm.trap(UNREACHABLE)]
    if insn.kind == "table":
        edits[n + 1] = [facts.program.items[n + 1].body, *behind]
    else:
        edits[n] += behind


def _compare(facts: Analysis, n: int, insn: Insn, index: int, last: int) -> list[Insn]:
    """Compare the index with the last one; a number that fits no immediate goes through a free register."""
    if asm.modified_immediate(last) is not None:
        return [asm.compare_constant(index, last)]
    used = facts.live.before[n] | insn.reads
    scratch = next((r for r in (IP, *range(12)) if not used & bit(r)), None)
    if scratch is None:
        raise NotSupported(facts.program, n, "no register is free to check the index of this table jump",
                           "write this function in C with fewer cases, or exclude it")
    return [asm.movw(scratch, last), asm.compare(index, scratch)]
