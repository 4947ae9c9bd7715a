"""Which registers point into the window because a guard has forced them there, earlier in the same straight piece of
code: control enters it only at its top, and a call ends it."""

from __future__ import annotations

from collections.abc import Mapping

from .analysis import Analysis
from .flow import CALLS
from .insn import SP, Insn, Memory

Known = Mapping[int, int]  # register: its distance from an address in the window

REACH_BELOW, REACH_ABOVE = 256, 264  # guarded bases are used with offsets up to these distances
_FARTHEST = 4096
_GUARD = "stores guarded"


def needs_guard(reason: str) -> bool:
    return reason == _GUARD


class Guarded:
    """`before[n]`: what is known before item n, or None where control does not get to."""

    def __init__(self, facts: Analysis) -> None:
        self._facts = facts
        self.before: list[Known | None] = [None] * len(facts.program.items)
        self._walk()

    def reason(self, n: int, memory: Memory, known: Known) -> str:
        """What is to be done with the store at item n: why it needs no guard, or that it is guarded."""
        state = self._facts.provable.before[n]
        address = None if state is None else self._facts.provable.address(memory, state)
        if (memory.base == SP and memory.index < 0) or (address is not None and address.kind == "sp"):
            return "stores on the stack"
        if address is not None and address.kind == "const" and self._allowed(address.number, memory.size):
            return "stores to constant addresses"
        if memory.index < 0 and memory.base in known:
            first = known[memory.base] + memory.offset
            if first >= -REACH_BELOW and first + memory.size <= REACH_ABOVE:
                return "stores guarded by an earlier guard"
        return _GUARD

    def in_place(self, memory: Memory) -> bool:
        """Whether the base itself can be guarded."""
        near = memory.offset >= -REACH_BELOW and memory.end <= REACH_ABOVE
        return memory.index < 0 and near and memory.base != SP

    def _allowed(self, address: int, size: int) -> bool:
        request = self._facts.request
        low = request.window_base - request.slack_below
        high = request.window_base + request.window_size + request.slack_above
        ranges = [(low, high), *request.mmio]
        return any(start <= address and address + size <= end for start, end in ranges)

    def _walk(self) -> None:
        known: Known = {}
        for n, item in enumerate(self._facts.program.items):
            if n in self._facts.program.joins or item.insn is None:
                known = {}
            if self._facts.provable.before[n] is not None:
                self.before[n] = known
                known = self._after(n, known)

    def _after(self, n: int, known: Known) -> Known:
        insn, trap = self._facts.program.items[n].insn, self._facts.request.mode == "trap"
        if insn is None or insn.kind in CALLS or (insn.kind == "branch" and not insn.conditional):
            return {}
        if trap and insn.kind == "zero":
            return {}  # it may be laid out with a label behind it
        if insn.is_store and insn.memory is not None and needs_guard(self.reason(n, insn.memory, known)):
            if insn.conditional:
                known = {} if trap else known  # a check under a condition ends the block
            elif self.in_place(insn.memory):
                known = {**known, insn.memory.base: 0}
        return _moved(insn, known)


def _moved(insn: Insn, known: Known) -> Known:
    """What is known behind an instruction, its own guard included in `known`."""
    if not insn.writes:
        return known
    result = {r: k for r, k in known.items() if not insn.writes >> r & 1}
    made = None if insn.conditional else _made(insn, known)
    if made is not None:
        result[made[0]] = made[1]
    return result


def _made(insn: Insn, known: Known) -> tuple[int, int] | None:
    """(register, distance) of a known register that this instruction makes from another, or moves on."""
    memory = insn.memory
    if memory is not None:
        if memory.step and memory.base in known and (memory.store or memory.base not in memory.data):
            return memory.base, known[memory.base] + memory.step
        return None
    if insn.kind != "plain" or insn.shifted or insn.name not in ("mov", "add", "sub"):
        return None
    target, source = insn.operands[0].register, insn.operands[-2 if insn.name != "mov" else 1].register
    if source not in known or (insn.name != "mov" and insn.operands[-1].is_register):
        return None
    change = 0 if insn.name == "mov" else insn.operands[-1].value
    distance = known[source] + (change if insn.name != "sub" else -change)
    return (target, distance) if abs(distance) <= _FARTHEST else None
