"""Every store that is not provably inside the write set gets its guard.

A guard forces the base register into the window in place, which changes nothing in a correct program as long as the
base points into the window: objects keep a distance from the window's ends (the pads), and offsets reach at most as
far as the slack beside it. Other addresses are formed in a free register first.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .. import asm
from ..addresses import Formed, form_address
from ..analysis import Analysis
from ..checks import guard
from ..flow import CALLS
from ..insn import ALWAYS, SP, Insn, Label, Memory, bit, inverse, mask_of, registers_in
from ..program import Body, Program, apply
from ..request import RewriteRequest
from ..values import State

REACH_BELOW, REACH_ABOVE = 256, 264  # guarded bases are used with offsets up to these distances


@dataclass(frozen=True)
class Reach:
    """How far guarded stores go beyond their base: the slack that is needed, in bytes."""

    below: int = 0
    above: int = 0

    def with_access(self, first: int, end: int) -> Reach:
        return Reach(max(self.below, -first), max(self.above, end))


def guard_stores(program: Program, request: RewriteRequest) -> tuple[Program, Counter[str]]:
    """Counts, of stores: `guarded`, `guarded by an earlier guard`, `constant address`, `on the stack`, and the slack
    used: `slack below`, `slack above` (bytes)."""
    return _Guarding(program, request).run()


class _Guarding:
    """One walk over the items. `_known` maps registers to their distance from an address in the window."""

    def __init__(self, program: Program, request: RewriteRequest) -> None:
        self._program = program
        self._request = request
        self._facts = Analysis(program, request)
        self._known: dict[int, int] = {}
        self._reach = Reach()
        self._counts: Counter[str] = Counter()

    def run(self) -> tuple[Program, Counter[str]]:
        edits: dict[int, list[Body | Label]] = {}
        for n, item in enumerate(self._program.items):
            if n in self._program.joins or item.insn is None:
                self._known.clear()
            state = self._facts.provable.before[n]
            if item.insn is None or state is None:
                continue
            if item.insn.is_store and item.insn.memory is not None:
                pieces = self._store(n, item.insn, item.insn.memory, state)
                if pieces is not None:
                    edits[n] = pieces
            self._update(item.insn)
        self._counts["slack below"] = self._reach.below
        self._counts["slack above"] = self._reach.above
        return apply(self._program, edits), self._counts

    def _store(self, n: int, insn: Insn, memory: Memory, state: State) -> list[Body | Label] | None:
        """The guarded store, or None where it needs no guard."""
        why = self._unguarded(memory, state)
        self._counts[why or "stores guarded"] += 1
        if why:
            return None
        if memory.index < 0 and memory.offset >= -REACH_BELOW and memory.end <= REACH_ABOVE and memory.base != SP:
            return self._in_place(n, insn, memory)
        formed = form_address(self._facts, n, insn, memory)
        self._reach = self._reach.with_access(formed.offset, formed.offset + memory.size)
        return self._guarded(n, formed, insn)

    def _unguarded(self, memory: Memory, state: State) -> str:
        """Why the store needs no guard; empty if it does."""
        address = self._facts.provable.address(memory, state)
        if memory.base == SP and memory.index < 0:
            return "stores on the stack"
        if address is not None and address.kind == "sp":
            return "stores on the stack"
        if address is not None and address.kind == "const" and self._allowed(address.number, memory.size):
            return "stores to constant addresses"
        if memory.index < 0 and memory.base in self._known:
            first = self._known[memory.base] + memory.offset
            if first >= -REACH_BELOW and first + memory.size <= REACH_ABOVE:
                self._reach = self._reach.with_access(first, first + memory.size)
                return "stores guarded by an earlier guard"
        return ""

    def _allowed(self, address: int, size: int) -> bool:
        request = self._request
        low = request.window_base - request.slack_below
        high = request.window_base + request.window_size + request.slack_above
        ranges = [(low, high), *request.mmio]
        return any(start <= address and address + size <= end for start, end in ranges)

    def _in_place(self, n: int, insn: Insn, memory: Memory) -> list[Body | Label]:
        self._reach = self._reach.with_access(memory.offset, memory.end)
        if not insn.conditional:
            self._known[memory.base] = 0
        return self._guarded(n, Formed(memory.base, memory.offset, (), insn, ()), insn)

    def _guarded(self, n: int, formed: Formed, insn: Insn) -> list[Body | Label]:
        """Address, guard, store and what restores registers, all under the store's condition."""
        used = mask_of(r for i in (insn, formed.store, *formed.after) for r in registers_in(i.reads | i.writes))
        checked = guard(self._request, formed.register, used, self._facts.live.after(n))
        pieces: list[Insn | Label] = [*formed.before, *checked, formed.store, *formed.after]
        if not insn.conditional:
            return list(pieces)
        return self._under(n, insn.condition, pieces)

    def _under(self, n: int, condition: int, pieces: list[Insn | Label]) -> list[Body | Label]:
        simple = all(isinstance(p, Insn) and p.kind == "plain" and not p.writes & bit(SP) for p in pieces)
        if simple:
            return [p.under(condition) for p in pieces if isinstance(p, Insn)]
        self._known.clear()  # the label behind the store begins a block
        over = Label(self._program.items[n].origin, "store")
        inner = [p.under(ALWAYS) if isinstance(p, Insn) and p.kind == "plain" else p for p in pieces]
        return [asm.branch(over, inverse(condition)), *inner, over]

    def _update(self, insn: Insn) -> None:
        """Follow the known registers through one instruction."""
        if insn.kind in CALLS or insn.kind in ("trap", "jump_register", "load_pc", "table", "table_load"):
            self._known.clear()
            return
        if (insn.kind == "branch" and not insn.conditional) or (insn.kind == "zero" and self._request.mode == "trap"):
            self._known.clear()  # a cbz may be laid out with a label behind it, where only ranges stay known
            return
        moved = None if insn.conditional else _moved(insn, self._known)
        for register in registers_in(insn.writes):
            self._known.pop(register, None)
        if moved is not None:
            self._known[moved[0]] = moved[1]


def _moved(insn: Insn, known: dict[int, int]) -> tuple[int, int] | None:
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
    return (target, distance) if abs(distance) <= 4096 else None
