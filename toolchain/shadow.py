"""Instruction sequences that reach the protected words, where return addresses are and what SP was before an alloca.

A place (values.py) is an address, or a distance from SP at a function's entry or at the beginning of a dynamic frame;
`depth` says how far SP is below that.
"""

from __future__ import annotations

from dataclasses import replace

from . import asm
from .errors import RingfenceError
from .flow import goes_on
from .insn import LR, PC, SP, Insn, Label
from .program import Body, Program, Word, apply
from .values import Value

RETURNS = "returns"  # what the instructions that save and use return addresses are made by
_WORD = "word"  # tag of labels: the literal with the address of a protected word
_REACH = 4095
_NEAR = 2048  # bytes before guards are put in


def save(place: Value, depth: int, scratch: int | None) -> list[Insn]:
    """Store LR. A place out of reach needs a register: `scratch` is clobbered, with None r0 is spilled."""
    if scratch is None and _is_far(place, depth):
        return [asm.push([0]), *save(place, depth + 4, 0), asm.pop([0])]
    return store(LR, place, depth, LR if scratch is None else scratch)


def load(register: int, place: Value, depth: int, through: int = LR) -> list[Insn]:
    """Load a register; `through` serves as the address register, if one is needed."""
    return _transfer("ldr", register, place, depth, through)


def store(register: int, place: Value, depth: int, scratch: int) -> list[Insn]:
    """Store a register; `scratch` is clobbered, if an address register is needed."""
    return _transfer("str", register, place, depth, scratch)


def return_to(place: Value) -> list[Insn]:
    """Return to the address at the place; SP is what it was at entry."""
    return load(PC, place, 0)


def _is_far(place: Value, depth: int) -> bool:
    return place.kind == "const" or place.number + depth > _REACH


def _transfer(name: str, register: int, place: Value, depth: int, through: int) -> list[Insn]:
    if not _is_far(place, depth):
        return [asm.transfer(name, register, SP, place.number + depth)]
    if place.kind == "const":
        literal = asm.load_literal(through, Label(place.number, _WORD), place.number)
        return [literal, asm.transfer(name, register, through, 0)]
    offset = place.number + depth
    high, low = offset & ~0xFFF, offset & 0xFFF
    if not asm.add_constant_fits(high):
        raise RingfenceError(
            f"the shadow stack is {offset:#x} bytes from SP: too far", "make the sandbox's stack smaller"
        )
    return [asm.add_constant(through, SP, high), asm.transfer(name, register, through, low)]


def place_literals(program: Program) -> Program:
    """Put the addresses of protected words into the code: behind the next place where control does not go on, unless
    the last one is near. (From further away than a literal can be, layout forms the address.)"""
    edits: dict[int, list[Body | Label]] = {}
    last: dict[int, tuple[Label, int]] = {}  # by address: the literal, and where it is
    waiting: dict[int, Label] = {}
    at = 0
    for n, item in enumerate(program.items):
        at += len(item.insn.raw) if item.insn is not None else 4
        insn = item.insn
        if insn is not None and insn.target is not None and insn.target.tag == _WORD:
            address = insn.target.address
            known, where = last.get(address, (None, -_NEAR))
            label = known if known is not None and at - where < _NEAR else waiting.get(address)
            if label is None:
                label = waiting[address] = Label(item.origin, f"{_WORD} {address:#x}")
            edits[n] = [replace(insn, target=label)]
        if waiting and (_ends(program, n) or n == len(program.items) - 1):
            edits.setdefault(n, [item.body])
            for address, label in waiting.items():
                edits[n] += [label, Word(address)]
                last[address] = label, at
            waiting = {}
    return apply(program, edits, RETURNS)


def _ends(program: Program, n: int) -> bool:
    """Whether control never goes on behind item n, and a literal may stand there."""
    insn = program.items[n].insn
    return insn is not None and not goes_on(insn) and insn.kind not in ("table", "table_load")
