"""Which registers' ranges matter: those that the address of an access or the index of a table is made from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import partial

from ..kernel.policy import Range, Sandbox
from ..kernel.safety import S, read_set, write_set
from ..kernel.term import Term
from .arcs import Arc
from .explore import MAX_ENTRIES, Edge, Run
from .hints import compared_apart, named
from .ranges import Known, Ranges, base_of
from .states import Key, registers_of


def needed(runs: Mapping[int, Run], sandbox: Sandbox, stack: Known, pairs: Collection[Key]) -> dict[int, set[int]]:
    """For each block the registers whose ranges at its start an access or a table jump depends on, there or later."""
    links = [registers_of(key) for key in pairs]
    found = {start: _inside(run, sandbox, stack, links) for start, run in runs.items()}
    before = edges_into(runs)
    todo = [start for start, registers in found.items() if registers]
    while todo:
        target = todo.pop()
        for start, edge in before.get(target, ()):
            terms = [edge.registers[r] for r in found[target]]
            more = _sources(runs[start], terms, edge.conditions, links)
            if not more <= found[start]:
                found[start] |= more
                todo.append(start)
    return found


def edges_into(runs: Mapping[int, Run]) -> dict[int, list[tuple[int, Edge]]]:
    """By target: the edges and the blocks that they leave."""
    found: dict[int, list[tuple[int, Edge]]] = {}
    for start, run in runs.items():
        for edge in run.edges:
            found.setdefault(edge.target, []).append((start, edge))
    return found


def _inside(run: Run, sandbox: Sandbox, stack: Known, links: Iterable[Set[int]]) -> set[int]:
    found: set[int] = set()
    for one in sensitive(run, sandbox):
        if one.always or not one.fine(Ranges(stack).value(one.term)):
            found |= _sources(run, [one.term], one.conditions, links)
    return found


def _sources(run: Run, terms: Iterable[Term], conditions: Iterable[Term], links: Iterable[Set[int]]) -> set[int]:
    """The registers at the block's start that the ranges of `terms` come from, comparisons and pairs included."""
    names = run.names
    found = named(terms, names)
    if not found:
        return found
    joined = [named(pair, names) for pair in compared_apart(conditions)] + [set(link) for link in links]
    grew = True
    while grew:
        grew = False
        for link in joined:
            if link & found and not link <= found:
                found |= link
                grew = True
    return found


@dataclass(frozen=True)
class Sensitive:
    """A term whose range may decide about an obligation, if its arc is `fine`. `always`: the smaller the better."""

    term: Term
    conditions: tuple[Term, ...]
    fine: Callable[[Arc], bool]
    always: bool = False


def sensitive(run: Run, sandbox: Sandbox) -> Iterator[Sensitive]:
    """Where accesses go, indices of tables, and pointers that are called."""
    to_stores, to_loads = write_set(sandbox), read_set(sandbox)
    for a in run.accesses:
        if base_of(a.place)[0] is not S:
            allowed = to_stores if a.store else to_loads
            yield Sensitive(a.place, a.conditions, partial(_is_inside, allowed, a.size))
    yield from (Sensitive(index, conditions, _is_index, always=True) for index, conditions in run.indices)
    yield from (Sensitive(t.value, t.conditions, partial(is_slot, sandbox.slots)) for t in run.targets)


def _is_inside(allowed: Iterable[Range], size: int, arc: Arc) -> bool:
    """Whether `size` bytes anywhere in the arc lie in an allowed range."""
    return not arc.wraps and any(r.covers(arc.low, arc.high + size) for r in allowed)


def _is_index(arc: Arc) -> bool:
    return not arc.wraps and arc.high < MAX_ENTRIES


def is_slot(slots: Range, arc: Arc) -> bool:
    """Whether all in the arc are addresses of slots with Thumb bit."""
    first = arc.low - 1 - slots.start
    return first >= 0 and first % 4 == 0 and arc.step % 4 == 0 and not arc.wraps and arc.high <= slots.end - 3
