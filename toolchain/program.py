"""A sandbox's code as frozen data: items in memory order, edited by passes, never in place.

IT instructions are not items: a conditional instruction carries its condition, and layout makes the IT blocks anew.
Edits replace items by sequences; the labels of a replaced item move to the first instruction of its replacement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from .errors import RingfenceError
from .insn import Insn, Label

SLOT_BYTES = 4
SLOT = "slot"  # tag of a label that stands for the slot of the function or import at its address


@dataclass(frozen=True)
class Word:
    """A literal: a known word, or the address of a place in the code that moves."""

    value: int
    label: Label | None = None


@dataclass(frozen=True)
class Table:
    """A jump table; width 1 (tbb) and 2 (tbh) hold halved distances from its start, 4 addresses with Thumb bit.

    `by_compare`: a compare before the jump says how many entries there are; the table may really be longer.
    """

    width: int
    targets: tuple[Label, ...]
    by_compare: bool = False


@dataclass(frozen=True)
class Bytes:
    """Constants in the code of any other size."""

    data: bytes


Body = Insn | Word | Table | Bytes


@dataclass(frozen=True)
class Item:
    """One instruction or piece of data; `origin` is the original address of what it was made from."""

    body: Body
    origin: int
    labels: tuple[Label, ...] = ()
    made_by: str = ""  # what the instruction is for, if it was not in the original code
    handled: str = ""  # a store or confined load: that it is guarded, or why it needs no guard
    insn: Insn | None = field(init=False, repr=False, compare=False)  # the body, if it is an instruction

    def __post_init__(self) -> None:
        object.__setattr__(self, "insn", self.body if isinstance(self.body, Insn) else None)


@dataclass(frozen=True)
class Function:
    """A function of the original image: where it begins and ends (exclusive; its literals included)."""

    name: str
    start: int
    end: int

    @property
    def label(self) -> Label:
        return Label(self.start)


@dataclass(frozen=True)
class Standing:
    """A function that stands in the slot table itself: its code, and what its instructions were made from."""

    code: bytes
    origins: tuple[tuple[int, int], ...]  # (distance from its start, original address)


@dataclass(frozen=True)
class Program:
    """One sandbox's code. `functions` is sorted by start; `slots` are the targets of the slot table, in order; those in
    `standing` stand there themselves, the others are branched to. `ranks` (ranks.py) are by start of function, empty
    where there is a shadow stack."""

    sandbox: str
    items: tuple[Item, ...]
    functions: tuple[Function, ...]
    slots: tuple[Label, ...]
    exports: Mapping[str, Label]
    imports: Mapping[int, str]  # address without Thumb bit: name
    standing: Mapping[Label, Standing] = field(default_factory=dict)
    ranks: Mapping[int, int] = field(default_factory=dict)

    @cached_property
    def slot_offsets(self) -> dict[Label, int]:
        """Where in the slot table each of its targets is, in bytes."""
        offsets: dict[Label, int] = {}
        end = 0
        for label in self.slots:
            offsets[label] = end
            end += len(self.standing[label].code) if label in self.standing else SLOT_BYTES
        return offsets

    @property
    def slot_table_bytes(self) -> int:
        """What of the slot table is used."""
        return sum(len(self.standing[s].code) if s in self.standing else SLOT_BYTES for s in self.slots)

    @cached_property
    def index(self) -> dict[Label, int]:
        """Where each label is."""
        return {label: n for n, item in enumerate(self.items) for label in item.labels}

    @cached_property
    def joins(self) -> frozenset[int]:
        """Indices that control can reach other than from the item before: targets of branches, tables and pointers."""
        used = [*self.slots, *self.exports.values(), *(f.label for f in self.functions)]
        for item in self.items:
            if isinstance(item.body, Table):
                used += item.body.targets
            elif isinstance(item.body, Insn) and item.body.target is not None:
                used.append(item.body.target)
        return frozenset(self.index[label] for label in used if label in self.index)

    @cached_property
    def entries(self) -> dict[int, Function]:
        """Item index: the function that begins there; functions that nothing reaches are not in the program."""
        return {self.index[f.label]: f for f in self.functions if f.label in self.index}

    @cached_property
    def pointed_at(self) -> frozenset[int]:
        """Indices of functions that can be called through a pointer or from outside."""
        labels = [*self.slots, *self.exports.values()]
        return frozenset(self.index[label] for label in labels if label in self.index)

    def where(self, n: int) -> str:
        """For messages: the original address and function of item n."""
        return place(self.functions, self.items[n].origin)


def place(functions: Sequence[Function], address: int) -> str:
    """An address as `0x00010204 (in decode)`."""
    for function in reversed(functions):
        if function.start <= address < function.end:
            return f"{address:#010x} (in {function.name})"
    return f"{address:#010x}"


class Refused(RingfenceError):
    """Something at an original address of the sandbox's code is refused; the message names the function."""

    def __init__(self, address: int, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.address = address


class NotSupported(Refused):
    """Code that cannot be sandboxed, or not yet; the message names the instruction and the function."""

    def __init__(self, program: Program, n: int, why: str, hint: str | None = None) -> None:
        message = f"sandbox {program.sandbox}: {program.where(n)}: '{program.items[n].body}': {why}"
        super().__init__(program.items[n].origin, message, hint)


Edits = Mapping[int, Sequence[Body | Label]]


def apply(
    program: Program, edits: Edits, made_by: str | Mapping[int, str], handled: Mapping[int, str] | None = None
) -> Program:
    """Replace items by index. A Label in a replacement names the instruction that comes next.

    `made_by` says what the new instructions are for, of all or by index; the one that stands for the replaced one keeps
    its own. `handled` notes for stores and confined loads, by index, what was done about them."""
    handled = handled or {}
    if not edits and not handled:
        return program
    items: list[Item] = []
    pending: tuple[Label, ...] = ()
    for n, item in enumerate(program.items):
        pieces: Sequence[Body | Label] = edits.get(n, (item.body,))
        stands_for = _stands_for(item.body, pieces)
        purpose = made_by if isinstance(made_by, str) else made_by.get(n, "")
        pending += item.labels
        for k, piece in enumerate(pieces):
            if isinstance(piece, Label):
                pending += (piece,)
            else:
                if k == stands_for:
                    note = handled.get(n, item.handled)
                    items.append(Item(piece, item.origin, pending, item.made_by, note))
                else:
                    items.append(Item(piece, item.origin, pending, purpose))
                pending = ()
    if pending:
        raise ValueError("labels at the end of the program")
    return replace(program, items=tuple(items))


def _stands_for(body: Body, pieces: Sequence[Body | Label]) -> int:
    """Which piece does what the replaced item did: itself, else the last of its name, else the last of all."""
    for n, piece in enumerate(pieces):
        if piece is body:
            return n
    bodies = [n for n, piece in enumerate(pieces) if not isinstance(piece, Label)]
    if isinstance(body, Insn):
        same = [n for n in bodies if getattr(pieces[n], "name", "") == body.name]
        bodies = same or bodies
    return bodies[-1] if bodies else -1
