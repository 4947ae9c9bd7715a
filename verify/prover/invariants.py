"""Finds, by abstract interpretation with the kernel's own executor, the invariants that a certificate claims.

Untrusted: a wrong invariant makes the kernel reject, never accept. Per function the executor is run from each known
block; its edges say what holds at their targets, and the facts are joined until nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..kernel.check import entry_invariant
from ..kernel.execute import Context, Executor
from ..kernel.image import Image
from ..kernel.policy import Sandbox
from ..kernel.proof import Fact, Function, Invariant, SandboxProof
from ..kernel.safety import RA, S, distance_from_s, tail_call_is_safe
from ..kernel.term import FALSE, TRUE, Term, and_, split
from .intervals import Analysis, interval

_WORD = 1 << 32
_VISITS_BEFORE_WIDENING = 6
_MAX_ENTRIES = 4096
SLOTS = -1  # stands for "any slot" among the callees
Calls = set[tuple[int, int]]  # (depth at the call, callee's entry)


@dataclass
class _Block:
    """What is known so far of one block: `granted` is None or the stack that a limit check has established."""

    depth: int
    slot: bool
    granted: int | None
    facts: dict[int, Fact]
    visits: int = 0
    pcs: frozenset[int] = frozenset()
    deepest: int = 0
    calls: Calls = field(default_factory=set)


@dataclass
class _Explored:
    """One function: its blocks (the entry under the key None) and table lengths."""

    entry: int
    blocks: dict[int | None, _Block]
    tables: dict[int, int] = field(default_factory=dict)


class _Explorer(Executor):
    """The kernel's executor with edges recorded instead of checked."""

    def __init__(self, context: Context, function: Function, room: int, by_symbols: bool) -> None:
        super().__init__(context, function)
        self.room = room
        self.by_symbols = by_symbols
        self.edges: list[tuple[int, _Block]] = []
        self.calls: Calls = set()
        self.deepest = 0
        self.granted: int | None = None

    def _step(self) -> None:
        super()._step()
        self.deepest = max(self.deepest, self.depth)

    def require(self, rule: str, conclusion: Term, detail: str, condition: Term = TRUE) -> None:
        pass

    def learn(self, fact: Term) -> None:
        super().learn(fact)
        granted = self._grant(fact)
        if granted != self.granted and not self._ended:
            self.granted = granted
            self.function.blocks.setdefault(self.next_pc, Invariant(self.depth, self.slot, self.left))  # type: ignore[attr-defined]

    def _grant(self, *facts: Term) -> int | None:
        """The stack established by limit checks, the given facts included."""
        checks = [self.granted, *map(self._limit_check, facts)]
        return max((c for c in checks if c is not None), default=None)

    def _limit_check(self, fact: Term) -> int | None:
        """N if the fact says s >= stack low + room + N."""
        if fact.op != "not" or fact.args[0].op != "ult" or fact.args[0].args[1].value is None:
            return None
        base, offset = split(fact.args[0].args[0])
        if base is not S:
            return None
        depth = (_WORD - offset) % _WORD
        granted = fact.args[0].args[1].value + depth - self.context.sandbox.stack.start - self.room
        return int(granted) if 0 < granted < self.left + self.room else None

    def call(self, target: int) -> None:
        if not self.by_symbols and not self._is_function(target) and self.context.code(target, 2):
            self.context.needs[target] = 0  # type: ignore[index]
        if target in self.context.needs:
            self.calls.add((self.depth, target))
        elif (need := self._import_need(target)) is not None:
            self.deepest = max(self.deepest, self.depth + need)
        super().call(target)

    def call_value(self, value: Term) -> None:
        if value.value is None or not self._is_function(value.value & ~1):
            self.calls.add((self.depth, SLOTS))
        super().call_value(value)

    def jump_value(self, value: Term) -> None:
        if value.value is None and value is not RA:
            self.calls.add((self.depth, SLOTS))
        super().jump_value(value)

    def jump_table(self, base: Term, index: Term, entry_size: int) -> None:
        _, high = interval(index, (*self.hypotheses, self._guard))
        if high < _MAX_ENTRIES:
            self.function.tables[self.pc] = high + 1  # type: ignore[index]
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
            self.deepest = max(self.deepest, self.depth + need)
        elif target in self.context.needs and not inside and tail_call_is_safe(self.depth, self._regs[14]):
            self.calls.add((0, target))
        elif self.context.code(target, 2) is not None:
            known = Analysis((*self.hypotheses, self._guard, condition))
            facts = {r: f for r, t in enumerate(self._regs) if r != 13 and (f := _abstract(t, known)) is not None}
            self.edges.append((target, _Block(self.depth, self.slot, self._grant(self._guard, condition), facts)))


def _abstract(value: Term, known: Analysis) -> Fact | None:
    if value.value is not None:
        return Fact("const", value.value)
    distance = distance_from_s(value)
    if distance is not None:
        return Fact("s", distance % _WORD)
    if value is RA:
        return Fact("ra")
    if value.op == "var" and not known.says_something_about(value):
        return None
    low, high = known.of(value)
    return Fact("range", low, high) if high - low < _WORD // 2 else None


def _join(a: Fact | None, b: Fact | None, widen: bool) -> Fact | None:
    if a == b or a is None or b is None:
        return a if a == b else None
    if widen or not {a.kind, b.kind} <= {"const", "range"}:
        return None
    low, high = min(a.low, b.low), max(x.high if x.kind == "range" else x.low for x in (a, b))
    return Fact("range", low, high) if high - low < _WORD // 2 else None


def _merge(into: _Block, new: _Block) -> bool:
    """Weaken `into` so that it holds on the new edge too; True if it changed. (The kernel checks depths.)"""
    widen = into.visits > _VISITS_BEFORE_WIDENING
    facts = {r: f for r, old in into.facts.items() if (f := _join(old, new.facts.get(r), widen)) is not None}
    granted = None if into.granted is None or new.granted is None else min(into.granted, new.granted)
    changed = facts != into.facts or (into.slot and not new.slot) or granted != into.granted
    into.facts, into.slot, into.granted = facts, into.slot and new.slot, granted
    return changed


def _explore(context: Context, entry: int, by_symbols: bool) -> _Explored:
    """Find the blocks of the function at `entry` and what holds at each."""
    sandbox = context.sandbox
    left = sandbox.stack.end - sandbox.stack.start - sandbox.room
    found = _Explored(entry, {None: _Block(0, False, None, {14: Fact("ra")})})
    invariants: dict[int, Invariant] = {}
    dirty: set[int | None] = {None}
    while dirty:
        start = dirty.pop()
        block = found.blocks[start]
        block.visits += 1
        function = Function(entry, left, invariants, found.tables)
        explorer = _Explorer(context, function, sandbox.room, by_symbols)
        explorer.granted = block.granted
        before = set(invariants)
        explorer.run(entry if start is None else start, Invariant(block.depth, block.slot, left, block.facts))
        block.pcs, block.deepest, block.calls = frozenset(explorer.executed), explorer.deepest, explorer.calls
        for target, state in explorer.edges:
            if target not in found.blocks:
                found.blocks[target] = state
                dirty.add(target)
            elif _merge(found.blocks[target], state):
                dirty.add(target)
            invariants.setdefault(target, Invariant(state.depth, state.slot, left))
        for added in set(invariants) - before:
            dirty |= {b for b, k in found.blocks.items() if added in k.pcs and (b is None or b != added)}
            if added in context.needs:
                dirty |= set(found.blocks)
    return found


def _needs(explored: Mapping[int, _Explored], sandbox: Sandbox) -> dict[int, int]:
    """Stack need per function, over the call graph without calls made under a limit check.

    A cycle that no check breaks gets what the whole stack offers: the kernel then names the call that does not fit.
    """
    whole = sandbox.stack.end - sandbox.stack.start - sandbox.room
    slots = range(sandbox.slots.start, sandbox.slots.end, 4)
    needs: dict[int, int] = {}

    def callees(entry: int) -> Iterable[tuple[int, int]]:
        for block in explored[entry].blocks.values():
            if block.granted is None:
                for depth, callee in block.calls:
                    yield from ((depth, s) for s in slots) if callee == SLOTS else ((depth, callee),)

    order: list[int] = []
    state: dict[int, int] = {}
    for root in explored:
        stack: list[tuple[int, bool]] = [(root, False)]
        while stack:
            entry, done = stack.pop()
            if done:
                order.append(entry)
                state[entry] = 2
            elif entry not in state:
                state[entry] = 1
                stack.append((entry, True))
                stack.extend((c, False) for _, c in callees(entry) if c in explored and c not in state)
    for entry in order:
        own = max((b.deepest for b in explored[entry].blocks.values() if b.granted is None), default=0)
        below = [depth + needs.get(c, whole) for depth, c in callees(entry)]
        needs[entry] = min(max([own, *below]), whole)
    return needs


def find_invariants(sandbox: Sandbox, image: Image, functions: Iterable[int]) -> SandboxProof:
    """The proof to try. `functions`: start addresses known from symbols, without Thumb bit (may be empty)."""
    known = [f for f in functions if sandbox.code.covers(f, f + 2)]
    slots = range(sandbox.slots.start, sandbox.slots.end, 4)
    starts = {e.address for e in sandbox.entries} | set(slots)
    needs = dict.fromkeys(known, 0) | dict.fromkeys(starts, 0)
    context = Context(sandbox, image, needs)
    explored: dict[int, _Explored] = {}
    todo = sorted(starts)
    while todo:
        entry = todo.pop()
        if entry not in explored:
            explored[entry] = _explore(context, entry, bool(known))
            calls = {c for b in explored[entry].blocks.values() for _, c in b.calls}
            todo.extend(c for c in calls if c != SLOTS)
    final = _needs(explored, sandbox)
    return SandboxProof({entry: _function(found, final[entry]) for entry, found in explored.items()})


def _function(found: _Explored, need: int) -> Function:
    blocks = {
        address: Invariant(b.depth, b.slot, need if b.granted is None else b.granted, b.facts)
        for address, b in found.blocks.items()
        if address is not None
    }
    return Function(found.entry, need, blocks, found.tables)


__all__ = ["entry_invariant", "find_invariants"]
