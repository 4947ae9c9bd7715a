"""Guards that can run once before a loop instead of in every round.

A guard on a register moves to the edges into a loop if the loop does not change the register, and if every way through
the loop's head comes to an access that needs the guard before it leaves the loop or begins another round: a correct
program's register then points into the window already, so forcing it there changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ringfence.verify.prover.analysis import ENTRY, FunctionAnalysis
from ringfence.verify.prover.explore import Access, Edge, Run
from ringfence.verify.prover.needed import edges_into
from ringfence.verify.prover.ranges import base_of

from .layout import Placed

Sites = set[tuple[int, bool]]  # (item, True: before it; False: behind it)


class Loops:
    """The natural loops of a function: `bodies` by head, blocks by their start."""

    def __init__(self, analysis: FunctionAnalysis) -> None:
        self._runs: dict[int, Run] = {start: run for start, _, run in analysis.reached()}
        self._into = edges_into(self._runs)
        self.dominators = dominators(analysis)
        self.bodies = self._find()

    def _find(self) -> dict[int, set[int]]:
        bodies: dict[int, set[int]] = {}
        for start, run in self._runs.items():
            for edge in run.edges:
                if edge.target in self.dominators[start]:
                    bodies.setdefault(edge.target, {edge.target}).update(self._reaching(start, edge.target))
        return bodies

    def _reaching(self, latch: int, head: int) -> set[int]:
        """Blocks from which `latch` is reached without passing `head`."""
        found, todo = {head}, [latch]
        while todo:
            block = todo.pop()
            if block not in found:
                found.add(block)
                todo.extend(source for source, _ in self._into.get(block, ()))
        return found

    def outermost(self, block: int, access: Access, register: int) -> int | None:
        """The head of the largest loop out of which a guard of `register` for the access can be moved."""
        around = [h for h, body in self.bodies.items() if block in body and h != ENTRY]
        around.sort(key=lambda head: len(self.bodies[head]), reverse=True)
        return next((h for h in around if self._may_leave(h, block, access, register)), None)

    def _may_leave(self, head: int, block: int, access: Access, register: int) -> bool:
        """No edge leaves the access's block before it, so that whoever passes the block passes the access."""
        body, entered = self.bodies[head], self._runs[block].entered[register]
        if not access.always or access.behind or base_of(access.place)[0] is not base_of(entered)[0]:
            return False
        for start in body:
            run, passed = self._runs[start], block in self.dominators[start]
            for edge in run.edges:
                stays = edge.target in body
                if stays and edge.registers[register] is not run.entered[register]:
                    return False
                if (not stays or edge.target == head) and not passed:
                    return False
            if run.leaving and not passed:
                return False
        return True

    def entering(self, head: int) -> Iterator[Edge]:
        """The edges into a loop from outside."""
        for source, edge in self._into[head]:
            if source not in self.bodies[head]:
                yield edge


def dominators(analysis: FunctionAnalysis) -> dict[int, set[int]]:
    """For each block those that every path to it goes through, itself included."""
    runs = {start: run for start, _, run in analysis.reached()}
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


def before_loops(
    analysis: FunctionAnalysis, placed: Placed, open_ones: Iterable[tuple[int, Access]], registers: Mapping[int, int]
) -> tuple[dict[tuple[int, bool], set[int]], set[int]]:
    """Where guards can run before a loop, as (item, before it or behind it) and the registers to guard; and for which
    accesses, by address.

    `open_ones`: accesses that need a guard, with their blocks; `registers`: what to guard, by the access's address.
    """
    if not registers:
        return {}, set()
    loops = Loops(analysis)
    found: dict[tuple[int, bool], set[int]] = {}
    served: set[int] = set()
    for block, access in open_ones:
        register = registers.get(access.address)
        head = None if register is None else loops.outermost(block, access, register)
        sites = None if head is None else _sites(loops, placed, head)
        if register is not None and sites:
            for site in sites:
                found.setdefault(site, set()).add(register)
            served.add(access.address)
    return found, served


def _sites(loops: Loops, placed: Placed, head: int) -> Sites | None:
    """Where to put what shall run on every way into the loop, and on no other; None if there is no such place."""
    items = {address: n for n, address in enumerate(placed.addresses)}
    sites: Sites = set()
    for edge in loops.entering(head):
        if edge.source == edge.target:
            sites.add((items[head] - 1, False))
            continue
        n = items.get(edge.source)
        insn = None if n is None else placed.program.items[n].insn
        if n is None or insn is None or insn.kind != "branch" or insn.conditional:
            return None
        sites.add((n, True))
    return sites
