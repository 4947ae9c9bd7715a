"""Runs one block with the kernel's own executor and records where control goes, instead of checking it.

A run depends on what a state says exactly (constants, distances from s, RA), not on its ranges: those are kept apart,
so that a block is executed once and its edges are evaluated as often as the ranges change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..kernel.execute import SP, Callee, Context, Executor
from ..kernel.policy import Range, Sandbox
from ..kernel.proof import Fact, Frame, Function, Invariant
from ..kernel.safety import RA, S, tail_call_is_safe
from ..kernel.term import FALSE, TRUE, Term, and_, signed, split
from .ranges import ZERO, Known, Ranges, base_of

_WORD = 1 << 32
MAX_ENTRIES = 4096
_DEPTH = 16  # masks nest deeper only in code that nobody writes
SLOTS = -1  # stands for "any slot" among the callees
Calls = set[tuple[int, int]]  # (depth at the call, callee's entry)


@dataclass(frozen=True)
class Edge:
    """Control goes to `target` when the conditions hold; what the registers (0-14, SP apart) are then."""

    source: int  # the branch; `target` itself where control just gets there
    target: int
    conditions: tuple[Term, ...]
    registers: tuple[Term, ...]
    depth: int
    slot: bool
    granted: int | None
    frame: Frame | None
    written: int  # registers (a mask) that the block has written or lost by then
    left: int = 0  # in how many places of the block control may have left the function before


@dataclass(frozen=True)
class Access:
    """A store, or a load that is confined, at `address` (of the instruction) to `place`, and what holds there.

    `always`: it has no condition of its own; `behind`: how many edges leave the block before it; `left`: whether
    control may have left the function before it, for good or for a call; `own`: the place is the dynamic frame's word
    in the shadow stack.
    """

    address: int
    place: Term
    size: int
    conditions: tuple[Term, ...]
    always: bool
    behind: int
    left: bool = False
    store: bool = True
    own: bool = False


@dataclass(frozen=True)
class Target:
    """Where the call or jump through a pointer at `address` leads, and what holds there."""

    address: int
    value: Term
    conditions: tuple[Term, ...]


@dataclass
class Run:
    """One execution of a block."""

    edges: list[Edge] = field(default_factory=list)
    accesses: list[Access] = field(default_factory=list)
    executed: frozenset[int] = frozenset()
    deepest: int = 0
    calls: Calls = field(default_factory=set)
    framed: set[int] = field(default_factory=set)  # callees of calls in dynamic frames, whose need is checked there
    limited: bool = False  # whether a limit check is in it, behind which a block begins
    reads: int = 0  # registers (a mask) read before they are written
    indices: list[tuple[Term, tuple[Term, ...]]] = field(default_factory=list)  # of table jumps, and what holds there
    leaving: int = 0  # in how many places it returns or goes on in another function
    called: int = 0  # how many calls are in it
    rank: int = 0  # the function's, if it uses the word of a rank here
    entered: list[Term] = field(default_factory=list)  # the registers' terms at the start
    targets: list[Target] = field(default_factory=list)  # of calls through the pointer table, unless masks say enough
    lost: int = 0  # registers (a mask) that it or what it calls may write
    forced: dict[int, Term] = field(default_factory=dict)  # what a base was before a guard that is taken for granted

    @cached_property
    def names(self) -> dict[Term, int]:
        """The registers' values at the block's start, where they are not known exactly."""
        bases = ((base_of(t)[0], r) for r, t in enumerate(self.entered) if r != SP)
        return {base: r for base, r in bases if base is not ZERO and base is not S}


class Explorer(Executor):
    """The kernel's executor with edges recorded instead of checked.

    `known`: the ranges that hold at the start. `by_symbols`: function starts are known from symbols; otherwise every
    call's target is one.
    """

    def __init__(self, context: Context, function: Function, by_symbols: bool, granted: int | None,
                 known: Known) -> None:  # fmt: skip
        super().__init__(context, function)
        self.by_symbols = by_symbols
        self.granted = granted
        self.ranges = known
        self.found = Run()
        self._started = False
        self.written = 0

    def explore(self, start: int, invariant: Invariant) -> Run:
        self.run(start, invariant)
        self.found.executed = frozenset(self.executed)
        return self.found

    def _registers(self, facts: tuple[Fact, ...]) -> list[Term]:  # type: ignore[override]
        self.found.entered = super()._registers(facts)
        self._started = True
        return list(self.found.entered)

    def _step(self) -> None:
        super()._step()
        self._reaches(self.depth)

    def _reaches(self, depth: int) -> None:
        """SP goes so far down, or may in a callee; in a dynamic frame that is not the caller's concern."""
        if self.frame is None:
            self.found.deepest = max(self.found.deepest, depth)

    def _calls(self, callee: int) -> None:
        if self.frame is None:
            self.found.calls.add((self.depth, callee))
        else:
            self.found.framed.add(callee)

    # -- registers -----------------------------------------------------------------------------------------------

    def reg(self, number: int) -> Term:
        if number < 15 and not self.written >> number & 1:
            self.found.reads |= 1 << number
        return super().reg(number)

    def set_reg(self, number: int, value: Term) -> None:
        if self._guard is TRUE and number < 15:
            self.written |= 1 << number
        self.found.lost |= 1 << number
        super().set_reg(number, value)

    def _called(self, callee: Callee | None) -> None:
        callee = callee or Callee("a slot that is not known yet", 0)
        super()._called(callee)
        self.written |= self._loses(callee.keeps)
        self.found.called += 1

    def _tail_call(self, callee: Callee | None) -> None:
        if callee is not None:
            self._loses(callee.keeps)
        super()._tail_call(callee)

    def _loses(self, kept: Sequence[int]) -> int:
        """The registers (a mask) that a function may write which keeps only these."""
        lost = 0x7FFF & ~sum(1 << number for number in kept)
        self.found.lost |= lost
        return lost

    # -- checks --------------------------------------------------------------------------------------------------

    def require(self, rule: str, conclusion: Term, detail: str, condition: Term = TRUE) -> None:
        pass

    def learn(self, fact: Term) -> None:
        super().learn(fact)
        granted = self._grant(fact) if self._started else self.granted
        if granted != self.granted and not self._ended:
            self.granted = granted
            self.found.limited = True
            self.function.blocks.setdefault(self.next_pc, Invariant(self.depth, self.slot, self.left))  # type: ignore[attr-defined]

    def _grant(self, *facts: Term) -> int | None:
        """The stack established by limit checks, the given facts included."""
        checks = [self.granted, *map(self._limit_check, facts)]
        return max((c for c in checks if c is not None), default=None)

    def _limit_check(self, fact: Term) -> int | None:
        """N if the fact says s >= stack low + room + N."""
        granted = self._limit(S, fact)
        return granted if granted is not None and 0 < granted < self.left + self.context.sandbox.room else None

    def _limit(self, value: Term, fact: Term) -> int | None:
        """N, if it is not negative and the fact says value >= stack low + room + N."""
        if fact.op != "not" or fact.args[0].op != "ult" or fact.args[0].args[1].value is None:
            return None
        (base, m), (compared, n) = split(value), split(fact.args[0].args[0])
        if base is not compared:
            return None
        sandbox = self.context.sandbox
        left = fact.args[0].args[1].value + signed((m - n) % _WORD) - sandbox.stack.start - sandbox.room
        return int(left) if left >= 0 else None

    # -- dynamic frames ------------------------------------------------------------------------------------------

    def _begin_frame(self, value: Term) -> None:
        checks = [n for fact in self.hypotheses if (n := self._limit(value, fact)) is not None and n <= self.left]
        if checks:
            self.function.frames[self.pc] = max(checks)  # type: ignore[index]
        super()._begin_frame(value)

    # -- memory and control --------------------------------------------------------------------------------------

    def store(self, address: Term, size: int, value: Term) -> None:
        self._learn_rank(address, value)
        self._note(address, size, store=True)
        super().store(address, size, value)

    def _learn_rank(self, address: Term, value: Term) -> None:
        """From the first word that the function uses: its own for RA, the one below for the static part's SP."""
        words, at = self.context.sandbox.shadow_place, address.value
        if isinstance(words, Range) and at is not None and words.covers(at, at + 4):
            rank = (at - words.start) // 4 + (1 if value is RA else 2)
            self.found.rank = self.function.rank or rank
            self.function = replace(self.function, rank=self.found.rank)

    def load(self, address: Term, size: int) -> Term:
        if self.context.sandbox.confine == "reads":
            self._note(address, size, store=False)
        return super().load(address, size)

    def _note(self, address: Term, size: int, store: bool) -> None:
        conditions, always = self._conditions(TRUE), self._guard is TRUE
        behind, left = len(self.found.edges), self.found.leaving + self.found.called > 0
        own = self.frame is not None and address is self._frame_word()
        self.found.accesses.append(Access(self.pc, address, size, conditions, always, behind, left, store, own))

    def _conditions(self, condition: Term) -> tuple[Term, ...]:
        return (*self.hypotheses, *(t for t in (self._guard, condition) if t is not TRUE))

    def call(self, target: int) -> None:
        if not self.by_symbols and not self._is_function(target) and self.context.code(target, 2):
            self.context.needs[target] = 0  # type: ignore[index]
        if target in self.context.needs:
            self._calls(target)
        elif (need := self._import_need(target)) is not None:
            self._reaches(self.depth + need)
        super().call(target)

    def call_value(self, value: Term) -> None:
        if value.value is None or not self._is_function(value.value & ~1):
            self._through_table(value)
        super().call_value(value)

    def _through_table(self, value: Term) -> None:
        self._calls(SLOTS)
        if not is_masked(value, self.context.sandbox):
            self.found.targets.append(Target(self.pc, value, self._conditions(TRUE)))

    def jump_value(self, value: Term) -> None:
        self.found.leaving += 1
        if value.value is None and value is not RA:
            self._through_table(value)
            self.reg(14)  # the link is needed
        super().jump_value(value)

    def jump_table(self, base: Term, index: Term, entry_size: int) -> None:
        known = Ranges(self.ranges, self._conditions(TRUE)).value(index)
        self.found.indices.append((index, self._conditions(TRUE)))
        if not known.wraps and known.high < MAX_ENTRIES:
            self.function.tables[self.pc] = known.high + 1  # type: ignore[index]
        super().jump_table(base, index, entry_size)

    def _import_need(self, target: int) -> int | None:
        imported = self.context.sandbox.import_at(target)
        return None if imported is None else imported.stack

    def edge(self, target: int, condition: Term) -> None:
        if and_(self._guard, condition) is FALSE:
            return
        inside = target in self.function.blocks
        need = self._import_need(target)
        if need is not None and not inside:
            self.found.leaving += 1
            self._loses(())
            self._reaches(self.depth + need)
            self.reg(14)  # the link is needed
        elif target in self.context.needs and not inside and tail_call_is_safe(super().reg(SP), self._regs[14]):
            self.found.leaving += 1
            self._loses(self.context.keeps.get(target, ()))
            self.found.calls.add((0, target))
            self.reg(14)  # the link is needed
        elif self.context.code(target, 2) is not None:
            granted = self._grant(self._guard, condition)
            conditions, registers = self._conditions(condition), tuple(self._regs)
            self.found.edges.append(
                Edge(self.pc, target, conditions, registers, self.depth, self.slot, granted, self.frame, self.written,
                     self.found.leaving)
            )  # fmt: skip


def is_masked(value: Term, sandbox: Sandbox) -> bool:
    """Whether masks alone make it the address of a slot, its Thumb bit apart."""
    start, size = sandbox.slots.start, sandbox.slots.end - sandbox.slots.start
    fixed = ~((size - 1) & ~2) % _WORD  # all but the bits that number the slots, and the Thumb bit
    mask, bits = _known_bits(value)
    return size & (size - 1) == 0 and start & ~fixed == 0 and fixed & ~mask == 0 and bits & fixed == start


def _known_bits(t: Term, depth: int = _DEPTH) -> tuple[int, int]:
    """(mask, value): bits of the term that constants decide, as far as its top shows."""
    if t.value is not None:
        return (1 << t.width) - 1, t.value
    if t.op not in ("and", "or", "concat", "extract") or not depth:
        return 0, 0
    mask, bits = _known_bits(t.operands[0], depth - 1)
    if t.op == "concat":
        (low, below), width = _known_bits(t.operands[1], depth - 1), t.operands[1].width
        return mask << width | low, bits << width | below
    if t.op == "extract":
        kept = (1 << t.width) - 1
        return mask >> t.args[1] & kept, bits >> t.args[1] & kept
    by = t.operands[1].value
    if by is None:
        return 0, 0
    return (mask | ~by % (1 << t.width), bits & by) if t.op == "and" else (mask | by, bits | by)
