"""Which stores need no guard, because the verifier's own prover can show where they go.

The program is laid out as it would be without guards, and the prover's analysis runs on those bytes. Where it cannot
place a store in the write set, the store gets a guard; the analysis then goes on with what the guards establish.
Nothing here is trusted: whatever comes out is proved again on the final bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ringfence.verify.kernel.execute import Context
from ringfence.verify.kernel.policy import EVERYTHING, Import, Range, Sandbox, Stack, Window
from ringfence.verify.kernel.safety import S
from ringfence.verify.kernel.term import Term, and_, const, ite, or_
from ringfence.verify.prover.analysis import FunctionAnalysis
from ringfence.verify.prover.explore import Access, Explorer, Run
from ringfence.verify.prover.ranges import Ranges, base_of

from .addresses import form_address
from .analysis import Analysis
from .checks import window_bits
from .guards import force_bits
from .hoist import before_loops, dominators
from .insn import SP, Label, Memory
from .layout import Placed, lay_out
from .program import Body, Program, apply
from .request import RewriteRequest
from .stack_need import DYNAMIC

REACH_BELOW, REACH_ABOVE = 256, 264  # guarded bases are used with offsets up to these distances
_WORD = 1 << 32
_WITHOUT_GUARDS = ("stores on the stack", "stores to constant addresses")
_ROUNDS = 3  # then all that is still open gets guards


@dataclass(frozen=True)
class Free:
    """A store that may stay as it is: why, and how far outside the window it may go (bytes)."""

    why: str
    below: int = 0
    above: int = 0


def in_place(memory: Memory) -> bool:
    """Whether the base register itself can be guarded."""
    near = memory.offset >= -REACH_BELOW and memory.end <= REACH_ABOVE
    return memory.index < 0 and near and memory.base != SP


Decisions = Mapping[int, Free | None]  # by item; None: the store needs a guard


def free_stores(program: Program, request: RewriteRequest) -> tuple[Program, Decisions]:
    """The program, with guards put before loops where they serve, and what is decided of the stores in it.

    A decision says why no guard is needed, or is None. Stores that control does not reach are left out."""
    first = Proved(program, request)
    decisions = first.solve()
    if not first.hoisted:
        return program, decisions
    edits: dict[int, list[Body | Label]] = {}
    for (n, before), register in sorted(first.hoisted.items()):
        pieces = edits.get(n, [program.items[n].body])
        guard = force_bits(register, *window_bits(request))
        edits[n] = [*guard, *pieces] if before else [*pieces, *guard]
    guarded = {program.items[n].origin for n, free in decisions.items() if free is None and n not in first.served}
    program = apply(program, edits, "stores")
    likely = frozenset(origin - request.code_start for origin in guarded)
    return program, Proved(program, replace(request, guarded=likely)).solve()


class _Code:
    """What the analysis reads as the image: the code, nothing else."""

    def __init__(self, placed: Placed) -> None:
        self._placed = placed

    def read(self, address: int, size: int) -> bytes | None:
        at = address - self._placed.start
        return self._placed.code[at : at + size] if 0 <= at <= len(self._placed.code) - size else None


class _Guarding(Explorer):
    """Executes stores as if their guards were there.

    By the store's address: `forced`, the register that its guard forces into the window, and `lost`, one that is
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
        size = self._window.end - self._window.start
        forced = or_(and_(value, const(size - 1)), const(self._window.start))
        self._regs[number] = ite(self._guard, forced, value)
        return forced

    def store(self, address: Term, size: int, value: Term) -> None:
        super().store(address, size, value)
        lost = self._lost.get(self.pc)
        if lost is not None:
            self.set_reg(lost, self.unknown())


class Proved:
    """`hoisted`: where masks could run before loops (see hoist.py), instead of those of the stores `served`."""

    def __init__(self, program: Program, request: RewriteRequest) -> None:
        self._program = program
        self._request = request
        self._facts = Analysis(program, request)
        self._placed = lay_out(program, request.code_start)
        self._sandbox = _sandbox(request, len(self._placed.code))
        stores = [n for n, item in enumerate(program.items) if item.insn is not None and item.insn.is_store]
        self._items = {self._placed.instruction(n): n for n in stores}
        self._addresses = {n: address for address, n in self._items.items()}
        likely = {origin + request.code_start for origin in request.guarded}
        self._likely = {self._addresses[n] for n in stores if program.items[n].origin in likely}
        self.hoisted: dict[tuple[int, bool], int] = {}
        self.served: set[int] = set()
        needs = {self._placed.addresses[n]: 0 for n in program.entries}
        slots = range(request.slots_start, request.slots_end, 4)
        self._context = Context(self._sandbox, _Code(self._placed), needs | dict.fromkeys(slots, 0))  # type: ignore[arg-type]

    def solve(self) -> dict[int, Free | None]:
        found: dict[int, Free | None] = {}
        for entry in self._program.entries:
            for n, reason in self._function(self._placed.addresses[entry]).items():
                found[n] = _worse(found[n], reason) if n in found else reason  # code may belong to two functions
        return found

    def _function(self, entry: int) -> dict[int, Free | None]:
        """In rounds: what is open gets a guard, or waits for what those guards prove; until all that has no guard is
        proved with all the others in place."""
        runs: dict[object, Run] = {}
        decided = set(self._likely)  # addresses of stores that have guards
        number = 0
        while True:
            analysis = self._analyse(entry, decided, runs)
            free, open_ones = self._sort(analysis, decided)
            if number == 0 and self._request.mode == "mask":
                sites, served = before_loops(analysis, self._placed, open_ones, self._guardable(open_ones))
                self.hoisted |= sites
                self.served |= {self._items[address] for address in served}
            if not open_ones:
                break
            chosen = self._choose(analysis, open_ones) if number < _ROUNDS else [access for _, access in open_ones]
            added = {access.address for access in chosen}
            decided |= added
            runs = {key: run for key, run in runs.items() if run.executed.isdisjoint(added)}
            number += 1
        executed = {pc for _, _, run in analysis.reached() for pc in run.executed}
        return {**free, **dict.fromkeys(self._items[pc] for pc in decided & executed)}

    def _analyse(self, entry: int, decided: Collection[int], runs: dict[object, Run]) -> FunctionAnalysis:
        forced, lost = {}, {}
        for address in decided:
            memory = self._memory(address)
            if in_place(memory):
                forced[address] = memory.base
            elif (register := self._formed_in(address, memory)) is not None:
                lost[address] = register
        explorer = partial(_Guarding, forced, lost, self._sandbox.window)
        return FunctionAnalysis(self._context, entry, True, explorer, runs)

    def _formed_in(self, address: int, memory: Memory) -> int | None:
        """The register of the store's own that its address is formed in, if it is none that is free."""
        n = self._items[address]
        insn = self._program.items[n].insn
        formed = form_address(self._facts, n, insn, memory) if insn is not None else None
        return formed.register if formed is not None and formed.register in (memory.base, memory.index) else None

    def _guardable(self, open_ones: Iterable[tuple[int, Access]]) -> dict[int, int]:
        """For stores whose base can be guarded in place: the base."""
        memories = {access.address: self._memory(access.address) for _, access in open_ones}
        return {address: m.base for address, m in memories.items() if in_place(m)}

    def _memory(self, address: int) -> Memory:
        insn = self._program.items[self._items[address]].insn
        if insn is None or insn.memory is None:
            raise ValueError("not a store")
        return insn.memory

    def _sort(
        self, analysis: FunctionAnalysis, settled: Collection[int]
    ) -> tuple[dict[int, Free], list[tuple[int, Access]]]:
        """Stores that are proved, and those that are not; `settled` ones (addresses) apart."""
        free: dict[int, Free] = {}
        open_ones: list[tuple[int, Access]] = []
        failed: set[int] = set()
        for start, access, ranges in analysis.stores():
            if access.address in settled or access.address not in self._items:
                continue
            reason = self._reason(access, ranges)
            if reason is not None and self._request.mode == "trap" and reason.why not in _WITHOUT_GUARDS:
                reason = None  # a check leaves less behind than the analysis assumes of a guard
            if reason is None:
                failed.add(access.address)
                open_ones.append((start, access))
            else:
                n = self._items[access.address]
                free[n] = _worse(free.get(n, reason), reason) or reason
        return {n: r for n, r in free.items() if self._addresses[n] not in failed}, open_ones

    def _reason(self, access: Access, ranges: Ranges) -> Free | None:
        base, distance = base_of(access.place)
        if base is S and (distance >= _WORD // 2 or distance == self._request.shadow_offset - 4):
            return Free("stores on the stack")  # or the return slot, which may lie where more slack would be
        if self._program.items[self._items[access.address]].made_by == DYNAMIC:
            return Free("stores on the stack")  # a dynamic frame's word in the shadow stack
        where = ranges.value(access.place)
        if where.wraps:
            return None
        low, end = where.low, where.low + where.width + access.size
        if any(r.covers(low, end) for r in self._sandbox.mmio):
            return Free("stores to constant addresses")
        if not self._sandbox.writable.covers(low, end):
            return Free("stores on the stack") if base is S else None  # the return slot: the kernel looks at it
        why = "stores proved in range"
        if where.width == 0:
            why = "stores to constant addresses"
        elif where.width >= self._sandbox.window.end - self._sandbox.window.start - 1:
            why = "stores guarded by an earlier guard"
        window = self._sandbox.window
        return Free(why, max(0, window.start - low), max(0, end - window.end))

    def _choose(self, analysis: FunctionAnalysis, open_ones: Iterable[tuple[int, Access]]) -> list[Access]:
        """Of the stores that are not proved those that no other one's guard may help."""
        by_block: dict[int, list[Access]] = {}
        for start, access in open_ones:
            by_block.setdefault(start, []).append(access)
        above_all = dominators(analysis)
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


def _worse(a: Free | None, b: Free | None) -> Free | None:
    """What holds of a store that is both."""
    return None if a is None or b is None else Free(a.why, max(a.below, b.below), max(a.above, b.above))


def _sandbox(request: RewriteRequest, code_bytes: int) -> Sandbox:
    """The request as the prover knows a sandbox; the write set as wide as guards may make it."""
    low, high = request.window_base, request.window_base + request.window_size
    return Sandbox(
        name=request.name,
        code=Range(request.code_start, request.code_start + code_bytes),
        slots=Range(request.slots_start, request.slots_end),
        constants=(),
        window=Window(low, high, Range(low - REACH_BELOW, high + REACH_ABOVE)),
        # As large as can be: the stack of a first round is small, and a function that does not fit gives no facts.
        stack=Stack(request.window_base, request.stack_high, request.room),
        shadow_offset=request.shadow_offset,
        entries=(),
        imports=tuple(Import(name, address & ~1) for name, address in request.imports.items()),
        mmio=tuple(Range(*ends) for ends in request.mmio),
        confine="writes",
        extensions=EVERYTHING,
    )
