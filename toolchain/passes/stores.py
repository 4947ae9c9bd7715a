"""Every store that is not provably inside the write set gets its guard; where reads are confined, every load as well.

A guard forces the base register into the window in place, which changes nothing in a correct program as long as the
base points into the window: objects keep a distance from the window's ends (the pads), and offsets reach at most as
far as the slack beside it. Other addresses are formed in a free register first.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from .. import asm
from ..addresses import Formed, access_at, form_address
from ..analysis import Analysis
from ..checks import STRAY_LOAD, STRAY_STORE, guard
from ..deciding import free_stores
from ..insn import ALWAYS, SP, Insn, Label, Memory, bit, inverse, mask_of, registers_in
from ..program import Body, Program, apply
from ..proved import Free, in_place
from ..request import RewriteRequest, is_confined
from ..sums import Sharing, Sum

GUARDED = ("stores guarded", "loads guarded")


@dataclass(frozen=True)
class Reach:
    """How far guarded accesses go beyond their base: the slack that is needed, in bytes."""

    below: int = 0
    above: int = 0

    def with_access(self, first: int, end: int) -> Reach:
        return Reach(max(self.below, -first), max(self.above, end))


def guard_stores(program: Program, request: RewriteRequest) -> tuple[Program, Counter[str]]:
    """Counts, of stores and of confined loads: `guarded`, `guarded by an earlier guard`, `proved in range`,
    `at constant addresses`, `on the stack`; and the slack used: `slack below`, `slack above` (bytes)."""
    return _Guarding(program, request).run()


class _Guarding:
    """One walk over the items. `_formed` maps a register to the access whose address it still holds, guarded, and to
    the sum that this is."""

    def __init__(self, program: Program, request: RewriteRequest) -> None:
        decided = free_stores(program, request)
        self._program, self._free = decided.program, decided.free
        self._request = request
        self._facts = Analysis(self._program, request)
        self._sharing = Sharing(self._facts, self._needs_guard, decided.apart)
        self._formed: dict[int, tuple[int, Sum]] = {}
        self._reach = Reach()
        self._counts: Counter[str] = Counter()
        self._handled: dict[int, str] = {}

    def run(self) -> tuple[Program, Counter[str]]:
        edits: dict[int, list[Body | Label]] = {}
        for n, item in enumerate(self._program.items):
            if self._sharing.ends_run(n):
                self._formed.clear()
            if item.insn is None or self._facts.provable.before[n] is None:
                continue
            if item.insn.memory is not None and is_confined(item.insn, self._request):
                pieces = self._access(n, item.insn, item.insn.memory, self._free.get(n))
                if pieces is not None:
                    edits[n] = pieces
            written = item.insn.writes
            self._formed = {s: f for s, f in self._formed.items() if not written & (bit(s) | f[1].reads)}
        self._counts["slack below"] = self._reach.below
        self._counts["slack above"] = self._reach.above
        made_by = {n: self._handled[n].split()[0] for n in edits}
        return apply(self._program, edits, made_by, self._handled), self._counts

    def _needs_guard(self, n: int) -> bool:
        return is_confined(self._program.items[n].insn, self._request) and self._free.get(n) is None

    def _access(self, n: int, insn: Insn, memory: Memory, free: Free | None) -> list[Body | Label] | None:
        """The guarded access, or None where it may stay as it is."""
        if free is not None:
            self._note(n, free.why)
            self._reach = Reach(max(self._reach.below, free.below), max(self._reach.above, free.above))
            return None
        if in_place(memory):
            self._note(n, "stores guarded")
            self._reach = self._reach.with_access(memory.offset, memory.end)
            return self._with_guard(n, Formed(memory.base, memory.offset, (), insn, ()), insn)
        return self._through_register(n, insn, memory)

    def _note(self, n: int, what: str) -> None:
        """Of item n, said as of a store."""
        insn = self._program.items[n].insn
        if insn is not None and not insn.is_store:
            what = what.replace("stores", "loads")
        self._counts[what] += 1
        self._handled[n] = what

    def _through_register(self, n: int, insn: Insn, memory: Memory) -> list[Body | Label]:
        """Through a register that holds the address, or one nearby from an earlier access."""
        near = self._nearby(n, memory)
        if near is not None:
            register, offset = near
            self._note(n, "stores guarded by an earlier guard")
            self._reach = self._reach.with_access(offset, offset + memory.size)
            return [access_at(self._program, n, insn, register, offset).under(insn.condition)]
        self._note(n, "stores guarded")
        may_last = self._request.mode == "mask" and not insn.conditional
        lower = self._sharing.lower(n, memory, self._formed) if may_last else None
        if lower is not None:
            return self._from_below(n, insn, *lower)
        kept = self._sharing.keeper(n, memory, self._formed) if may_last else None
        formed = form_address(self._facts, n, insn, memory, kept)
        self._formed.pop(formed.register, None)
        self._reach = self._reach.with_access(formed.offset, formed.offset + memory.size)
        lasting = formed.register not in (memory.base, memory.index) and not formed.after
        if kept is not None or (may_last and lasting):
            self._formed[formed.register] = n, Sum.of(memory)
        return self._with_guard(n, formed, insn)

    def _from_below(self, n: int, insn: Insn, m: int, register: int, distance: int) -> list[Body | Label]:
        """Through a register that gets the address of access m, which follows and is so many bytes below."""
        following = self._program.items[m].insn
        if following is None or following.memory is None:
            raise ValueError("not an access")
        other = following.memory
        self._formed[register] = m, Sum.of(other)
        self._reach = self._reach.with_access(distance, distance + (insn.memory.size if insn.memory else 0))
        formed = form_address(self._facts, n, insn, other, register)
        access = access_at(self._program, n, insn, register, distance)
        return self._with_guard(n, replace(formed, access=access), insn)

    def _nearby(self, n: int, memory: Memory) -> tuple[int, int] | None:
        """(register, offset) by which an earlier formed address reaches this one."""
        for register, (earlier, found) in self._formed.items():
            distance = self._sharing.distance(earlier, found, n)
            if distance is not None and register not in memory.data:
                return register, distance
        return None

    def _with_guard(self, n: int, formed: Formed, insn: Insn) -> list[Body | Label]:
        """Address, guard, access and what restores registers, all under the access's condition."""
        used = mask_of(r for i in (insn, formed.access, *formed.after) for r in registers_in(i.reads | i.writes))
        stray = STRAY_STORE if insn.is_store else STRAY_LOAD
        checked = guard(self._request, formed.register, used, self._facts.live.after(n), stray)
        pieces: list[Insn | Label] = [*formed.before, *checked, formed.access, *formed.after]
        if not insn.conditional:
            return list(pieces)
        return self._under(n, insn.condition, pieces)

    def _under(self, n: int, condition: int, pieces: list[Insn | Label]) -> list[Body | Label]:
        """Under a condition: by IT where each piece can be, else behind a branch."""
        simple = all(isinstance(p, Insn) and p.kind == "plain" and not p.writes & bit(SP) for p in pieces)
        if simple:
            return [p.under(condition) for p in pieces if isinstance(p, Insn)]
        over = Label(self._program.items[n].origin, "store")
        inner = [p.under(ALWAYS) if isinstance(p, Insn) and p.kind == "plain" else p for p in pieces]
        return [asm.branch(over, inverse(condition)), *inner, over]
