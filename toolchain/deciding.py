"""Which accesses get guards, and where guards run once for several: at the beginnings of functions and before loops.

What can be proved is for proved.py to say; here guards are tried early, and kept where they serve. In a later round of
a build the decisions of the last one are taken over for functions that are the same (remembered.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .checks import window_bits
from .early import Early
from .guards import force_bits
from .insn import Insn, Label
from .program import Body, Program, apply
from .proved import EARLY, Free, Proved, accesses_of
from .remembered import Memory
from .request import RewriteRequest


@dataclass(frozen=True)
class Decided:
    """The program, with guards put early where they serve (early.py), and what is decided of the accesses in it, by
    item: why no guard is needed, or None. Those that control does not reach are left out. `apart`: how many bytes the
    second of two that need guards begins behind the first."""

    program: Program
    free: Mapping[int, Free | None]
    apart: Mapping[tuple[int, int], int]


Solved = tuple[Proved, list[Early]]  # all that is known, with these early guards


def free_stores(program: Program, request: RewriteRequest) -> Decided:
    first = Proved(program, request, _likely(program, request))
    memory = request.memory
    solved = None if memory is None else _again(program, request, first, memory)
    if solved is None:
        first.solve(entries_first=True)
        solved = _at_entries(program, request, first)
    best, chosen = solved
    if memory is not None:
        memory.keep(first, best, chosen)
    free, apart = best.decided()
    return Decided(best.program, free, apart)


def _again(program: Program, request: RewriteRequest, first: Proved, memory: Memory) -> Solved | None:
    """With what the last round decided, where that can be told; what is new is looked at alone."""
    known = memory.recall(first)
    if known is None:
        return None
    best = Proved(with_early(program, request, known.chosen), request, first.likely)
    best.know(known.found, known.apart)
    best.solve(known.changed)
    return best, known.chosen


def _at_entries(program: Program, request: RewriteRequest, first: Proved) -> Solved:
    chosen = first.at_entry
    if not chosen:
        return _before_loops(program, request, [], first)
    second = Proved(with_early(program, request, chosen), request, first.likely)
    second.take_over(first, {early.function for early in chosen})
    return _before_loops(program, request, chosen, second)


def _before_loops(program: Program, request: RewriteRequest, always: list[Early], first: Proved) -> Solved:
    """Tries guards before loops, drops those that do not serve, and tries again. `first` knows of those of `always`."""
    guarded = first.guarded()
    chosen = [early for early in first.before_loops if early.serves & guarded]
    last, tried = first, dict[int, list[Early]]()
    while chosen:
        hoped = {access for early in chosen for access in early.serves}
        best = Proved(with_early(program, request, [*always, *chosen]), request, guarded - hoped)
        trying = {f: [early for early in chosen if early.function == f] for f in {early.function for early in chosen}}
        changed = {f for f, mine in trying.items() if tried.get(f) != mine}
        best.know({f: (last if f in trying else first).found[f] for f in first.found if f not in changed},
                  {f: (last if f in trying else first).apart[f] for f in first.apart if f not in changed})  # fmt: skip
        best.solve(changed)
        last, tried = best, trying
        useless = [early for early in chosen if early.serves & guarded <= best.guarded()]
        if not useless:
            return best, [*always, *chosen]
        kept = [early for early in chosen if early not in useless]
        chosen = kept + [early.otherwise for early in useless if early.otherwise is not None]
    return first, always


def with_early(program: Program, request: RewriteRequest, chosen: Iterable[Early]) -> Program:
    """The program with these guards and conditions; their items are the program's."""
    before: dict[int, list[int]] = {}
    behind: dict[int, list[int]] = {}
    conditions: dict[int, int] = {}
    for early in chosen:
        conditions |= dict(early.conditions)
        for (n, is_before), register in sorted(early.guards):
            registers = (before if is_before else behind).setdefault(n, [])
            if register not in registers:
                registers.append(register)
    edits: dict[int, list[Body | Label]] = {}
    for n in before.keys() | behind.keys() | conditions.keys():
        item = program.items[n]
        body = item.insn.under(conditions[n]) if item.insn is not None and n in conditions else item.body
        edits[n] = [*_guards(request, before.get(n, ())), body, *_guards(request, behind.get(n, ()))]
    return apply(program, edits, EARLY)


def _guards(request: RewriteRequest, registers: Iterable[int]) -> Iterator[Insn]:
    for register in registers:
        yield from force_bits(register, *window_bits(request))


def _likely(program: Program, request: RewriteRequest) -> frozenset[int]:
    """The accesses that needed guards in an earlier round, as their numbers. What was put in beside them is not meant:
    it has their origin, and may be the store to the return slot."""
    origins = {origin + request.code_start for origin in request.guarded}
    items = ((k, program.items[n]) for k, n in enumerate(accesses_of(program, request)))
    return frozenset(k for k, item in items if item.origin in origins and not item.made_by)
