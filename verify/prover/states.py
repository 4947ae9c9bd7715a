"""What is known where a block begins, and how it is joined, widened and weakened."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ..kernel import execute
from ..kernel.proof import Fact, Frame
from ..kernel.safety import S
from ..kernel.term import Term
from . import arcs
from .arcs import Arc
from .ranges import ZERO

BASES: dict[str, Term] = {"0": ZERO, "s": S}
REGISTERS = tuple(r for r in range(15) if r != 13)
Key = tuple[int, str, int]  # a register and what it is measured from, as in proof.Fact: base and scale


@dataclass(frozen=True)
class State:
    """SP = s - depth; the slot holds RA; a limit check has granted so much stack; `ra`: registers that hold RA.

    `exactly`: keys of single numbers that do not depend on ranges, so that a run of the block may be made for them.
    In a dynamic `frame` SP = F - depth, where the frame begins at F."""

    depth: int
    slot: bool
    granted: int | None
    ra: frozenset[int]
    known: Mapping[Key, Arc]
    exactly: frozenset[Key] = frozenset()
    frame: Frame | None = None

    def exact(self) -> tuple[Fact, ...]:
        """What the registers are, where that is known."""
        found = [Fact(r, "ra") for r in sorted(self.ra)]
        seen: set[int] = set()
        for key, arc in self.known.items():
            register, base, _ = key
            if key in self.exactly and arc.width == 0 and register not in seen:
                seen.add(register)
                found.append(Fact(register, base, arc.low))
        return tuple(found)

    def exact_part(self) -> object:
        """What a run of the block depends on, tables apart."""
        return self.depth, self.slot, self.granted, self.frame, self.exact()


def join(states: Iterable[State]) -> State:
    """What holds in all of them. Their depths are taken to be equal: the kernel checks that."""
    first, *others = states
    slot, granted, ra, known, exactly = first.slot, first.granted, first.ra, dict(first.known), first.exactly
    frame = first.frame
    for other in others:
        frame = _frame_of_both(frame, other.frame)
        slot = slot and other.slot
        granted = None if granted is None or other.granted is None else min(granted, other.granted)
        ra, exactly = ra & other.ra, exactly & other.exactly
        known = {k: arcs.hull(arc, other.known[k]) for k, arc in known.items() if k in other.known}
    known = {k: arc for k, arc in known.items() if arc.informative}
    exactly = frozenset(k for k in exactly if k in known and known[k].width == 0)
    return State(first.depth, slot, granted, ra, known, exactly, frame)


def _frame_of_both(a: Frame | None, b: Frame | None) -> Frame | None:
    """Whether there is a frame is taken to be the same, like the depth."""
    if a is None or b is None:
        return a
    return Frame(min(a.left, b.left), a.held if a.held == b.held else None)


def widened(old: State, new: State, stops: Mapping[Key, Collection[int]]) -> State:
    """Weaker than both, so that this happens only a few times; `stops` are ends of ranges worth trying."""
    known = {k: arcs.widen(arc, new.known[k], stops.get(k, ())) for k, arc in old.known.items() if k in new.known}
    exactly = frozenset(k for k in new.exactly if k in known and known[k].width == 0)
    return replace(new, known={k: arc for k, arc in known.items() if arc.informative}, exactly=exactly)


def weakened(state: State, edge: State) -> State:
    """The state without what the edge does not establish; itself if that is nothing."""
    known = {k: arc for k, arc in state.known.items() if k in edge.known and arcs.holds(arc, edge.known[k])}
    both = join([state, edge])
    exactly = frozenset(k for k in state.exactly if k in known)
    new = State(state.depth, both.slot, both.granted, both.ra, known, exactly, both.frame)
    return state if new == state else new


@lru_cache(maxsize=1 << 14)
def registers_of(key: Key) -> frozenset[int]:
    register, base, _ = key
    return frozenset((register, *(int(name[1:]) for name in base.split("-") if name not in BASES)))


def measured_from(key: Key, registers: Sequence[Term]) -> Term:
    """The term that the key's register is compared with."""
    _, base, scale = key
    return execute.measured_from(base, scale, registers)


def fact_of(key: Key, arc: Arc) -> Fact:
    """The key's range as a claim."""
    register, base, scale = key
    return Fact(register, base, arc.low, arc.width, min(arc.step, 1 << 31) if arc.width else 1, scale)
