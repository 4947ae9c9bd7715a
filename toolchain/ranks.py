"""Ranks of functions, where return addresses are kept in one protected word for each rank instead of a shadow stack.

A function keeps its return address in the word of its rank (and what SP was before an alloca in the one below).
What it calls has a lower rank, so the word is still what it was when the call comes back. That needs a program whose
calls never lead back to a function that is still active; the verifier checks it again, call by call.
"""

from __future__ import annotations

from collections.abc import Mapping

from .analysis import Analysis
from .flow import CALLS
from .graphs import components
from .insn import LR, Insn, bit
from .program import NotSupported
from .saving import saves_link
from .stack_need import callees
from .values import State


def rank_functions(facts: Analysis) -> dict[int, int]:
    """By start of function. Functions that share code, or go on in one another, may have the same rank. Raises
    NotSupported where a call may lead back."""
    entries, states = facts.program.entries, facts.trusting.of_function
    calls = {entry: _callees(facts, states(entry), called=True) for entry in entries}
    onward = {entry: _callees(facts, states(entry), called=False) for entry in entries}
    for one, other in _sharing(facts):
        onward[one].add(other)
        onward[other].add(one)
    ranks: dict[int, int] = {}
    for component in components({entry: calls[entry] | onward[entry] for entry in entries}):
        inside = set(component)
        for entry in component:
            if calls[entry] & inside:
                raise _reentered(facts, entry, inside)
        below = [ranks[c] for entry in component for c in onward[entry] - inside]
        under = [ranks[c] for entry in component for c in calls[entry]]
        words = max(_words(facts, entry) for entry in component)
        ranks |= dict.fromkeys(component, max([*below, max(under, default=0) + words]))
    return {function.start: ranks[entry] for entry, function in entries.items()}


def _callees(facts: Analysis, states: Mapping[int, State], called: bool) -> set[int]:
    """Entries of the functions that are called, or that control goes on in for good."""
    items = ((n, state) for n, state in states.items() if _is_call(facts, n) == called)
    return {callee for n, state in items for callee in callees(facts, n, state)}


def _is_call(facts: Analysis, n: int) -> bool:
    insn = facts.program.items[n].insn
    return insn is not None and insn.kind in CALLS


def _sharing(facts: Analysis) -> set[tuple[int, int]]:
    """Pairs of functions that have code in common."""
    owner: dict[int, int] = {}
    found = set()
    for entry in facts.program.entries:
        for n in facts.trusting.of_function(entry):
            first = owner.setdefault(n, entry)
            if first != entry:
                found.add((first, entry))
    return found


def _words(facts: Analysis, entry: int) -> int:
    """How many words the function may use itself: one if it saves or loses LR, two if the size of its stack frame is
    not known either."""
    states = facts.trusting.of_function(entry)
    if any(state.depth is None for state in states.values()):
        return 2
    return int(any(_touches_link(facts.program.items[n].insn, state) for n, state in states.items()))


def _touches_link(insn: Insn | None, state: State) -> bool:
    return insn is not None and bool(insn.kind in CALLS or insn.writes & bit(LR) or saves_link(insn, state))


def _reentered(facts: Analysis, entry: int, inside: set[int]) -> NotSupported:
    """The first call of the function that may lead back to it."""
    states = facts.trusting.of_function(entry)
    n = min(n for n, state in states.items() if _is_call(facts, n) and inside.intersection(callees(facts, n, state)))
    names = sorted(facts.program.entries[e].name for e in inside)
    what = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    why = f"this call may lead back to the function while it is active ({what}; calls through pointers may call any " \
          "function whose address is taken), and its return address has only one word"
    return NotSupported(facts.program, n, why, 'use shadow="stack" for this sandbox')
