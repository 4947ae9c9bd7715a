"""Which stores and confined loads need no guard, because the verifier's own prover can show where they go.

The program is laid out as it would be without guards, and the prover's analysis runs on those bytes. A store that it
cannot place in the write set gets a guard, and so does a load in the read set; the analysis then goes on with what the
guards establish. Nothing here is trusted: whatever comes out is proved again on the final bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ringfence.verify.kernel.execute import Context
from ringfence.verify.kernel.policy import Range
from ringfence.verify.kernel.safety import S
from ringfence.verify.kernel.term import Term, and_, const, ite, or_
from ringfence.verify.prover.analysis import FunctionAnalysis
from ringfence.verify.prover.effects import kept_registers
from ringfence.verify.prover.explore import Access, Explorer, Run
from ringfence.verify.prover.parallel import forked_map
from ringfence.verify.prover.ranges import ZERO, Ranges, base_of

from .addresses import form_address
from .analysis import Analysis
from .early import Early, EarlyGuards, dominators
from .emit import code_area
from .errors import RingfenceError
from .insn import SP, Insn, Memory
from .layout import Placed, lay_out
from .program import SLOT_BYTES, Program
from .request import RewriteRequest, is_confined
from .shadow import RETURNS
from .slots import slot_table_size
from .stack_need import DYNAMIC
from .view import REACH_ABOVE, REACH_BELOW, Code, sandbox_of

_WORD = 1 << 32
_WITHOUT_GUARDS = ("stores on the stack", "stores at constant addresses")
_ROUNDS = 3  # then all that is still open gets guards
_NEAR_ACCESSES = 8  # that many are looked at whether they are near
EARLY = "early guards"  # what with_early's instructions are made by


Apart = dict[tuple[int, int], set[int | None]]  # how far two accesses are apart, in all places where they are


@dataclass(frozen=True)
class Free:
    """An access that may stay as it is: why, and how far outside the window it may go (bytes)."""

    why: str
    below: int = 0
    above: int = 0


def in_place(memory: Memory) -> bool:
    """Whether the base register itself can be guarded."""
    near = memory.offset >= -REACH_BELOW and memory.end <= REACH_ABOVE
    return memory.index < 0 and near and memory.base != SP


def accesses_of(program: Program, request: RewriteRequest) -> list[int]:
    """The items that are confined. Early guards are none, so that one keeps its number, its place in this list."""
    return [n for n, item in enumerate(program.items) if is_confined(item.insn, request)]


def analysis_context(placed: Placed, request: RewriteRequest, registers: Collection[int] = range(13)) -> Context:
    """What the prover knows of the code as it is laid out. Only of these registers it is said who keeps them.

    In a first round the pointer table has no room yet: then it is taken to lie behind the code."""
    size = max(request.slots_end - request.slots_start, slot_table_size(placed.program.slot_table_bytes // SLOT_BYTES))
    end = -(-(placed.start + len(placed.code)) // size) * size
    slots = request.slots_start if placed.start + len(placed.code) <= request.slots_start else end
    area = code_area(replace(request, slots_start=slots, slots_end=slots + size), placed)
    code: Any = Code(placed.start, area)
    ends = Range(placed.start, placed.start + len(area))
    most = max(placed.program.ranks.values(), default=0)
    sandbox = sandbox_of(request, ends, Range(slots, slots + size), most)
    needs = {placed.addresses[n]: 0 for n in placed.program.entries}
    needs |= dict.fromkeys(range(slots, slots + size, SLOT_BYTES), 0)
    kept = kept_registers(Context(sandbox, code, needs), needs)
    keeps = {entry: tuple(r for r in known if r in registers) for entry, known in kept.items()}
    return Context(sandbox, code, needs, keeps)


class _Guarding(Explorer):
    """Executes accesses as if their guards were there.

    By the access's address: `forced`, the register that its guard forces into the window, and `lost`, one that is
    something unknown afterwards."""

    def __init__(self, forced: Mapping[int, int], lost: Mapping[int, int], window: Range, *rest: Any) -> None:
        super().__init__(*rest)
        self._forced = forced
        self._lost = lost
        self._window = window

    def reg(self, number: int) -> Term:
        value = super().reg(number)
        if self._forced.get(self.pc) != number:
            return value
        self.found.forced.setdefault(self.pc, value)
        size = self._window.end - self._window.start
        forced = or_(and_(value, const(size - 1)), const(self._window.start))
        self._regs[number] = ite(self._guard, forced, value)
        return forced

    def store(self, address: Term, size: int, value: Term) -> None:
        super().store(address, size, value)
        self._lose()

    def load(self, address: Term, size: int) -> Term:
        value = super().load(address, size)
        self._lose()
        return value

    def _lose(self) -> None:
        lost = self._lost.get(self.pc)
        if lost is not None:
            self.set_reg(lost, self.unknown())


@dataclass(frozen=True)
class _Solved:
    """What was found of one function; `apart` is None if it is to be solved again with guards at its entry."""

    found: dict[int, Free | None]
    apart: Apart | None
    at_entry: list[Early]
    before_loops: list[Early]


class Proved:
    """What the prover finds out about the accesses of a program, function by function.

    They are named by their numbers (accesses_of), functions by their addresses in the original code. `likely`: those
    that are taken to have guards. `at_entry`, `before_loops`: guards that may serve the others; their items are those
    of the program without early guards."""

    def __init__(self, program: Program, request: RewriteRequest, likely: Collection[int]) -> None:
        self.program = program
        self.likely = likely
        self.at_entry: list[Early] = []
        self.before_loops: list[Early] = []
        self.request = request
        self.facts = Analysis(program, request)
        self.placed = lay_out(program, request.code_start)
        # Guards write r0 to r3 and ip, so that a function may keep fewer of these in the end.
        self.context = analysis_context(self.placed, request, range(4, 12))
        self._sandbox = self.context.sandbox
        self.accesses = accesses_of(program, request)
        self._items = {self.placed.instruction(n): n for n in self.accesses}
        self._numbers = {self.placed.instruction(n): k for k, n in enumerate(self.accesses)}
        self.found: dict[int, dict[int, Free | None]] = {}  # by function, by access
        self.apart: dict[int, Apart] = {}  # by function
        self._changed: dict[int, tuple[int | None, bool]] = {}

    def solve(self, only: Collection[int] | None = None, entries_first: bool = False) -> None:
        """`entries_first`: functions that may have guards at their entries are not looked at further."""
        entries = self.program.entries.items()
        starts = [(f.start, self.placed.addresses[n]) for n, f in entries if only is None or f.start in only]

        def attempt(function: tuple[int, int]) -> _Solved | None:
            try:
                return self._function(*function, entries_first)
            except RingfenceError:
                return None  # what cannot be sent back to this process is found once more in it

        for function, solved in zip(starts, forked_map(attempt, starts, self.request.jobs), strict=True):
            self._take(function[0], solved or self._function(*function, entries_first))

    def _take(self, start: int, solved: _Solved) -> None:
        self.found[start] = solved.found
        if solved.apart is not None:
            self.apart[start] = solved.apart
        self.at_entry += solved.at_entry
        self.before_loops += solved.before_loops

    def take_over(self, other: Proved, changed: Collection[int]) -> None:
        """Solve the functions that have changed and take what is known of the others from there."""
        self.found = {start: found for start, found in other.found.items() if start not in changed}
        self.apart = {start: found for start, found in other.apart.items() if start not in changed}
        self.before_loops = [early for early in other.before_loops if early.function not in changed]
        self.solve(changed)

    def know(self, found: Mapping[int, dict[int, Free | None]], apart: Mapping[int, Apart]) -> None:
        """Take over what is known of functions; the others are still to be solved."""
        self.found, self.apart = dict(found), dict(apart)

    def decisions(self) -> dict[int, Free | None]:
        """By access; code may belong to two functions."""
        result: dict[int, Free | None] = {}
        for found in self.found.values():
            for k, free in found.items():
                result[k] = _worse(result[k], free) if k in result else free
        return result

    def guarded(self) -> frozenset[int]:
        return frozenset(k for k, free in self.decisions().items() if free is None)

    def decided(self) -> tuple[dict[int, Free | None], dict[tuple[int, int], int]]:
        """By item: why an access needs no guard, or None; and how many bytes one begins behind another."""
        free = {self.accesses[k]: free for k, free in self.decisions().items()}
        together = {pair: found.pop() for pair, found in self._together().items() if len(found) == 1}
        apart = {(self.accesses[j], self.accesses[k]): d for (j, k), d in together.items() if d is not None}
        return free, apart

    def _together(self) -> dict[tuple[int, int], set[int | None]]:
        """How far apart accesses are, as each function has it that they are a part of."""
        found: dict[tuple[int, int], set[int | None]] = {}
        for one in self.apart.values():
            for pair, distances in one.items():
                found.setdefault(pair, set()).update(distances)
        return found

    def _function(self, start: int, entry: int, entries_first: bool) -> _Solved:
        """In rounds: what is open gets a guard, or waits for what those guards prove; until all that has no guard is
        proved with all the others in place."""
        runs: dict[object, Run] = {}
        early: tuple[list[Early], list[Early]] = [], []
        decided = {address for address, k in self._numbers.items() if k in self.likely}
        number = 0
        while True:
            analysis = self._analyse(entry, decided, runs)
            free, open_ones = self._sort(analysis, decided)
            if number == 0 and open_ones and self.request.mode == "mask":
                early = self._early(start, analysis, open_ones, decided)
                if entries_first and early[0]:
                    return _Solved({}, None, *early)
            if not open_ones:
                break
            chosen = self._choose(analysis, open_ones) if number < _ROUNDS else [access for _, access in open_ones]
            added = {access.address for access in chosen}
            decided |= added
            runs = {key: run for key, run in runs.items() if run.executed.isdisjoint(added)}
            number += 1
        executed = {pc for _, _, run in analysis.reached() for pc in run.executed}
        found = {**free, **dict.fromkeys(self._numbers[pc] for pc in decided & executed)}
        return _Solved(found, self._distances(analysis, decided), *early)

    def _distances(self, analysis: FunctionAnalysis, decided: Collection[int]) -> Apart:
        """Of accesses in one block whose addresses have to be formed: how far the second begins behind the first."""
        found: Apart = {}
        for start, _, run in analysis.reached():
            formed = [a for a in run.accesses if a.address in decided and not in_place(self._memory(a.address))]
            ranges = Ranges(analysis.known_at(start)) if len(formed) > 1 else None
            for i, second in enumerate(formed if ranges is not None else ()):
                for first in formed[max(0, i - _NEAR_ACCESSES) : i]:
                    distance = ranges.apart(second.place, first.place) if ranges is not None else None
                    found.setdefault((self._numbers[first.address], self._numbers[second.address]), set()).add(distance)
        return found

    def _early(
        self, start: int, analysis: FunctionAnalysis, open_ones: list[tuple[int, Access]], decided: Collection[int]
    ) -> tuple[list[Early], list[Early]]:
        """Guards at the function's entry, and before its loops, that may serve what is open."""
        memories = {address: self._memory(address) for address in {a.address for _, a in open_ones} | set(decided)}
        bases = {address: (m.base, m.offset) for address, m in memories.items() if in_place(m)}
        finder = EarlyGuards(analysis, self.placed, bases)
        inputs = without_early(self.program)

        def renamed(found: Iterable[Early]) -> list[Early]:
            return [e for early in found if (e := early.renamed(start, inputs, self._numbers)) is not None]

        return renamed(finder.at_entry(open_ones)), renamed(finder.before_loops(open_ones))

    def _analyse(self, entry: int, decided: Collection[int], runs: dict[object, Run]) -> FunctionAnalysis:
        changes = {address: self._changed_by_guard(address) for address in decided}
        forced = {address: r for address, (r, in_window) in changes.items() if in_window and r is not None}
        lost = {address: r for address, (r, in_window) in changes.items() if not in_window and r is not None}
        explorer = partial(_Guarding, forced, lost, self._sandbox.window)
        return FunctionAnalysis(self.context, entry, True, explorer, runs)

    def _changed_by_guard(self, address: int) -> tuple[int | None, bool]:
        """The register of the program's own that the guard of an access changes, and whether it is in the window then.

        An address may be formed in such a register, if none is free: it is changed and changed back."""
        if address not in self._changed:
            n, memory = self._items[address], self._memory(address)
            if in_place(memory):
                self._changed[address] = memory.base, True
            else:
                formed = form_address(self.facts, n, self._insn(n), memory)
                own = formed.after or formed.register in (memory.base, memory.index)
                self._changed[address] = formed.register if own else None, False
        return self._changed[address]

    def _insn(self, n: int) -> Insn:
        insn = self.program.items[n].insn
        if insn is None:
            raise ValueError("not an access")
        return insn

    def _memory(self, address: int) -> Memory:
        memory = self._insn(self._items[address]).memory
        if memory is None:
            raise ValueError("not an access")
        return memory

    def _sort(
        self, analysis: FunctionAnalysis, settled: Collection[int]
    ) -> tuple[dict[int, Free], list[tuple[int, Access]]]:
        """Accesses that are proved, by their numbers, and those that are not; `settled` ones (addresses) apart."""
        free: dict[int, Free] = {}
        open_ones: list[tuple[int, Access]] = []
        failed: set[int] = set()
        for start, access, ranges in analysis.accesses():
            if access.address in settled or access.address not in self._items:
                continue
            reason = self._reason(access, ranges, self.program.items[self._items[access.address]].made_by)
            if reason is not None and self.request.mode == "trap" and reason.why not in _WITHOUT_GUARDS:
                reason = None  # a check leaves less behind than the analysis assumes of a guard
            if reason is None:
                failed.add(self._numbers[access.address])
                open_ones.append((start, access))
            else:
                k = self._numbers[access.address]
                free[k] = _worse(free.get(k, reason), reason) or reason
        return {k: r for k, r in free.items() if k not in failed}, open_ones

    def _reason(self, access: Access, ranges: Ranges, made_by: str) -> Free | None:
        base, distance = base_of(access.place)
        if base is S and (distance >= _WORD // 2 or distance == self.request.shadow_offset - 4):
            return Free("stores on the stack")  # or the return slot, which may lie where more slack would be
        if access.own or (base is ZERO and made_by in (RETURNS, DYNAMIC)):  # words of a rank
            return Free("stores on the stack")
        where = ranges.value(access.place)
        if where.wraps:
            return None
        low, end = where.low, where.low + where.width + access.size
        beside = self._sandbox.mmio if access.store else (*self._sandbox.mmio, self._sandbox.code)
        if any(r.covers(low, end) for r in beside):
            return Free("stores at constant addresses")
        if not self._sandbox.writable.covers(low, end):
            return Free("stores on the stack") if base is S else None  # the return slot: the kernel looks at it
        why = "stores proved in range"
        if where.width == 0:
            why = "stores at constant addresses"
        elif where.width >= self._sandbox.window.end - self._sandbox.window.start - 1:
            why = "stores guarded by an earlier guard"
        window = self._sandbox.window
        return Free(why, max(0, window.start - low), max(0, end - window.end))

    def _choose(self, analysis: FunctionAnalysis, open_ones: Iterable[tuple[int, Access]]) -> list[Access]:
        """Of the accesses that are not proved those that no other one's guard may help."""
        by_block: dict[int, list[Access]] = {}
        for start, access in open_ones:
            by_block.setdefault(start, []).append(access)
        above_all = dominators({start: run for start, _, run in analysis.reached()})
        chosen = []
        for start, accesses in by_block.items():
            run = analysis.blocks[start].run
            entered = {base_of(t)[0] for t in run.entered} if run else set()
            others = (a for other in above_all.get(start, ()) if other != start for a in by_block.get(other, ()))
            above = {self._memory(access.address).base for access in others}
            seen: set[Term] = set()
            for access in accesses:
                base, memory = base_of(access.place)[0], self._memory(access.address)
                plain = memory.index < 0
                waits = plain and base in entered and memory.base in above
                if not (plain and base in seen) and not waits:
                    chosen.append(access)
                if plain:
                    seen.add(base)
        return chosen


def without_early(program: Program) -> dict[int, int]:
    """Of the items that are no early guards: what their numbers were without those."""
    kept = [n for n, item in enumerate(program.items) if item.made_by != EARLY]
    return {n: k for k, n in enumerate(kept)}


def _worse(a: Free | None, b: Free | None) -> Free | None:
    """What holds of an access that is both."""
    return None if a is None or b is None else Free(a.why, max(a.below, b.below), max(a.above, b.above))
