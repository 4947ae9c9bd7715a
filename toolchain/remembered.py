"""What the last round of a build decided, for functions that are the same in the next one.

Between two links little changes: the addresses of slots, the stack's size, and with it where return addresses are.
Names must outlive that, too. An item is named by how many there are between it and the function's beginning, those
apart that reach protected words: how many of these there are depends on the stack's size, and what is decided of them
does not. Nothing here is trusted: what is wrong makes the verifier reject the build.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .early import Early
from .pointers import POINTER_CALLS
from .program import Table
from .proved import Apart, Free, Proved
from .shadow import RETURNS
from .stack_need import DYNAMIC

_MOST_CONSTANTS = 1 << 20  # bytes behind the code where constants may be, whose addresses change as the code grows
_MADE_FOR_ADDRESSES = (DYNAMIC, POINTER_CALLS)  # whose constants may differ from round to round
Found = Mapping[int, dict[int, Free | None]]


@dataclass(frozen=True)
class Known:
    """What is known of the current program, `changed` functions apart; in the names that Proved has."""

    found: Found
    apart: Mapping[int, Apart]
    chosen: list[Early]
    changed: frozenset[int]


@dataclass(frozen=True)
class _Function:
    """One function as it was: what its decisions depend on, and these, by its names."""

    shape: Hashable
    found: Mapping[int, Free | None]
    apart: Apart
    chosen: tuple[Early, ...]


@dataclass
class Memory:
    """Of one sandbox; empty before the first round. By function: its start, from the beginning of the code."""

    _circumstances: Hashable = None
    _functions: dict[int, _Function] = field(default_factory=dict)

    def keep(self, first: Proved, best: Proved, chosen: Iterable[Early]) -> None:
        """Remember what was decided: `first` is of the program without early guards, `best` with the chosen ones."""
        names = _Names(first)
        self._circumstances = _circumstances(first)
        self._functions = {}
        for entry, function in first.program.entries.items():
            mine = tuple(early for early in chosen if early.function == function.start)
            place = function.start - first.request.code_start
            remembered = names.told(entry, best.found.get(function.start, {}), best.apart.get(function.start, {}), mine)
            if remembered is not None:
                self._functions[place] = remembered

    def recall(self, first: Proved) -> Known | None:
        """What is remembered that still holds; None if nothing does."""
        if not self._functions or self._circumstances != _circumstances(first):
            return None
        names = _Names(first)
        found: dict[int, dict[int, Free | None]] = {_WORDS: dict.fromkeys(names.words, Free("stores on the stack"))}
        apart: dict[int, Apart] = {}
        chosen: list[Early] = []
        changed = set()
        for entry, function in first.program.entries.items():
            then = self._functions.get(function.start - first.request.code_start)
            if then is None or then.shape != names.shape(entry):
                changed.add(function.start)
                continue
            found[function.start], apart[function.start] = names.recalled(entry, then)
            chosen += [names.early(early, function.start, names.at(entry), -1) for early in then.chosen]
        return Known(found, apart, chosen, frozenset(changed)) if len(changed) < len(first.program.entries) else None


_WORDS = -1  # stands for the function of accesses to protected words


def _circumstances(first: Proved) -> Hashable:
    """What all decisions depend on."""
    r = first.request
    addresses, keeps = first.placed.addresses, first.context.keeps
    kept = tuple((f.start - r.code_start, keeps.get(addresses[n], ())) for n, f in first.program.entries.items())
    slots = first.context.any_slot
    return (
        r.mode, r.confine, r.window_base, r.window_size, r.stack_high, r.room, r.mmio, r.pointers, r.words is None,
        kept, None if slots is None else tuple(slots.keeps),
    )  # fmt: skip


class _Names:
    """Of the items and accesses of a program without early guards: theirs, and those that outlive a round."""

    def __init__(self, first: Proved) -> None:
        self._first = first
        self._program = first.program
        lasting = [n for n, item in enumerate(self._program.items) if item.made_by != RETURNS]
        self._place = {n: i for i, n in enumerate(lasting)}
        self._lasting = lasting
        self._access = {n: k for k, n in enumerate(first.accesses)}
        self.words = [k for n, k in self._access.items() if n not in self._place]

    def at(self, entry: int) -> int:
        """The place of a function's first item among the lasting ones."""
        return next(self._place[n] for n in range(entry, len(self._program.items)) if n in self._place)

    def shape(self, entry: int) -> Hashable:
        """All that decides about a function of its own: its items as far as they are the same in each round."""
        at, start = self.at(entry), self._program.entries[entry].start
        items = sorted(self._first.facts.provable.of_function(entry))
        if any(getattr(self._program.items[n].body, "name", "") == "pop" for n in items if n not in self._place):
            return object()  # a register was spilled, and its value is lost: like no other
        return tuple((self._place[n] - at, *self._item(n, start)) for n in items if n in self._place)

    def _item(self, n: int, start: int) -> tuple[Hashable, ...]:
        item, request = self._program.items[n], self._first.request
        insn = item.insn
        if insn is None:
            return (type(item.body).__name__,)
        if item.made_by in _MADE_FOR_ADDRESSES:
            return item.made_by, insn.name, insn.reads, insn.writes, insn.condition
        table = self._program.items[n + 1].body if insn.kind in ("table", "table_load") else None
        targets = table.targets if isinstance(table, Table) else () if insn.target is None else (insn.target,)
        value = insn.value
        if value is not None and request.code_start <= value < request.code_end + _MOST_CONSTANTS:
            value = -1  # an address of code or constants, or a number, which is what it was
        return item.made_by, insn.raw, insn.condition, value, tuple((t.address - start, t.tag) for t in targets)

    # -- from the names of this round to lasting ones ---------------------------------------------------------------

    def told(
        self, entry: int, found: Mapping[int, Free | None], apart: Apart, chosen: Sequence[Early]
    ) -> _Function | None:
        """The function to remember; None if its early guards stand at items that do not last."""
        places = {n for early in chosen for n in ({n for (n, _), _ in early.guards} | {n for n, _ in early.conditions})}
        if not places <= self._place.keys():
            return None
        at, accesses = self.at(entry), self._first.accesses
        lasting = {k: self._place[accesses[k]] - at for k in found if accesses[k] in self._place}
        return _Function(
            self.shape(entry),
            {lasting[k]: found[k] for k in lasting},
            {(lasting[j], lasting[k]): set(d) for (j, k), d in apart.items() if j in lasting and k in lasting},
            tuple(self.early(early, 0, at, 1) for early in chosen),
        )

    def early(self, early: Early, function: int, at: int, sign: int) -> Early:
        """Early guards with lasting names (sign 1) or those of this round (-1)."""

        def named(n: int) -> int:
            return self._place[n] - at if sign > 0 else self._lasting[n + at]

        guards = frozenset(((named(n), before), register) for (n, before), register in early.guards)
        conditions = frozenset((named(n), condition) for n, condition in early.conditions)
        return Early(guards, frozenset(), conditions, function)

    # -- and back ---------------------------------------------------------------------------------------------------

    def recalled(self, entry: int, then: _Function) -> tuple[dict[int, Free | None], Apart]:
        at = self.at(entry)

        def access(place: int) -> int:
            return self._access[self._lasting[place + at]]

        found = {access(place): free for place, free in then.found.items()}
        return found, {(access(j), access(k)): set(d) for (j, k), d in then.apart.items()}
