"""Which registers a function and all that it calls never write, from its instructions alone.

Callers then know of them after the call what they knew before. The kernel checks it while it runs the function.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ..kernel.execute import Context
from ..kernel.isa.decode import Refused, decode
from ..kernel.policy import Range, Sandbox
from ..kernel.term import Term, split, var

_REGISTERS = frozenset(range(13))
_STACK, _LINK = 13, 14
_AT_SP, _AT_LINK = "at_sp", "at_link"
_POINTERS = frozenset(f"r{number}" for number in _REGISTERS)


@dataclass
class Effects:
    """`callees`: entries of functions that it calls or goes on in; `pointers`: whether it does that through the pointer
    table, too; `known`: whether that is all it does."""

    written: set[int] = field(default_factory=set)
    callees: set[int] = field(default_factory=set)
    pointers: bool = False
    known: bool = True


@dataclass
class _Step:
    """What one instruction does, as a Machine (isa/machine.py) that knows no values. Distances count from its address.

    `ends`: control does not go on behind it; `slot`: where, measured from SP, it gets the address that it goes on at;
    `conditional`: how many instructions behind it are conditional."""

    pc: int = 0
    next_pc: int = 0
    written: set[int] = field(default_factory=set)
    jumps: list[int] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    ends: bool = False
    pointers: bool = False
    known: bool = True
    slot: int | None = None
    conditional: int = 0

    def reg(self, number: int) -> Term:
        return var(f"r{number}")

    def set_reg(self, number: int, value: Term) -> None:
        self.written.add(number)

    def flag(self, name: str) -> Term:
        return var(name, 1)

    def set_flags(self, n: Term | None = None, z: Term | None = None, c: Term | None = None,
                  v: Term | None = None) -> None:  # fmt: skip
        pass

    def load(self, address: Term, size: int) -> Term:
        base, distance = split(address)
        if base is var(f"r{_STACK}") and size == 4:
            return var(f"{_AT_SP}{distance}")
        return var(f"{_AT_LINK if base is var(f'r{_LINK}') else 'loaded'}{size}", 8 * size)

    def store(self, address: Term, size: int, value: Term) -> None:
        pass

    def unknown(self, width: int = 32) -> Term:
        return var(f"unknown{width}", width)

    def begin_it(self, condition: int, mask: int) -> None:
        self.conditional = 4 - (mask & -mask).bit_length() + 1

    def jump(self, target: int, condition: Term | None = None) -> None:
        self.jumps.append(target)
        self.ends = condition is None

    def jump_value(self, value: Term) -> None:
        """A return by LR, or from a slot that is far from SP or reached over LR; through the pointer table by another
        register; anything else may lead anywhere."""
        self.ends = True
        name = value.args[0] if value.op == "var" else ""
        if name.startswith(_AT_SP):
            self.slot = int(name.removeprefix(_AT_SP))
        elif name in _POINTERS:
            self.pointers = True
        else:
            self.known = name in (f"r{_LINK}", f"{_AT_LINK}4")

    def jump_table(self, base: Term, index: Term, entry_size: int) -> None:
        self.ends, self.known = True, False

    def call(self, target: int) -> None:
        self.calls.append(target)

    def call_value(self, value: Term) -> None:
        self.pointers = True

    def trap(self) -> None:
        self.ends = True


_BASE = 1 << 20  # instructions are looked at as if they were here


@lru_cache(maxsize=1 << 14)
def _step(code: bytes) -> _Step | None:
    """What the instruction does; None if there is none."""
    try:
        instruction = decode(code, 0)
        step = _Step(_BASE, _BASE + instruction.size)
        instruction.execute(step, False)
    except Refused:
        return None
    return step


def effects_of(context: Context, entry: int, starts: Iterable[int]) -> Effects:
    """Follows the function's instructions; what begins another function at one of `starts` is called, not followed."""
    found, seen, todo = Effects(), set[int](), [entry]
    others = set(starts) - {entry}
    while todo:
        pc, conditional = todo.pop(), 0  # how many instructions of an IT block are still to come
        while pc not in seen:
            seen.add(pc)
            step = _step(context.code(pc, 4) or context.code(pc, 2) or b"")
            if step is None:
                return Effects(known=False)
            found.written |= step.written
            found.pointers |= step.pointers
            found.known &= step.known and step.slot in (None, _slot(context.sandbox))
            for target in (pc + to - _BASE for to in (*step.jumps, *step.calls)):
                if target in others:
                    found.callees.add(target)
                else:
                    todo.append(target)
            if step.ends and not conditional:
                break
            conditional = step.conditional or max(conditional - 1, 0)
            pc += step.next_pc - _BASE
    return found


def _slot(sandbox: Sandbox) -> int | None:
    """Where the return slot is from SP; None where it is a word of a rank."""
    return None if isinstance(sandbox.shadow_place, Range) else sandbox.shadow_place - 4


def kept_registers(context: Context, starts: Iterable[int]) -> Mapping[int, tuple[int, ...]]:
    """For each function that begins at one of `starts` the registers that it keeps.

    Whatever is called through a pointer is taken to be any slot of the pointer table."""
    begins = set(starts)
    slots = set(range(context.sandbox.slots.start, context.sandbox.slots.end, 4))
    effects = {entry: effects_of(context, entry, begins) for entry in begins}
    kept = {entry: _REGISTERS - e.written if e.known else frozenset[int]() for entry, e in effects.items()}
    changed = True
    while changed:
        changed = False
        by_slots = _REGISTERS.intersection(*(kept.get(slot, frozenset()) for slot in slots))
        for entry, e in effects.items():
            less = kept[entry].intersection(*(kept.get(callee, frozenset()) for callee in e.callees))
            less &= by_slots if e.pointers else _REGISTERS
            if less != kept[entry]:
                kept[entry], changed = less, True
    return {entry: tuple(sorted(registers)) for entry, registers in kept.items() if registers}
