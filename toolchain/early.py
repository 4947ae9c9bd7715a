"""Guards that run early, so that accesses behind them need none: where a function begins, and before its loops.

Forcing a register into the window changes nothing in a correct program if it is certain there that an access through
it follows, a few bytes away at most (`Anticipated`): then it points into the window already. Before a loop, that may
serve pointers that move in the loop, too, if the prover can see how far: by a known number of rounds, or because they
are compared with an end. The end of a loop that has no other way out is forced as well, and a test for being equal to
it becomes one for not having passed it: a correct program reaches it exactly.

Whether a guard serves is for the prover to say (proved.py); those that do not are dropped again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace

from ringfence.verify.kernel.safety import S
from ringfence.verify.kernel.term import Term, add, const, signed
from ringfence.verify.prover.analysis import ENTRY, FunctionAnalysis
from ringfence.verify.prover.explore import Access, Edge, Run
from ringfence.verify.prover.hints import compared_apart
from ringfence.verify.prover.needed import edges_into
from ringfence.verify.prover.ranges import ZERO, base_of
from ringfence.verify.prover.states import REGISTERS

from .insn import CONDITION_NAMES, Insn
from .layout import Placed

_NEAR = 64  # objects keep this distance from the window's ends (PlacementNeeds.pad_low, pad_high)
_ARGUMENTS = range(4)
_BELOW, _ABOVE, _UNEQUAL = (CONDITION_NAMES.index(name) for name in ("cc", "hi", "ne"))

Site = tuple[int, bool]  # (item, True: before it; False: behind it)


@dataclass(frozen=True)
class Early:
    """Guards of registers at sites, and new conditions for branches, by item; `serves`: accesses, by address.

    `function`: where it begins; `otherwise`: what to try if these do not help."""

    guards: frozenset[tuple[Site, int]]
    serves: frozenset[int] = frozenset()
    conditions: frozenset[tuple[int, int]] = frozenset()
    function: int = 0
    otherwise: Early | None = None

    def serving(self, access: int) -> Early:
        """The same, for one access more."""
        otherwise = None if self.otherwise is None else self.otherwise.serving(access)
        return replace(self, serves=self.serves | {access}, otherwise=otherwise)

    def renamed(self, function: int, items: Mapping[int, int], accesses: Mapping[int, int]) -> Early | None:
        """The same with other names for items and accesses; None where an item has none."""
        if not {n for (n, _), _ in self.guards} | {n for n, _ in self.conditions} <= items.keys():
            return None
        return Early(
            frozenset(((items[n], before), r) for (n, before), r in self.guards),
            frozenset(accesses[address] for address in self.serves),
            frozenset((items[n], condition) for n, condition in self.conditions),
            function,
            None if self.otherwise is None else self.otherwise.renamed(function, items, accesses),
        )


@dataclass(frozen=True)
class _Use:
    """An access through a register that is so far from what it was at the block's start; `behind`: see Access."""

    register: int
    distance: int
    behind: int
    access: Access


@dataclass
class Anticipated:
    """For each block (by start) the registers through which an access is certain to follow before they are lost.

    `bases`: for accesses that have guards or need them, by address, the base register and what is added to it."""

    runs: Mapping[int, Run]
    bases: Mapping[int, tuple[int, int]]
    uses: dict[int, list[_Use]] = field(default_factory=dict)
    found: dict[int, Set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.uses = {start: list(self._uses(run)) for start, run in self.runs.items()}
        self.found = {start: set(REGISTERS) for start in self.runs}
        into = edges_into(self.runs)
        todo = set(self.runs)
        while todo:
            start = todo.pop()
            kept = {r for r in self.found[start] if self._certain(start, r)}
            if kept != self.found[start]:
                self.found[start] = kept
                todo |= {source for source, _ in into.get(start, ())} | {start}

    def _uses(self, run: Run) -> Iterator[_Use]:
        for access in run.accesses:
            if not access.always or access.left or access.address not in self.bases:
                continue
            register, offset = self.bases[access.address]
            place = run.forced.get(access.address)
            base, distance = base_of(access.place if place is None else place)
            if place is None:
                distance -= offset
            for r in (register, *REGISTERS):
                before, start = base_of(run.entered[r])
                if before is base and base is not ZERO and abs(signed((distance - start) % (1 << 32))) <= _NEAR:
                    yield _Use(r, distance - start, access.behind, access)
                    break

    def _certain(self, start: int, register: int) -> bool:
        """Whether every way through the block uses the register, or carries it on to where it is certain."""
        run = self.runs[start]
        term = run.entered[register]
        carried = [self._carried(edge, term) for edge in run.edges]
        if any(use.register == register and all(carried[: use.behind]) for use in self.uses[start]):
            return True
        return bool(carried) and not run.leaving and not run.called and all(carried)

    def _carried(self, edge: Edge, term: Term) -> bool:
        """Whether some register has the term at the edge's end, and is certain there; or is near it, and used there."""
        for r in self.found.get(edge.target, ()):
            apart = _apart(edge.registers[r], term)
            if apart == 0 or (apart is not None and abs(apart) <= _NEAR and self._used_at_once(edge.target, r)):
                return True
        return False

    def _used_at_once(self, start: int, register: int) -> bool:
        return any(use.register == register and use.behind == 0 for use in self.uses[start])


def _apart(a: Term, b: Term) -> int | None:
    """a - b, if that is a number; constants apart, which need no guards."""
    (x, m), (y, n) = base_of(a), base_of(b)
    return signed((m - n) % (1 << 32)) if x is y and x is not ZERO else None


class Loops:
    """The natural loops of a function: `bodies` by head, blocks by their start."""

    def __init__(self, runs: Mapping[int, Run], above: Mapping[int, Set[int]]) -> None:
        self._runs = runs
        self._into = edges_into(runs)
        self.bodies: dict[int, set[int]] = {}
        for start, run in runs.items():
            for edge in run.edges:
                if edge.target in above[start]:
                    body = self.bodies.setdefault(edge.target, {edge.target})
                    body |= self._reaching(start, edge.target)

    def _reaching(self, latch: int, head: int) -> set[int]:
        """Blocks from which `latch` is reached without passing `head`."""
        found, todo = {head}, [latch]
        while todo:
            block = todo.pop()
            if block not in found:
                found.add(block)
                todo.extend(source for source, _ in self._into.get(block, ()))
        return found

    def around(self, block: int) -> list[int]:
        """The heads of the loops that a block is in, the outermost first."""
        heads = [h for h, body in self.bodies.items() if block in body and h != ENTRY]
        return sorted(heads, key=lambda head: len(self.bodies[head]), reverse=True)

    def entering(self, head: int) -> list[Edge]:
        """The edges into a loop from outside."""
        return [edge for source, edge in self._into[head] if source not in self.bodies[head]]

    def last_branch(self, head: int) -> Edge | None:
        """The edge by which the loop goes on if it does not end there, where it can end nowhere else."""
        body = self.bodies[head]
        out = [b for b in body for edge in self._runs[b].edges if edge.target not in body]
        out += [b for b in body for _ in range(self._runs[b].leaving + self._runs[b].called)]
        if len(out) != 1:
            return None
        edges = [edge for edge in self._runs[out[0]].edges if not edge.left]
        while edges and edges[-1].target not in body:
            edges.pop()
        return edges[-1] if edges and edges[-1].target == head else None

    def keeps(self, head: int, register: int) -> bool:
        """Whether the register stays as it is in the loop."""
        return self._changes(head, register) == {0}

    def direction(self, head: int, register: int) -> int:
        """1 if the register only goes up in the loop, -1 if only down, else 0."""
        changes = self._changes(head, register) - {0}
        known = {c for c in changes if c is not None}
        if known != changes or not known:
            return 0
        return 1 if min(known) > 0 else -1 if max(known) < 0 else 0

    def _changes(self, head: int, register: int) -> set[int | None]:
        """What the blocks of the loop add to the register; None for anything else that they do to it."""
        body = self.bodies[head]
        return {
            0 if edge.registers[register] is (before := self._runs[block].entered[register])
            else _apart(edge.registers[register], before)
            for block in body for edge in self._runs[block].edges if edge.target in body
        }  # fmt: skip


def dominators(runs: Mapping[int, Run]) -> dict[int, set[int]]:
    """For each block those that every path to it goes through, itself included."""
    into = edges_into(runs)
    everything = runs.keys() | into.keys()
    found = dict.fromkeys(everything, everything) | {ENTRY: {ENTRY}}
    changed = True
    while changed:
        changed = False
        for start in sorted(everything - {ENTRY}):
            sources = [found[source] for source, _ in into.get(start, ())]
            new = set.intersection(*sources) | {start} if sources else {start}
            if new != found[start]:
                found[start], changed = new, True
    return found


class EarlyGuards:
    """Finds the guards that may serve open accesses of a function from further up.

    `bases`: for accesses that have guards or need them, by address, the base register and what is added to it."""

    def __init__(self, analysis: FunctionAnalysis, placed: Placed, bases: Mapping[int, tuple[int, int]]) -> None:
        self._entry = analysis.entry
        self._placed = placed
        self._bases = bases
        self._runs = {start: run for start, _, run in analysis.reached()}
        self._certain = Anticipated(self._runs, bases).found
        self._loops = Loops(self._runs, dominators(self._runs))

    def at_entry(self, open_ones: Iterable[tuple[int, Access]]) -> list[Early]:
        """Guards of arguments where the function begins. Each path has a guard less further on for it."""
        if self._entry in self._runs or not any(access.address in self._bases for _, access in open_ones):
            return []
        item = self._placed.item_at(self._entry)
        return [Early(frozenset([((item, True), r)])) for r in _ARGUMENTS if r in self._certain[ENTRY]]

    def before_loops(self, open_ones: Iterable[tuple[int, Access]]) -> list[Early]:
        """Guards of what the accesses in loops are relative to, before the loops."""
        found: dict[tuple[int, int], Early] = {}
        for block, access in open_ones:
            if access.address not in self._bases:
                continue
            register = self._bases[access.address][0]
            head = self._head(block, register)
            if head is None:
                continue
            known = found.get((head, register)) or self._for_loop(head, register)
            if known is not None:
                found[head, register] = known.serving(access.address)
        return list(found.values())

    def _head(self, block: int, register: int) -> int | None:
        """The largest loop that keeps the register, or else the smallest one; if the register may be forced there, or
        need not be."""
        heads = [h for h in self._loops.around(block) if register in self._certain[h] or self._is_known(h, register)]
        return next((h for h in heads if self._loops.keeps(h, register)), heads[-1] if heads else None)

    def _for_loop(self, head: int, register: int) -> Early | None:
        sites = self._sites(head)
        if sites is None:
            return None
        guards = self._forcing(head, register, sites)
        if self._loops.keeps(head, register):
            return Early(guards) if guards else None
        with_end = self._with_end(head, register, sites, guards)
        return Early(guards, otherwise=with_end) if guards else with_end

    def _is_known(self, head: int, register: int) -> bool:
        """Whether it is known exactly what the register is where the loop begins."""
        return all(base_of(edge.registers[register])[0] in (ZERO, S) for edge in self._loops.entering(head))

    def _forcing(self, head: int, register: int, sites: Iterable[Site]) -> frozenset[tuple[Site, int]]:
        return frozenset() if self._is_known(head, register) else frozenset((site, register) for site in sites)

    def _sites(self, head: int) -> list[Site] | None:
        """Where to put what shall run on every way into the loop, and on no other; None if there is no such place."""
        sites: list[Site] = []
        for edge in self._loops.entering(head):
            if edge.source == edge.target:
                sites.append((self._placed.item_at(head) - 1, False))
                continue
            n = self._placed.item_at(edge.source)
            insn = self._placed.program.items[n].insn
            if insn is None or insn.kind != "branch" or insn.conditional:
                return None
            sites.append((n, True))
        return sites

    def _with_end(
        self, head: int, register: int, sites: Iterable[Site], guards: frozenset[tuple[Site, int]]
    ) -> Early | None:
        """The same with the register that the loop runs to."""
        back = self._loops.last_branch(head)
        end = None if back is None else self._end(head, register, back)
        if back is None or end is None:
            return None
        both = guards | self._forcing(head, end, sites)
        conditions = frozenset(self._not_past(head, back, register, end))
        return Early(both, conditions=conditions) if conditions or both != guards else None

    def _end(self, head: int, register: int, back: Edge) -> int | None:
        """The register that stays as it is in the loop and that the moving one is compared with on the way back."""
        moving = back.registers[register]
        insn = self._placed.program.items[self._placed.item_at(back.source)].insn
        if insn is None or insn.kind != "branch" or not insn.conditional:
            return None
        for a, b in compared_apart(back.conditions[-1:]):
            for x, y in ((a, b), (b, a)):
                apart = _apart(moving, x)
                if apart is None:
                    continue
                exactly = [r for r in REGISTERS if back.registers[r] is add(y, const(apart))]
                near = [r for r in REGISTERS if _apart(back.registers[r], y) is not None]
                found = [r for r in (*exactly, *near) if self._loops.keeps(head, r)]
                if found:
                    return found[0]
        return None

    def _not_past(self, head: int, back: Edge, register: int, end: int) -> Iterator[tuple[int, int]]:
        """The branch back on being unequal, and the condition that it is to have instead."""
        upwards = self._loops.direction(head, register)
        n = self._placed.item_at(back.source)
        insn = self._placed.program.items[n].insn
        if not upwards or insn is None or insn.kind != "branch" or insn.condition != _UNEQUAL:
            return
        first = _compared(self._placed, n, register, end)
        if first is not None:
            yield n, _BELOW if (first == register) == (upwards > 0) else _ABOVE


def _compared(placed: Placed, n: int, a: int, b: int) -> int | None:
    """The first operand of the comparison of two registers that the branch at item n depends on."""
    program = placed.program
    while n > 0 and n not in program.joins:
        n -= 1
        insn = program.items[n].insn
        if insn is None or insn.kind not in ("plain", "literal"):
            return None
        if insn.sets_flags:
            return _operands_of(insn, {a, b})
    return None


def _operands_of(insn: Insn, wanted: Set[int]) -> int | None:
    if insn.name != "cmp" or insn.conditional or insn.shifted:
        return None
    registers = [o.register for o in insn.operands]
    return registers[0] if set(registers) == wanted else None
