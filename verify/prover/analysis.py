"""The abstract interpretation of one function: what holds where its blocks begin.

Each block is run by explore.py; here the states at the blocks are joined until nothing changes. First only what
registers are exactly is followed, then the ranges of those registers that addresses are made from (hints.py): in
zero's, s's or another register's terms. Loops are widened and then narrowed again, so that a bound in a loop's
condition is found.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..kernel.execute import Context, exact_values
from ..kernel.proof import Fact, Function, Invariant
from ..kernel.safety import RA, S
from ..kernel.term import Term
from . import arcs
from .arcs import Arc
from .explore import Access, Edge, Explorer, Run
from .hints import Hints
from .needed import needed
from .ranges import ZERO, Known, Ranges, base_of, shares_base
from .states import REGISTERS, Key, State, join, measured_from, registers_of, weakened, widened

_VISITS_BEFORE_WIDENING = 2
_MOST_VISITS = 30  # in loops whose edges all lead forwards
_NARROWINGS = 2
_ROUNDS = 3
ENTRY = -1  # the key of the entry among the blocks
Source = tuple[int, int]  # (start of the block that an edge leaves, which of its edges)


@dataclass
class Block:
    """`incoming`: the states that edges bring; `run_for`: what the run depended on."""

    state: State
    incoming: dict[Source, State] = field(default_factory=dict)
    visits: int = 0
    widened: bool = False
    reached: bool = False
    run: Run | None = None
    run_for: object = None


class FunctionAnalysis:
    """`blocks` of the function at `entry` by their start (the entry itself under ENTRY), `tables` and `frames` by
    address."""

    def __init__(
        self, context: Context, entry: int, by_symbols: bool, explorer: Callable[..., Explorer] = Explorer,
        runs: dict[object, Run] | None = None,
    ) -> None:  # fmt: skip
        """`runs`: runs of blocks made before by the same explorer, to be used again and added to."""
        sandbox = context.sandbox
        self.context = context
        self.entry = entry
        self.left = sandbox.stack.end - sandbox.stack.start - sandbox.room
        self.tables: dict[int, int] = {}
        self.frames: dict[int, int] = {}
        self.rank = 0  # known from the word that it uses, if any
        start = State(0, False, None, frozenset((14,)), {})
        self.blocks: dict[int, Block] = {ENTRY: Block(start, reached=True)}
        self.stack: Known = {(S, ZERO): arcs.between(sandbox.stack.start + sandbox.room, sandbox.stack.end)}
        self._by_symbols = by_symbols
        self._explorer = explorer
        self._runs = {} if runs is None else runs
        self._boundaries: dict[int, Invariant] = {}  # what the executor takes for blocks
        self._owners: dict[int, set[int]] = {}  # address: the blocks whose runs went through it
        self._hints = Hints()
        self.needed: Mapping[int, set[int]] = {}  # by block: registers whose ranges matter there
        self._climbing = True  # states grow still
        self._order: dict[int, int] = {}  # the blocks seen so far, those before that lead to others
        self._dirty: list[tuple[int, int]] = []
        self._queued: set[int] = set()
        self._analyse()

    def reached(self) -> Iterator[tuple[int, Block, Run]]:
        """The blocks that control gets to."""
        for start, block in self.blocks.items():
            if block.reached and block.run is not None:
                yield start, block, block.run

    def accesses(self) -> Iterator[tuple[int, Access, Ranges]]:
        """Every store and confined load with its block and what is known there."""
        for start, _, run in self.reached():
            known = self.known_at(start)
            for access in run.accesses:
                yield start, access, Ranges(known, access.conditions)

    # -- fixpoint ------------------------------------------------------------------------------------------------

    def _analyse(self) -> None:
        self._push(ENTRY)
        self._solve()
        for _ in range(_ROUNDS):
            if not self._hints.settle(len(self.blocks)):
                break
            for start, block in self.blocks.items():
                block.reached, block.widened, block.visits = start == ENTRY, False, 0
                block.incoming.clear()
            runs = self._all_runs()
            self.needed = needed(runs, self.context.sandbox, self.stack, self._hints.pairs)
            self._order = _reverse_post_order(runs)
            self._push(ENTRY)
            self._solve()
        if any(b.widened for b in self.blocks.values()):
            self._narrow()

    def _all_runs(self) -> dict[int, Run]:
        return {start: block.run for start, block in self.blocks.items() if block.run is not None}

    def _push(self, block: int) -> None:
        if block not in self._queued:
            self._queued.add(block)
            heapq.heappush(self._dirty, (self._place(block), block))

    def _place(self, block: int) -> int:
        return self._order.get(block, block)

    def _pop(self) -> int:
        _, start = heapq.heappop(self._dirty)
        self._queued.discard(start)
        return start

    def _solve(self) -> None:
        while self._dirty:
            start = self._pop()
            for source, target, state in self._visit(start):
                self._arrive(source, target, state)

    def _visit(self, start: int) -> Iterator[tuple[Source, int, State]]:
        """The states that the block's edges carry, and where."""
        block = self.blocks[start]
        block.visits += 1
        run = self._run(start, block)
        known = self.known_at(start)
        for i, edge in enumerate(run.edges):
            yield (start, i), edge.target, self._after(edge, known)

    def _arrive(self, source: Source, target: int, state: State) -> None:
        block = self.blocks.setdefault(target, Block(state))
        block.incoming[source] = state
        if not block.reached:
            block.state, block.reached = state, True
            self._push(target)
            return
        new = join([block.state, state])
        # What a loop around this one brings must not be widened here, since this loop would hold it up for ever.
        backwards = self._place(source[0]) >= self._place(target)
        if block.visits > (_VISITS_BEFORE_WIDENING if backwards else _MOST_VISITS):
            block.widened = True
            new = widened(block.state, new, self._hints.stops)
        if new != block.state:
            block.state = new
            self._push(target)

    def _narrow(self) -> None:
        """Once all bounds hold: take the joins as they are, then drop what does not hold itself up."""
        self._climbing = False
        for start in [start for start, block in self.blocks.items() if block.reached]:
            self._bring(start)
        self._solve()
        changed: set[int] = set()
        for _ in range(_NARROWINGS):
            for start, block in sorted(self.blocks.items()):
                new = join(block.incoming.values()) if block.incoming and block.reached else block.state
                if new == block.state:
                    continue
                block.state = new
                changed.add(start)
                self._bring(start)
        for start, _, run in list(self.reached()):
            if start in changed or any(edge.target in changed for edge in run.edges):
                self._push(start)
        while self._dirty:
            for source, target, state in self._visit(self._pop()):
                found = self.blocks.get(target)
                if found is None or not found.reached:
                    self._arrive(source, target, state)
                    continue
                weaker = weakened(found.state, state)
                if weaker is not found.state:
                    found.state = weaker
                    self._push(target)

    def _bring(self, start: int) -> None:
        """Note what the block's edges carry. A run that was cut may have one to a block that was not seen yet."""
        for source, target, state in self._visit(start):
            block = self.blocks.get(target)
            if block is None or not block.reached:
                self._arrive(source, target, state)
            else:
                block.incoming[source] = state

    # -- one block -----------------------------------------------------------------------------------------------

    def _run(self, start: int, block: Block) -> Run:
        """The block's run, made anew if it depends on something that has changed."""
        wanted = block.state.exact_part()
        while block.run is None or block.run_for not in (wanted, block.state):
            self._execute(start, block)
        return block.run

    def _execute(self, start: int, block: Block) -> None:
        state = block.state
        run = self._runs.get((start, state.exact_part()))
        if run is None or any(pc in self._boundaries for pc in run.executed if pc != start):
            run = self._explore(start, state)
        if block.run is not None:
            self._forget(start, block.run)
        self.rank = self.rank or run.rank
        block.run, block.run_for = run, state if run.indices else state.exact_part()
        for pc in run.executed:
            self._owners.setdefault(pc, set()).add(start)
        for target in [e.target for e in run.edges]:
            if target not in self._boundaries:
                self._boundaries[target] = Invariant(state.depth, state.slot, self.left, frame=state.frame)
                self._split(target)
        self._hints.notice(start, run)

    def _explore(self, start: int, state: State) -> Run:
        exact = state.exact()
        function = Function(self.entry, self.left, self._boundaries, self.tables, self.frames, rank=self.rank)
        known = self.known(state.known, exact)
        explorer = self._explorer(self.context, function, self._by_symbols, state.granted, known)
        address = self.entry if start == ENTRY else start
        run = explorer.explore(address, Invariant(state.depth, state.slot, self.left, exact, state.frame))
        if not run.indices and not run.limited:
            self._runs[start, state.exact_part()] = run
        return run

    def _forget(self, start: int, run: Run) -> None:
        for pc in run.executed:
            self._owners[pc].discard(start)
        for i, edge in enumerate(run.edges):
            if edge.target in self.blocks:
                self.blocks[edge.target].incoming.pop((start, i), None)

    def _split(self, target: int) -> None:
        """Runs that went through `target` in one piece end there now."""
        through = [b for b in self._owners.get(target, ()) if b != target]
        if target in self.context.needs:
            through = list(self.blocks)  # what was a tail call is a jump inside the function
        for b in through:
            self.blocks[b].run_for = None
            if self.blocks[b].reached:
                self._push(b)

    def known(self, ranges: Mapping[Key, Arc], exact: Iterable[Fact]) -> Known:
        """Ranges as differences of terms, for registers that begin as `exact` says."""
        values = exact_values(exact)
        found: Known = dict(self.stack)
        for key, arc in ranges.items():
            (a, m), (b, n) = base_of(values[key[0]]), base_of(measured_from(key, values))
            if a is not b:
                shifted = arcs.shift(arc, n - m)
                found[a, b] = arcs.meet(found[a, b], shifted) if (a, b) in found else shifted
        return found

    def known_at(self, start: int) -> Known:
        state = self.blocks[start].state
        return self.known(state.known, state.exact())

    def _after(self, edge: Edge, known: Known) -> State:
        """The state that an edge carries."""
        found: dict[Key, Arc] = {}
        for r in REGISTERS:
            base, distance = base_of(edge.registers[r])
            if base in (ZERO, S):
                found[r, "0" if base is ZERO else "s", 1] = arcs.only(distance)
        exactly = frozenset(found)
        wanted = self.needed.get(edge.target, self._hints.watched)
        if wanted:
            target = self.blocks.get(edge.target)
            bounded = self._climbing and target is not None and target.reached
            self._add_ranges(edge, known, wanted, found, target.state.known if target and bounded else None)
        returns = frozenset(r for r in REGISTERS if edge.registers[r] is RA)
        return State(edge.depth, edge.slot, edge.granted, returns, found, exactly, edge.frame)

    def _add_ranges(
        self, edge: Edge, known: Known, wanted: Collection[int], found: dict[Key, Arc], most: Mapping[Key, Arc] | None
    ) -> None:
        """`most`: what the block that the edge leads to knows; the rest is of no use to it."""
        ranges = Ranges(known, edge.conditions)
        idle = {r for r in wanted if edge.registers[r] is RA or ranges.idle(edge.registers[r])}
        for r in wanted:
            if r not in idle and (r, "0", 1) not in found:
                term = edge.registers[r]
                if most is None or (r, "0", 1) in most:
                    _put(found, (r, "0", 1), ranges.value(term))
                if (most is None or (r, "s", 1) in most) and ranges.near(term, S):
                    _put(found, (r, "s", 1), ranges.difference(term, S))
        others: dict[tuple[str, int], Term] = {}
        for key in self._hints.pairs:
            i, base, scale = key
            together = registers_of(key)
            if (most is not None and key not in most) or not together.issubset(wanted):
                continue
            if (base, scale) not in others:
                others[base, scale] = measured_from(key, edge.registers)
            term, other = edge.registers[i], others[base, scale]
            unknown = idle & ({i} if "-" in base else together)
            if not unknown or shares_base(term, other):
                _put(found, key, ranges.difference(term, other))


def _reverse_post_order(runs: Mapping[int, Run]) -> dict[int, int]:
    """The blocks that the entry leads to, numbered so that only edges back into loops lead to smaller numbers."""
    order: list[int] = []
    seen: set[int] = set()
    todo = [(ENTRY, False)]
    while todo:
        block, done = todo.pop()
        if done:
            order.append(block)
        elif block not in seen and block in runs:
            seen.add(block)
            todo.append((block, True))
            todo += [(edge.target, False) for edge in runs[block].edges]
    return {block: n for n, block in enumerate(reversed(order))}


def _put(found: dict[Key, Arc], key: Key, arc: Arc) -> None:
    if arc.informative and key not in found:
        found[key] = arc
