"""Functions end where the next one begins.

Where a compiler knows that control does not get there (a switch without default, behind __builtin_unreachable) it may
let a function run on into the next one, by a branch to its own end even. No correct program does so with SP moved, and
it would be the next function's frame on top of this one's: so there is a trap between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from .. import asm
from ..analysis import Analysis
from ..insn import Label
from ..program import Body, Program, Table, apply
from ..recover import UNREACHABLE
from ..request import RewriteRequest


def end_functions(program: Program, request: RewriteRequest) -> tuple[Program, Counter[str]]:
    """Counts `functions ended`."""
    facts = Analysis(program, request)
    edits: dict[int, list[Body | Label]] = {}
    for n in _running_on(facts):
        edits[n] = [program.items[n].body, asm.trap(UNREACHABLE)]
    for n, item in enumerate(program.items):
        if item.insn is not None and item.insn.kind in ("table", "table_load") and n + 1 not in edits:
            edits |= _without_others(facts, n)
    return apply(program, edits, "unreachable code"), Counter({"functions ended": len(edits)})


def _running_on(facts: Analysis) -> Iterator[int]:
    """Items behind which another function begins, and which are reached only with SP not as at their own's entry."""
    entries = facts.program.entries
    for entry in entries:
        n = entry - 1
        insn = facts.program.items[n].insn if n >= 0 else None
        if insn is None or entry not in facts.flow.successors[n] or (insn.kind == "branch" and not insn.conditional):
            continue
        states = [facts.trusting.of_function(e).get(n) for e in entries if e != entry]
        found = [facts.trusting.after(n, state).depth for state in states if state is not None]
        if found and 0 not in found:
            yield n


def _without_others(facts: Analysis, n: int) -> dict[int, list[Body | Label]]:
    """The table of a jump, with a trap for entries that lead to another function's beginning with SP moved."""
    program = facts.program
    table, state = program.items[n + 1].body, facts.trusting.before[n]
    if not isinstance(table, Table) or state is None or state.depth == 0:
        return {}
    others = {label for label in table.targets if program.index.get(label) in program.entries}
    if not others:
        return {}
    ended = Label(program.items[n].origin, "ended")
    targets = tuple(ended if label in others else label for label in table.targets)
    return {n + 1: [replace(table, targets=targets), ended, asm.trap(UNREACHABLE)]}
