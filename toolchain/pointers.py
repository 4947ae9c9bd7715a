"""Pointers that several calls share are forced into the pointer table once: where they come from, before a loop.

Forcing a pointer changes nothing in a correct program where nothing looks at it before a call through it: if the call
is made, it is the address of a slot already, and if not, its value does not matter (`Unseen`). So the guard of a call
may go to wherever its register is written, if every function of the table, and all else that is called between, keeps
that register; whether the verifier can follow this is for the prover to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ringfence.verify.prover.analysis import FunctionAnalysis
from ringfence.verify.prover.needed import is_slot
from ringfence.verify.prover.ranges import Ranges

from .analysis import Analysis
from .flow import CALLS, is_inner_call, subroutine_returns
from .graphs import loop_bodies
from .guards import force_bits
from .insn import IP, Insn, Label, bit
from .layout import Placed, lay_out
from .liveness import ARGUMENTS, RESULTS, SAVED, owners
from .program import Body, Program, apply
from .proved import analysis_context
from .request import RewriteRequest

POINTER_CALLS = "pointer calls"  # what the guards of calls are made by
_GENERAL = (1 << 13) - 1  # r0-r12
_ROUNDS = 4
_TIMES = 8  # that a loop is taken to run
_DEEPEST = 5
_NOWHERE = -1

Origin = tuple[int, bool]  # (item, True: before it; False: behind it)


def slot_bits(request: RewriteRequest, thumb: bool = False) -> tuple[int, int]:
    """The bits (mask, value) that every slot's address has; with `thumb`, that every pointer to one has."""
    size = request.slots_end - request.slots_start
    return (~(size - 1) & 0xFFFFFFFF) | 2 | thumb, request.slots_start | thumb


@dataclass(frozen=True)
class Site:
    """A call or jump through a register, and the items that are its guard."""

    item: int
    register: int
    guard: tuple[int, ...]

    @property
    def begins(self) -> int:
        return self.guard[0]


@dataclass(frozen=True)
class Plan:
    """Sites that need no guard of their own any more, and where their registers are forced instead; `anchors`: sites
    whose guard serves others, too."""

    sites: frozenset[Site] = frozenset()
    forced: frozenset[tuple[Origin, int]] = frozenset()
    anchors: frozenset[Site] = frozenset()


def find_sites(program: Program) -> list[Site]:
    """The calls that guard_calls has put guards before."""
    found = []
    for n, item in enumerate(program.items):
        if item.insn is None or item.insn.kind not in ("call_register", "jump_register"):
            continue
        first = n
        while first and program.items[first - 1].made_by == POINTER_CALLS:
            first -= 1
        register = item.insn.operands[0].register
        if first < n and register <= IP:
            found.append(Site(n, register, tuple(range(first, n))))
    return found


class Unseen:
    """For each item the registers whose values something may look at before they are called through.

    Callees are taken to preserve r4-r11, as correct code does."""

    def __init__(self, facts: Analysis, sites: Iterable[Site]) -> None:
        self._facts = facts
        self._program, self._flow = facts.program, facts.flow
        self._guards = {n for site in sites for n in site.guard}
        self._inner = subroutine_returns(self._program, self._flow)
        self.seen = [0] * (len(self._program.items) + 1)
        self._solve()

    def before(self, item: int, register: int) -> bool:
        """Whether nothing looks at the register from here on, calls through it apart."""
        return not self.seen[item] >> register & 1

    def _solve(self) -> None:
        users: dict[int, list[int]] = {}
        for n, successors in enumerate(self._flow.successors):
            callee = self._flow.calls[n]
            for m in (*successors, *(() if callee is None else (callee,))):
                users.setdefault(m, []).append(n)
        todo = list(range(len(self._program.items)))
        while todo:
            n = todo.pop()
            insn = self._program.items[n].insn
            seen = 0 if insn is None else self._seen(n, insn) & _GENERAL
            if seen != self.seen[n]:
                self.seen[n] = seen
                todo += users.get(n, ())

    def _seen(self, n: int, insn: Insn) -> int:
        after = 0
        for successor in self._flow.successors[n]:
            after |= self.seen[successor]
        if n in self._guards:
            return after
        seen = self._where_executed(n, insn, after)
        return seen | after if insn.conditional else seen

    def _where_executed(self, n: int, insn: Insn, after: int) -> int:
        if insn.kind == "call":
            callee = self._flow.calls[n]
            outside = ARGUMENTS if self._flow.external[n] is not None else 0
            return after | outside | (0 if callee is None else self.seen[callee] & (ARGUMENTS | bit(IP)))
        if insn.kind == "call_register":
            return (after | ARGUMENTS) & ~insn.reads
        if insn.kind == "jump_register":
            if not self._facts.provable.leaves_by_link(n):
                return (ARGUMENTS | SAVED) & ~insn.reads
            return _GENERAL if self._inner else RESULTS | SAVED
        if insn.kind == "load_pc":
            return (RESULTS | SAVED) & ~insn.kills | insn.reads
        if self._flow.external[n] is not None:
            return after | ARGUMENTS | SAVED
        copied = _copy(insn)
        if copied is not None:
            target, source = copied
            return after & ~bit(target) | (bit(source) if after >> target & 1 else 0)
        return after & ~insn.kills | insn.reads


def _copy(insn: Insn) -> tuple[int, int] | None:
    """(target, source) if it copies a register to another one and does nothing else."""
    if insn.kind != "plain" or insn.name != "mov" or insn.sets_flags or insn.shifted or len(insn.operands) != 2:
        return None
    target, source = insn.operands
    if not source.is_register or max(target.register, source.register) > IP:
        return None
    return target.register, source.register


@dataclass
class Origins:
    """Where the registers of calls come from. `kept`: by function (its address), the registers that it keeps."""

    facts: Analysis
    placed: Placed
    sites: Collection[Site]
    kept: Mapping[int, Collection[int]]
    kept_by_slots: Collection[int]
    before: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        flow, self._program = self.facts.flow, self.facts.program
        self._begins = self._program.entries.keys() | self._program.pointed_at
        self._guards = {(n, site.register) for site in self.sites for n in site.guard}
        for n, successors in enumerate(flow.successors):
            if self.facts.provable.before[n] is not None:
                for successor in successors:
                    self.before.setdefault(successor, []).append(n)
        for place in subroutine_returns(self._program, flow):
            self.before.setdefault(place, []).append(_NOWHERE)

    def of(self, site: Site) -> set[Origin] | None:
        """Where the register is written last; None if that cannot be said."""
        found: set[Origin] = set()
        seen, todo = {site.begins}, [site.begins]
        while todo:
            n = todo.pop()
            if n in self._begins:
                found.add((n, True))
                continue
            for m in self.before.get(n, (_NOWHERE,)):
                if m == _NOWHERE or is_inner_call(self._program, self.facts.flow, m):
                    return None
                if self._writes(m, site.register):
                    found.add((m, False))
                elif m not in seen:
                    seen.add(m)
                    todo.append(m)
        return found

    def straight(self, first: Site, second: Site) -> bool:
        """Whether control gets from one to the other, and to that from nowhere else, with the register as it is."""
        if first.register != second.register or self._begins & set(range(first.item, second.item + 1)):
            return False
        between = range(first.item, second.item)
        return all(
            self.facts.flow.successors[n] == (n + 1,) and self.before.get(n + 1) == [n]
            and not self._writes(n, first.register) for n in between
        )  # fmt: skip

    def _writes(self, n: int, register: int) -> bool:
        insn = self._program.items[n].insn
        if insn is None or (n, register) in self._guards:
            return False
        if insn.kind not in CALLS:
            return bool(insn.writes & bit(register))
        callee = self.facts.flow.calls[n]
        if insn.kind == "call_register":
            return register not in self.kept_by_slots
        return callee is None or register not in self.kept.get(self.placed.addresses[callee], ())


class Weights:
    """How often items run, roughly: by the loops that they are in, in the functions that `items` are a part of."""

    def __init__(self, facts: Analysis, items: Iterable[int]) -> None:
        owning = owners(facts.program, facts.flow)
        self._depths: Counter[int] = Counter()
        for entry in {entry for n in items for entry in owning[n]}:
            inside = {n for n, entries in enumerate(owning) if entry in entries}
            successors = {n: [m for m in facts.flow.successors[n] if m in inside] for n in inside}
            depths = Counter(n for body in loop_bodies(entry, successors).values() for n in body)
            self._depths |= depths  # of code that functions share, the larger number

    def of(self, n: int) -> int:
        return int(_TIMES ** min(self._depths[n], _DEEPEST))


class Planner:
    """Decides which calls share a guard. `few`: what a guard costs at a call, `many`: what it costs elsewhere."""

    def __init__(self, origins: Origins, unseen: Unseen, weights: Weights, few: int, many: int) -> None:
        self._origins, self._unseen, self._weights = origins, unseen, weights
        self._few, self._many = few, many

    def plan(self, sites: Iterable[Site]) -> Plan:
        sites = list(sites)
        chosen: dict[Site, set[Origin]] = {}
        for register in sorted({site.register for site in sites}):
            chosen |= self._worthwhile({s: found for s in sites if s.register == register
                                        and (found := self._allowed(s)) is not None})  # fmt: skip
        forced = {(origin, site.register) for site, found in chosen.items() for origin in found}
        covered, anchors = self._covered([s for s in sites if s not in chosen])
        return Plan(frozenset(chosen) | covered, frozenset(forced), anchors)

    def _allowed(self, site: Site) -> set[Origin] | None:
        """The origins of a site, if its register may be forced at all of them."""
        found = self._origins.of(site)
        if not found or not all(self._unseen.before(n if before else n + 1, site.register) for n, before in found):
            return None
        return found

    def _worthwhile(self, sites: dict[Site, set[Origin]]) -> dict[Site, set[Origin]]:
        """The sites that gain by it: first without those that need an origin for themselves that costs too much."""
        dropped = True
        while dropped:
            dropped = False
            for site, found in list(sites.items()):
                shared = {o for other, origins in sites.items() if other is not site for o in origins}
                if self._cost(found - shared) >= self._few * self._weights.of(site.item):
                    del sites[site]
                    dropped = True
        kept: dict[Site, set[Origin]] = {}
        for group in _groups(sites):
            origins = {o for site in group for o in sites[site]}
            if self._cost(origins) < self._few * max(self._weights.of(site.item) for site in group):
                kept |= {site: sites[site] for site in group}
        return kept

    def _cost(self, origins: Iterable[Origin]) -> int:
        return self._many * sum(self._weights.of(n) for n, _ in origins)

    def _covered(self, sites: Iterable[Site]) -> tuple[frozenset[Site], frozenset[Site]]:
        """Sites that are certain to follow others, by whose guards they are served; and those others."""
        covered: set[Site] = set()
        anchors: set[Site] = set()
        last: Site | None = None
        for site in sorted(sites, key=lambda site: site.item):
            if last is not None and self._origins.straight(last, site):
                covered.add(site)
                anchors.add(last)
            else:
                last = site
        return frozenset(covered), frozenset(anchors)


def _groups(sites: Mapping[Site, set[Origin]]) -> Iterator[set[Site]]:
    """Sites that are connected by origins that they share."""
    left = set(sites)
    while left:
        group, todo = set[Site](), [left.pop()]
        while todo:
            site = todo.pop()
            group.add(site)
            near = {other for other in left if sites[other] & sites[site]}
            left -= near
            todo += near
        yield group


def share_pointer_guards(program: Program, request: RewriteRequest) -> tuple[Program, int]:
    """The program with guards of pointer calls where they run less often, and how many calls have none of their own."""
    sites = find_sites(program)
    if not sites:
        return program, 0
    placed = lay_out(program, request.code_start)
    context = analysis_context(placed, request)
    kept_by_slots = () if context.any_slot is None else context.any_slot.keeps
    sites = [site for site in sites if site.register in kept_by_slots]  # only these outlive a call, as in a loop
    facts = Analysis(program, request)
    origins = Origins(facts, placed, sites, context.keeps, kept_by_slots)
    costs = [len(force_bits(0, *slot_bits(request, thumb))) for thumb in (False, True)]
    planner = Planner(origins, Unseen(facts, sites), Weights(facts, [site.item for site in sites]), *costs)
    for _ in range(_ROUNDS if sites else 0):
        plan = planner.plan(sites)
        if not plan.sites:
            break
        changed = _carried_out(program, request, plan)
        open_ones = plan.sites - _proved(program, changed, request, plan.sites)
        if not open_ones:
            return changed, len(plan.sites)
        sites = [site for site in sites if site not in open_ones]
    return program, 0


def _carried_out(program: Program, request: RewriteRequest, plan: Plan) -> Program:
    edits: dict[int, list[Body | Label]] = {n: [] for site in plan.sites for n in site.guard}
    for site in plan.anchors:
        edits |= {n: [] for n in site.guard}
        edits[site.begins] = [*_force(site.register, request)]
    for (n, before), register in sorted(plan.forced, key=lambda forced: (forced[0], -forced[1])):
        pieces = edits.setdefault(n, [program.items[n].body])
        force = _force(register, request)
        edits[n] = [*force, *pieces] if before else [*pieces, *force]
    return apply(program, edits, POINTER_CALLS)


def _force(register: int, request: RewriteRequest) -> tuple[Insn, ...]:
    return force_bits(register, *slot_bits(request, thumb=True))


def _proved(program: Program, changed: Program, request: RewriteRequest, sites: Iterable[Site]) -> set[Site]:
    """Of the sites those that the prover shows to call a slot."""
    placed = lay_out(changed, request.code_start)
    context = analysis_context(placed, request)
    numbers = dict(zip(_through_registers(program), _through_registers(changed), strict=True))
    by_address = {placed.instruction(numbers[site.item]): site for site in sites}
    facts = Analysis(changed, request)
    owning = owners(changed, facts.flow)
    executed: set[int] = set()
    failed: set[int] = set()
    for entry in {entry for site in sites for entry in owning[numbers[site.item]]}:
        analysis = FunctionAnalysis(context, placed.addresses[entry], True)
        for start, _, run in analysis.reached():
            executed |= run.executed
            for target in run.targets:
                where = Ranges(analysis.known_at(start), target.conditions).value(target.value)
                if not is_slot(context.sandbox.slots, where):
                    failed.add(target.address)
    return {site for address, site in by_address.items() if address in executed - failed}


def _through_registers(program: Program) -> list[int]:
    """The items that call or jump through a register, in order."""
    kinds = ("call_register", "jump_register")
    return [n for n, item in enumerate(program.items) if item.insn is not None and item.insn.kind in kinds]
