"""How much stack a program needs, over its call graph; which functions must check the limit because they may recurse.

The verifier asks: depth at the call + need(callee) <= what is known to be left. A function that checks the limit needs
nothing from its caller; after the check it knows of as many bytes as it checked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .analysis import Analysis
from .flow import is_plain_return
from .graphs import components
from .program import NotSupported
from .values import RETURN_ADDRESS, State


@dataclass(frozen=True)
class Frame:
    """One function: the deepest SP goes in it, and for each callee (an entry) the depth at the deepest call."""

    deepest: int
    calls: dict[int, int]


@dataclass(frozen=True)
class StackPlan:
    """`checks`: {entry: bytes that must be left when the function begins}; `need`: bytes below SP at the host's entry,
    each recursive function counted once."""

    checks: dict[int, int]
    need: int


def plan_stack(facts: Analysis) -> StackPlan:
    frames = {entry: _frame(facts, entry) for entry in facts.program.entries}
    checked = _cycle_breakers({entry: set(frame.calls) for entry, frame in frames.items()})
    needs: dict[int, int] = {}
    checks = {entry: _need(frames, checked, needs, entry) for entry in sorted(checked)}
    whole: dict[int, int] = {}
    for entry in checked:
        whole[entry] = checks[entry]
    program = facts.program
    entries = [program.index[label] for label in program.exports.values()]
    if facts.request.pointers:
        entries += [program.index[slot] for slot in program.slots if slot in program.index]  # others are imports
    need = max((_total(frames, checks, whole, entry) for entry in entries), default=0)
    return StackPlan(checks, need)


def _frame(facts: Analysis, entry: int) -> Frame:
    deepest = 0
    calls: dict[int, int] = {}
    for n, state in facts.provable.of_function(entry).items():
        insn = facts.program.items[n].insn
        if insn is None:
            continue
        depth = _depth(facts, n, state)
        deepest = max(deepest, _depth(facts, n, facts.provable.after(n, state)))
        for callee in _callees(facts, n, state):
            if callee == entry and insn.kind == "branch":
                continue  # a loop back to the start of the function: it needs no more with each round
            calls[callee] = max(calls.get(callee, 0), depth)
    return Frame(deepest, calls)


def _depth(facts: Analysis, n: int, state: State) -> int:
    if state.depth is None or state.depth < 0:
        raise NotSupported(facts.program, n, "the stack's depth is not the same on all paths to here")
    return state.depth


def _callees(facts: Analysis, n: int, state: State) -> Iterable[int]:
    """Entries that item n may call, directly, as a tail call, or through the slot table."""
    program, flow = facts.program, facts.flow
    insn = program.items[n].insn
    if insn is None:
        return []
    callee = flow.calls[n]
    if callee is not None:
        return [callee]
    through_pointer = insn.kind == "call_register" or (
        insn.kind == "jump_register"
        and not is_plain_return(insn)
        and state.registers[insn.operands[0].register] != RETURN_ADDRESS
    )
    if through_pointer:
        return [program.index[slot] for slot in program.slots if slot in program.index]
    if insn.kind == "branch" and state.depth == 0:
        return [s for s in flow.successors[n] if s in program.entries and (s != n + 1 or not insn.conditional)]
    return []


def _need(frames: dict[int, Frame], checked: set[int], needs: dict[int, int], entry: int) -> int:
    """Bytes below SP at entry; callees that check for themselves are not counted, which leaves no cycles."""
    if entry not in needs:
        frame = frames[entry]
        needs[entry] = 0
        below = [depth + _need(frames, checked, needs, c) for c, depth in frame.calls.items() if c not in checked]
        needs[entry] = max([frame.deepest, *below, *(frame.calls[c] for c in frame.calls if c in checked)])
    return needs[entry]


def _total(frames: dict[int, Frame], checks: dict[int, int], whole: dict[int, int], entry: int) -> int:
    """The need with what the checked callees check for counted in."""
    if entry not in whole:
        whole[entry] = 0
        frame = frames[entry]
        whole[entry] = max([frame.deepest, *(d + _total(frames, checks, whole, c) for c, d in frame.calls.items())])
    return whole[entry]


def _cycle_breakers(graph: dict[int, set[int]]) -> set[int]:
    """Few nodes without which the graph has no cycle: of each cyclic component the busiest, until none is left."""
    chosen: set[int] = set()
    while True:
        left = {n: graph[n] - chosen for n in graph if n not in chosen}
        cyclic = [c for c in components(left) if len(c) > 1 or c[0] in left[c[0]]]
        if not cyclic:
            return chosen
        for component in cyclic:
            inside = set(component)
            degree = {n: len(left[n] & inside) * sum(n in left[m] for m in inside) for n in component}
            chosen.add(max(component, key=lambda n: (degree[n], -n)))
