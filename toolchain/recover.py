"""A linked sandbox to a `Program`: what follow.py found, in order, with its references from outside.

Everything is followed from the exports and from the functions whose address is taken; code that nothing reaches is
left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .asm import movt, movw, trap
from .codemap import CodeMap
from .elffile import STT_FUNC, LinkedElf
from .errors import RingfenceError
from .follow import POINTERS, Recovery
from .insn import Insn, Label
from .program import SLOT, Body, Item, Program, Word
from .request import RewriteRequest
from .slots import with_standing

UNREACHABLE = 0xF0  # trap number, see toolchain/runtime/ringfence.h


@dataclass(frozen=True)
class Recovered:
    """`pointers`: words in the sandbox's data and constants that hold addresses in its code (label with tag SLOT: of
    a slot); `entries`: words of the host that hold the address of an export. Both {address of the word: target}."""

    program: Program
    pointers: dict[int, Label]
    entries: dict[int, Label]


def recover(elf: LinkedElf, request: RewriteRequest) -> Recovered:
    """Lift one sandbox. Raises RingfenceError for what is not supported, naming the instruction."""
    where = CodeMap(elf, request)
    work = Recovery(where)
    entries = _host_references(where)
    pointers = {}
    for relocation in where.relocations.values():
        if not where.in_code(relocation.address) and relocation.kind in POINTERS:
            target = work.pointer(relocation, elf.word(relocation.address))
            if target is not None:
                pointers[relocation.address] = target
    work.follow(_export(where, name, address) for name, address in request.exports.items())
    program = Program(
        sandbox=request.name,
        items=tuple(_items(where, work)),
        functions=where.functions,
        slots=tuple(map(Label, sorted(work.taken))),
        exports={name: Label(address & ~1) for name, address in request.exports.items()},
        imports=where.imports,
    )
    program = with_standing(program, request, [label for label in pointers.values() if label.tag != SLOT], work.halves)
    _point_to_slots(work, request, program)
    kept = {item.origin for item in program.items}
    program = replace(program, items=tuple(item for item in _items(where, work) if item.origin in kept))
    return Recovered(program, pointers, entries)


def _point_to_slots(work: Recovery, request: RewriteRequest, program: Program) -> None:
    """Literals and movw/movt pairs that hold a function's address hold that of its slot from now on."""
    for where, word in work.words.items():
        if word.label is not None and word.label.tag == SLOT:
            work.words[where] = Word(slot_address(request, program, word.label) | 1)
    for where, label in work.halves.items():
        insn, value = work.insns[where], slot_address(request, program, label) | 1
        register = insn.operands[0].register
        made = movt(register, value >> 16) if insn.name == "movt" else movw(register, value & 0xFFFF)
        work.insns[where] = made.under(insn.condition)


def slot_address(request: RewriteRequest, program: Program, target: Label) -> int:
    """Where the slot of a function or import is, without Thumb bit."""
    return request.slots_start + program.slot_offsets[Label(target.address)]


def _export(where: CodeMap, name: str, address: int) -> int:
    if not address & 1 or address & ~1 not in where.starts:
        raise RingfenceError(
            f"sandbox {where.request.name}: export {name} at {address:#010x} is not a function of its code"
        )
    return address & ~1


def _host_references(where: CodeMap) -> dict[int, Label]:
    """The host's words that hold entries; any other reference from the host into the sandbox's code is refused."""
    entries = {}
    elf, request = where.elf, where.request
    for relocation in elf.relocations:
        symbol = relocation.symbol
        if relocation.section in where.own or relocation.kind == "NONE" or not where.in_code(symbol.value & ~1):
            continue
        if symbol.name.startswith("__rf_") and symbol.kind != STT_FUNC:
            continue  # the linker script's bounds of a sandbox; one may end where another's code starts
        value = elf.word(relocation.address) if relocation.kind in POINTERS else 0
        if value not in request.exports.values():
            raise RingfenceError(
                f"the host refers to '{symbol.name}' inside sandbox {request.name} at {relocation.address:#010x}",
                "call a sandbox only through its gates",
            )
        entries[relocation.address] = Label(value & ~1)
    return entries


def _items(where: CodeMap, work: Recovery) -> Iterator[Item]:
    """Everything that was found, in the order of the original addresses."""
    pieces: dict[int, Body] = {**work.blobs, **work.words, **work.tables, **work.insns}
    used = 0
    for address in sorted(pieces):
        if address < used:
            raise where.refuse(address, "instructions overlap: control enters the middle of one")
        body = pieces[address]
        if isinstance(body, Insn) and body.kind == "literal" and body.target is not None:
            word = work.words[body.target.address]
            body = replace(body, value=word.value if word.label is None else None)
        labels = [Label(address)]
        if address in work.blocks:
            labels.append(Label(work.blocks[address]))
        used = address + work.sizes.get(address, 0)
        yield Item(body, address, tuple(labels))
        if address in work.ends:
            yield Item(trap(UNREACHABLE), address)
