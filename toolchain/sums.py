"""Addresses that several accesses share: formed and guarded once, they stay in a register for the next ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from .analysis import Analysis
from .insn import SCRATCH, SP, Insn, Memory, bit, mask_of
from .proved import in_place
from .view import REACH_ABOVE, REACH_BELOW

_STRAIGHT = ("plain", "literal", "literal_pair", "adr", "branch")
SHARED_ABOVE = 1020  # how far above a guarded address others are reached from it; REACH_BELOW below
_NEXT = 32  # instructions in which another access by the same sum is looked for


@dataclass(frozen=True)
class Sum:
    """base + (index << shift) + offset; index is a register, or -1."""

    base: int
    index: int
    shift: int
    offset: int

    @classmethod
    def of(cls, memory: Memory) -> Sum:
        return cls(memory.base, memory.index, memory.shift, memory.offset)

    @property
    def reads(self) -> int:
        """The registers (a mask) that it is made of."""
        return bit(self.base) | (bit(self.index) if self.index >= 0 else 0)

    def distance_to(self, memory: Memory) -> int | None:
        """How far from here an access begins, if that is near."""
        distance = memory.offset - self.offset
        near = distance > -REACH_BELOW and distance + memory.size <= REACH_ABOVE
        same = replace(self, offset=memory.offset) == Sum.of(memory) and not memory.step
        return distance if near and same else None


class Sharing:
    """Where sums can be kept. `guarded` says of which items the accesses need a guard, `apart` how far some are from
    each other."""

    def __init__(
        self, facts: Analysis, guarded: Callable[[int], bool], apart: Mapping[tuple[int, int], int]
    ) -> None:
        self._program = facts.program
        self._facts = facts
        self._guarded = guarded
        self._apart = apart

    def distance(self, n: int, found: Sum, m: int) -> int | None:
        """How far access m begins from access n, whose address is `found`; None if it is too far or not known."""
        memory = self._insn(m).memory
        if memory is None or memory.step:
            return None
        apart = self._apart.get((n, m))
        if apart is not None and -REACH_BELOW < apart <= SHARED_ABOVE - memory.size and _encodable(apart, memory):
            return apart
        return found.distance_to(memory)

    def lower(self, n: int, memory: Memory, occupied: Iterable[int]) -> tuple[int, int, int] | None:
        """An access that is certain to follow and begins below access n, which may be reached from there: its item, a
        register for its address, and how far below. (Not the other way round: offsets below a register are short.)"""
        for m in range(n + 1, min(n + _NEXT, len(self._program.items))):
            insn = self._program.items[m].insn
            if insn is None or self.ends_run(m) or insn.kind == "branch":
                return None
            apart = self._apart.get((n, m), 0)
            reached = apart <= -REACH_BELOW and memory.size - apart <= SHARED_ABOVE and _encodable(apart, memory)
            if reached and insn.memory is not None and self._guarded(m) and not insn.conditional:
                made_of = Sum.of(insn.memory).reads
                register = self._free(n, Sum.of(insn.memory), mask_of((SP, *occupied, *memory.data)))
                stays = not insn.memory.step and not any(self._insn(k).writes & made_of for k in range(n, m))
                return (m, register, -apart) if register is not None and stays else None
        return None

    def ends_run(self, n: int) -> bool:
        """Whether control may come to item n, or go on behind it, otherwise than straight on."""
        insn = self._program.items[n].insn
        return n in self._program.joins or insn is None or insn.kind not in _STRAIGHT

    def keeper(self, n: int, memory: Memory, occupied: Iterable[int]) -> int | None:
        """A register for the address of access n that can keep it for the next ones by the same sum; None if there is
        none: a free one, not `occupied`, or one of the sum's own that serves nothing else any more."""
        if memory.step:
            return None
        wanted = Sum.of(memory)
        free = self._free(n, wanted, mask_of((SP, *occupied, *memory.data)))
        own = (r for r in (memory.index, memory.base) if r not in (-1, SP, *memory.data))
        return next((r for r in own if self._serves_only(n, wanted, r)), None) if free is None else free

    def _free(self, n: int, wanted: Sum, taken: int) -> int | None:
        """A register that is free from access n to the next one by this sum."""
        for m in range(n + 1, min(n + _NEXT, len(self._program.items))):
            written = self._insn(m - 1).writes
            taken |= self._facts.live.after(m - 1) | written
            if self.ends_run(m) or written & wanted.reads:
                return None
            data = self._by(n, m, wanted)
            if data is not None:
                return next((r for r in SCRATCH if not (taken | mask_of(data)) & bit(r)), None)
        return None

    def _serves_only(self, n: int, wanted: Sum, register: int) -> bool:
        """Whether from access n on the register serves accesses by this sum, at least one more, and nothing else."""
        more = False
        for m in range(n, min(n + _NEXT, len(self._program.items))):
            if m > n and self.ends_run(m):
                return False
            if m > n and self._insn(m).reads & bit(register):
                data = self._by(n, m, wanted)
                if data is None or register in data:
                    return False
                more = True
            if not self._facts.live.after(m) & bit(register):
                return more
            if any(self._facts.live.before[s] & bit(register) for s in self._facts.flow.successors[m] if s != m + 1):
                return False  # a branch leads to where it is needed as it was
            if self._insn(m).writes & wanted.reads:
                return False
        return False

    def _by(self, n: int, m: int, wanted: Sum) -> tuple[int, ...] | None:
        """What access m transfers, if it needs a guard and gets its address through a register that holds that of
        access n, this sum."""
        memory = self._insn(m).memory
        if memory is None or not self._guarded(m) or in_place(memory) or self.distance(n, wanted, m) is None:
            return None
        return memory.data

    def _insn(self, n: int) -> Insn:
        insn = self._program.items[n].insn
        if insn is None:
            raise ValueError("an item without an instruction")
        return insn


def _encodable(distance: int, memory: Memory) -> bool:
    """Whether every form of the access has such an offset: those of words and pairs must be multiples of 4."""
    return distance % min(memory.size, 4) == 0
