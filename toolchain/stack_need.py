"""How much stack a program needs, over its call graph; which functions must check the limit because they may recurse.

The verifier asks: depth at the call + need(callee) <= what is known to be left. A function that checks the limit needs
nothing from its caller but what the check itself spills; after the check it knows of as many bytes as it checked for. A
dynamic frame begins with such a check, and what is called from there counts against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .analysis import Analysis
from .flow import is_plain_return
from .graphs import components
from .insn import FLAGS, IP, bit
from .program import NotSupported
from .values import RETURN_ADDRESS, State

DYNAMIC = "dynamic frames"  # what the instructions that check a dynamic frame and set SP are made by


@dataclass
class Frame:
    """The deepest SP goes, and for each callee (an entry) the depth at the deepest call."""

    deepest: int = 0
    calls: dict[int, int] = field(default_factory=dict)

    def reach(self, depth: int) -> None:
        self.deepest = max(self.deepest, depth)

    def call(self, callee: int, depth: int) -> None:
        self.calls[callee] = max(self.calls.get(callee, 0), depth)


@dataclass(frozen=True)
class StackPlan:
    """`checks`: {entry: bytes that must be left when the function begins}; `limits`: {MOVT of the limit of a dynamic
    frame: bytes that must be left below it}; `dynamic`: entries of functions with such frames; `need`: bytes below
    SP at the host's entry, each recursive function counted once, dynamic amounts not at all."""

    checks: dict[int, int]
    limits: dict[int, int]
    dynamic: tuple[int, ...]
    need: int


def plan_stack(facts: Analysis) -> StackPlan:
    program = facts.program
    frames: dict[int, Frame] = {}
    dynamic: dict[int, Frame] = {}
    for entry in program.entries:
        frames[entry], dynamic[entry] = _frames(facts, entry)
    checked = _cycle_breakers({entry: set(frame.calls) for entry, frame in frames.items()})
    needs: dict[int, int] = {}
    spilled = {entry: 4 * len(check_registers(facts, entry).spilled) for entry in checked}
    checks = {entry: max(_need(frames, spilled, needs, entry), spilled[entry]) for entry in sorted(checked)}
    limits: dict[int, int] = {}
    for entry, frame in dynamic.items():
        for n in _limits(facts, entry):
            limits[n] = max(limits.get(n, 0), _need_of(frame, frames, spilled, needs))
    whole: dict[int, int] = {}
    for entry in checked:
        whole[entry] = checks[entry] + _need_of(dynamic[entry], frames, spilled, needs)
    frames = {entry: _one_below_the_other(frame, dynamic[entry]) for entry, frame in frames.items()}
    entries = [program.index[label] for label in program.exports.values()]
    if facts.request.pointers:
        entries += [program.index[slot] for slot in program.slots if slot in program.index]  # others are imports
    need = max((_total(frames, checks, whole, entry) for entry in entries), default=0)
    return StackPlan(checks, limits, tuple(e for e in dynamic if _limits(facts, e)), need)


class CheckRegisters(NamedTuple):
    """What a check at a function's entry clobbers: a register for the limit, one for the flags if they are in use;
    those that are not free are `spilled` around it."""

    limit: int
    flags: int | None
    spilled: tuple[int, ...]


def check_registers(facts: Analysis, entry: int) -> CheckRegisters:
    free = facts.live.free(entry)
    usable = [r for r in (IP, 3, 2, 1, 0) if free & bit(r)]
    wanted = 1 if free & FLAGS == FLAGS else 2
    spilled = tuple(r for r in range(4) if r not in usable)[: max(wanted - len(usable), 0)]
    chosen = [*usable, *spilled]
    return CheckRegisters(chosen[0], chosen[1] if wanted == 2 else None, spilled)


def _frames(facts: Analysis, entry: int) -> tuple[Frame, Frame]:
    """One function, without its dynamic frames and in them."""
    known, dynamic = Frame(), Frame()
    for n, state in facts.provable.of_function(entry).items():
        insn = facts.program.items[n].insn
        if insn is None:
            continue
        after = facts.provable.after(n, state)
        (known if after.depth_in_frame is None else dynamic).reach(_depth(facts, n, after))
        for callee in callees(facts, n, state):
            if callee == entry and insn.kind == "branch":
                continue  # a loop back to the start of the function: it needs no more with each round
            (known if state.depth_in_frame is None else dynamic).call(callee, _depth(facts, n, state))
    return known, dynamic


def _one_below_the_other(known: Frame, dynamic: Frame) -> Frame:
    """Both as one frame, the second where the first is deepest."""
    both = Frame(known.deepest + dynamic.deepest, dict(known.calls))
    for callee, depth in dynamic.calls.items():
        both.call(callee, known.deepest + depth)
    return both


def _limits(facts: Analysis, entry: int) -> list[int]:
    """The MOVT of each MOVW and MOVT that form the limit of one of the function's dynamic frames: SP is compared with
    it right behind."""
    items = facts.program.items
    mine = [n for n in facts.provable.of_function(entry) if items[n].made_by == DYNAMIC]
    return [n for n in mine if [getattr(items[m].body, "name", "") for m in (n, n + 1)] == ["movt", "cmp"]]


def _depth(facts: Analysis, n: int, state: State) -> int:
    depth = state.depth if state.depth_in_frame is None else state.depth_in_frame
    if depth is None or depth < 0:
        why = "SP moves up beyond where it was" if depth else "the stack's depth is not the same on all paths to here"
        raise NotSupported(facts.program, n, why, "stack switching is not supported in a sandbox")
    return depth


def callees(facts: Analysis, n: int, state: State) -> Iterable[int]:
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


def _need(frames: dict[int, Frame], spilled: dict[int, int], needs: dict[int, int], entry: int) -> int:
    """Bytes below SP at entry; of callees that check for themselves only what these spill is counted, which leaves no
    cycles."""
    if entry not in needs:
        needs[entry] = 0
        needs[entry] = _need_of(frames[entry], frames, spilled, needs)
    return needs[entry]


def _need_of(frame: Frame, frames: dict[int, Frame], spilled: dict[int, int], needs: dict[int, int]) -> int:
    below = [
        depth + (spilled[c] if c in spilled else _need(frames, spilled, needs, c)) for c, depth in frame.calls.items()
    ]
    return max([frame.deepest, *below])


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
