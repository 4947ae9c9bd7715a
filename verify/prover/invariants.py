"""Finds the invariants and stack needs that a certificate claims of a sandbox.

Untrusted: a wrong invariant makes the kernel reject, never accept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from ..kernel.execute import Context
from ..kernel.image import Image
from ..kernel.policy import Sandbox
from ..kernel.proof import SandboxProof
from .analysis import FunctionAnalysis
from .claims import Explored, explored
from .effects import kept_registers
from .explore import SLOTS
from .parallel import forked_map

Callees = Callable[[int], Iterable[tuple[int, int]]]  # (depth, callee) of a function's calls


def find_invariants(sandbox: Sandbox, image: Image, functions: Iterable[int], jobs: int = 1) -> SandboxProof:
    """The proof to try. `functions`: start addresses known from symbols, without Thumb bit (may be empty)."""
    known = sorted({f for f in functions if sandbox.code.covers(f, f + 2)})
    slots = range(sandbox.slots.start, sandbox.slots.end, 4)
    starts = {e.address for e in sandbox.entries} | set(slots)
    needs = dict.fromkeys(known, 0) | dict.fromkeys(starts, 0)
    keeps = dict(kept_registers(Context(sandbox, image, needs), needs)) if known else {}
    while True:
        found = _explore(Context(sandbox, image, needs, keeps), starts, known, jobs)
        fewer = {entry: one.keeps for entry, one in found.items() if set(one.keeps) != set(keeps.get(entry, ()))}
        if not fewer:
            break
        keeps |= fewer  # what a function keeps was guessed from its instructions alone
    stack, ranks = _needs(found, sandbox), _ranks(found, slots)
    return SandboxProof({entry: one.function(stack[entry], ranks[entry]) for entry, one in found.items()})


def _explore(context: Context, starts: Collection[int], known: Collection[int], jobs: int) -> dict[int, Explored]:
    """What is found of the functions that begin at `starts`, and of those that they lead to."""

    def explore(entry: int) -> Explored:
        return explored(FunctionAnalysis(context, entry, bool(known)))

    found: dict[int, Explored] = {}
    if known and jobs > 1:
        first = sorted({*starts, *known})
        found = dict(zip(first, forked_map(explore, first, jobs), strict=True))
    wanted: set[int] = set()
    todo = sorted(starts)
    while todo:
        entry = todo.pop()
        if entry in wanted:
            continue
        wanted.add(entry)
        if entry not in found:
            found[entry] = explore(entry)
        todo.extend(sorted(found[entry].callees - {SLOTS}))
    return {entry: found[entry] for entry in sorted(wanted)}


def _ranks(found: Mapping[int, Explored], slots: Iterable[int]) -> dict[int, int]:
    """A function with a word has that word's rank, the others the highest of what they call or go on in."""
    ranks = {entry: one.rank for entry, one in found.items()}
    changed = any(ranks.values())
    while changed:
        changed = False
        for entry, one in found.items():
            callees = (*(one.callees - {SLOTS}), *(slots if SLOTS in one.callees else ()))
            below = max((ranks[c] for c in callees), default=0)
            if not one.rank and below > ranks[entry]:
                ranks[entry], changed = below, True
    return ranks


def _needs(found: Mapping[int, Explored], sandbox: Sandbox) -> dict[int, int]:
    """Stack need per function, over the call graph without calls made under a limit check.

    A cycle that no check breaks gets what the whole stack offers: the kernel then names the call that does not fit.
    """
    whole = sandbox.stack.end - sandbox.stack.start - sandbox.room
    slots = range(sandbox.slots.start, sandbox.slots.end, 4)
    needs: dict[int, int] = {}

    def callees(entry: int) -> Iterable[tuple[int, int]]:
        for depth, callee in found[entry].calls:
            if (depth, callee) == (0, entry):
                continue  # a loop back to the start of the function
            yield from ((depth, s) for s in slots) if callee == SLOTS else ((depth, callee),)

    for entry in _callees_first(found, callees):
        below = [depth + needs.get(c, whole) for depth, c in callees(entry)]
        needs[entry] = min(max([found[entry].deepest, *below]), whole)
    return needs


def _callees_first(found: Mapping[int, Explored], callees: Callees) -> list[int]:
    order: list[int] = []
    seen: set[int] = set()
    for root in found:
        stack: list[tuple[int, bool]] = [(root, False)]
        while stack:
            entry, done = stack.pop()
            if done:
                order.append(entry)
            elif entry not in seen:
                seen.add(entry)
                stack.append((entry, True))
                stack.extend((c, False) for _, c in callees(entry) if c in found and c not in seen)
    return order
