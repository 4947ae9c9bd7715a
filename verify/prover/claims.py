"""From an analysis to what a certificate claims: as little as holds itself up and proves what depends on it.

Every claim has to be proved again at every edge, so one that nothing needs costs time and certificate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ..kernel.proof import Function, Invariant
from . import arcs
from .analysis import ENTRY, FunctionAnalysis
from .arcs import Arc
from .explore import Calls, Edge, Run
from .needed import edges_into, sensitive
from .ranges import Known, Ranges
from .states import Key, fact_of, measured_from, registers_of

Claims = dict[int, Mapping[Key, Arc]]


@dataclass(frozen=True)
class Explored:
    """One function, its stack need open. `granted`: blocks with the stack that a limit check has established."""

    entry: int
    blocks: Mapping[int, Invariant]
    tables: Mapping[int, int]
    frames: Mapping[int, int]
    keeps: tuple[int, ...]
    rank: int  # if it uses a word of its own
    granted: Mapping[int, int]
    deepest: int  # bytes of stack that it uses itself, outside blocks with a grant
    calls: frozenset[tuple[int, int]]  # (depth, callee), outside blocks with a grant
    callees: frozenset[int]  # all of them

    def function(self, need: int, rank: int) -> Function:
        """With its rank, and its need, which blocks without a grant can count on."""
        blocks = {start: replace(i, left=self.granted.get(start, need)) for start, i in self.blocks.items()}
        return Function(self.entry, need, blocks, self.tables, self.frames, self.keeps, rank)


def explored(analysis: FunctionAnalysis) -> Explored:
    """What a certificate says of the function."""
    claims = _claims(analysis)
    live = _live(analysis, claims)
    blocks: dict[int, Invariant] = {}
    granted: dict[int, int] = {}
    deepest, calls, callees, lost = 0, Calls(), set[int](), 0
    for start, block, run in analysis.reached():
        state = block.state
        callees |= {callee for _, callee in run.calls} | run.framed
        lost |= run.lost
        if state.granted is None:
            deepest, calls = max(deepest, run.deepest), calls | run.calls
        if start == ENTRY:
            continue
        if state.granted is not None:
            granted[start] = state.granted
        facts = [f for f in state.exact() if live[start] >> f.register & 1]
        facts += [fact_of(key, arc) for key, arc in sorted(claims[start].items())]
        blocks[start] = Invariant(state.depth, state.slot, 0, tuple(facts), state.frame)
    keeps = tuple(r for r in analysis.context.keeps.get(analysis.entry, ()) if not lost >> r & 1)
    return Explored(analysis.entry, blocks, dict(analysis.tables), dict(analysis.frames), keeps, analysis.rank, granted,
                    deepest, frozenset(calls), frozenset(callees))  # fmt: skip


def _live(analysis: FunctionAnalysis, claims: Claims) -> dict[int, int]:
    """Registers (a mask) that are read, or claimed something of, from each block on before they are written."""
    live = {start: run.reads for start, _, run in analysis.reached()}
    for start in live:
        for register in {r for key in claims[start] for r in registers_of(key)}:
            live[start] |= 1 << register
    before = edges_into(dict(_runs(analysis)))
    todo = list(live)
    while todo:
        start = todo.pop()
        for source, edge in before.get(start, ()):
            new = live[source] | (live[start] & ~edge.written)
            if new != live[source]:
                live[source] = new
                todo.append(source)
    return live


def _runs(analysis: FunctionAnalysis) -> Iterator[tuple[int, Run]]:
    return ((start, run) for start, _, run in analysis.reached())


# -- which ranges ----------------------------------------------------------------------------------------------


def _claims(analysis: FunctionAnalysis) -> Claims:
    """The ranges to claim at each block. Those that are not needed are left out, scaled differences first."""
    needed = analysis.needed
    claims: Claims = {start: {} for start in analysis.blocks}
    for start, block, _ in analysis.reached():
        settled = {f.register for f in block.state.exact()}
        if start != ENTRY:
            wanted = needed.get(start, set()) - settled
            claims[start] = {k: arc for k, arc in block.state.known.items() if registers_of(k) <= wanted}
    keys = sorted({k for known in claims.values() for k in known}, key=_use, reverse=True)
    groups = [[k for k in keys if _use(k)[0] >= least] for least in (2, 3)]
    for group in (*groups, *([k] for k in keys)):
        if any(k in known for k in group for known in claims.values()):
            claims = _without(analysis, claims, set(group)) or claims
    return claims


def _use(key: Key) -> tuple[int, Key]:
    """How readily a range is given up: differences of registers before plain values."""
    _, base, scale = key
    return (0 if base == "0" else 1 if base == "s" else 2 if scale == 1 and "-" not in base else 3), key


def _without(analysis: FunctionAnalysis, claims: Claims, keys: set[Key]) -> Claims | None:
    """The claims without these and without what they held up; None if an access or table needs them."""
    changed = {b for b, known in claims.items() if known.keys() & keys}
    found = {b: {k: a for k, a in known.items() if k not in keys} if b in changed else known
             for b, known in claims.items()}  # fmt: skip
    while changed:
        start = changed.pop()
        block = analysis.blocks[start]
        if block.run is None or not block.reached:
            continue
        known = analysis.known(found[start], block.state.exact())
        if not _proves(analysis, start, block.run, known):
            return None
        for edge in block.run.edges:
            lost = _not_carried(edge, known, found[edge.target])
            if lost:
                found[edge.target] = {k: a for k, a in found[edge.target].items() if k not in lost}
                changed.add(edge.target)
    return found


def _not_carried(edge: Edge, known: Known, wanted: Mapping[Key, Arc]) -> set[Key]:
    """Of the claims at an edge's target those that do not follow at its source."""
    if not wanted:
        return set()
    ranges = Ranges(known, edge.conditions)
    return {
        key
        for key, arc in wanted.items()
        if not arcs.holds(arc, ranges.difference(edge.registers[key[0]], measured_from(key, edge.registers)))
    }


def _proves(analysis: FunctionAnalysis, start: int, run: Run, known: Known) -> bool:
    """Whether what is known at a block places all its accesses, indices and pointers that the analysis could place."""
    everything = analysis.known_at(start)
    sandbox = analysis.context.sandbox
    for one in sensitive(run, sandbox):
        now, before = (Ranges(k, one.conditions).value(one.term) for k in (known, everything))
        if one.fine(before) and not one.fine(now):
            return False
    return True
