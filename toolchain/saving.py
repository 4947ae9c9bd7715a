"""Where LR goes into its shadow slot: as late as can be, so that ways through a function that never lose it need not.

It is saved where losing it becomes certain: every way from there comes to a call, to another use of LR, or to a return
that it may reach lost. Where that is on edges that have no place for an instruction, it is saved where the original
code saves it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .analysis import Analysis
from .flow import CALLS
from .insn import LR, SP, Insn, bit
from .values import RETURN_ADDRESS, State

_MOST_PLACES = 3  # each is an instruction or two


@dataclass(frozen=True)
class Place:
    """Before or behind an item; `depth`: how far SP is below its value at entry there, in bytes."""

    item: int
    before: bool
    depth: int


class Saving:
    """`places(n)`: where to save instead of at item n, which saves LR in the original code."""

    def __init__(self, facts: Analysis) -> None:
        self._facts = facts
        self._functions = {entry: facts.provable.of_function(entry) for entry in facts.program.entries}
        self._owners = Counter(n for states in self._functions.values() for n in states)
        self._certain = {entry: self._certain_in(states) for entry, states in self._functions.items()}

    def places(self, n: int) -> list[Place] | None:
        """None: right behind item n."""
        owners = [entry for entry, states in self._functions.items() if n in states]
        if len(owners) != 1:
            return None
        states, certain = self._functions[owners[0]], self._certain[owners[0]]
        if all(s in certain for s in self._successors(n, states)):
            return None
        passed = self._passed(n, states, certain)
        if any(self._owners[m] > 1 for m in passed):
            return None
        found = set[Place]()
        for m in passed:
            for s in self._successors(m, states):
                if s in certain:
                    place = self._on_edge(m, s, states, passed)
                    if place is None:
                        return None
                    found.add(place)
        return sorted(found, key=lambda place: place.item) if len(found) <= _MOST_PLACES else None

    def _successors(self, n: int, states: Mapping[int, State]) -> tuple[int, ...]:
        return self._facts.provable.successors(n, states[n])

    def _certain_in(self, states: Mapping[int, State]) -> set[int]:
        """The items from which every way needs the slot."""
        certain = set(states)
        sources: dict[int, list[int]] = {}
        for n in states:
            for s in self._successors(n, states):
                sources.setdefault(s, []).append(n)
        todo = list(states)
        while todo:
            n = todo.pop()
            following = self._successors(n, states)
            needs = self._needs_slot(n, states[n]) or (following and all(s in certain for s in following))
            if n in certain and not needs:
                certain.discard(n)
                todo += sources.get(n, ())
        return certain

    def _needs_slot(self, n: int, state: State) -> bool:
        """Whether LR is lost here, or control leaves here after it was. A trap does not mind."""
        insn = self._facts.program.items[n].insn
        if insn is None or insn.kind == "trap":
            return True
        if insn.kind in CALLS or insn.writes & bit(LR):
            return True
        return self._facts.flow.leaves[n] and state.registers[LR] != RETURN_ADDRESS

    def _passed(self, n: int, states: Mapping[int, State], certain: set[int]) -> set[int]:
        """Item n, and what is reached from it while losing LR is not certain."""
        passed, todo = {n}, [n]
        while todo:
            new = {s for s in self._successors(todo.pop(), states) if s not in certain} - passed
            passed |= new
            todo += new
        return passed

    def _on_edge(self, m: int, s: int, states: Mapping[int, State], passed: set[int]) -> Place | None:
        depth = states[s].depth
        if depth is None or states[s].registers[LR] != RETURN_ADDRESS:
            return None
        sources = [k for k in states if s in self._successors(k, states)]
        if all(k in passed for k in sources):
            return Place(s, True, depth)
        insn = self._facts.program.items[m].insn
        falls_through = insn is not None and s == m + 1 and insn.kind not in ("table", "table_load")
        return Place(m, False, depth) if falls_through else None


def saves_link(insn: Insn, state: State) -> bool:
    """Whether the original code saves the return address from LR here."""
    if state.registers[LR] != RETURN_ADDRESS or insn.conditional:
        return False
    if insn.name == "mov":
        return insn.operands[1].register == LR
    return insn.is_store and insn.memory is not None and insn.memory.base == SP and LR in insn.memory.data


def restored_for_nothing(facts: Analysis) -> Iterator[int]:
    """Items that pop LR where it still is the return address: `push {.., lr}` has begun the function, and all of that
    is popped again."""
    for entry in facts.program.entries:
        states = facts.provable.of_function(entry)
        if not any(_begins_with_push(facts, n, state) for n, state in states.items()):
            continue
        for n, state in states.items():
            insn = facts.program.items[n].insn
            if insn is None or insn.memory is None or insn.kind != "plain" or insn.is_store or insn.conditional:
                continue
            pops = insn.memory.base == SP and insn.memory.step > 0 and insn.memory.data[-1:] == (LR,)
            if pops and state.registers[LR] == RETURN_ADDRESS and facts.provable.after(n, state).depth == 0:
                yield n


def _begins_with_push(facts: Analysis, n: int, state: State) -> bool:
    insn = facts.program.items[n].insn
    if insn is None or insn.memory is None or state.depth != 0 or not saves_link(insn, state):
        return False
    return insn.memory.step < 0 and insn.memory.data[-1:] == (LR,)
