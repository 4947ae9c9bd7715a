"""The pointer table: a branch to each function whose address is taken, or the function itself.

A small function that needs no guard may stand in the table instead of a branch to it, which saves that branch in each
call through a pointer. It covers several slots, and a wild pointer may enter it at each of them, at the second half of
an instruction even. So only such functions stand there of which the verifier's own prover and kernel find, on the
bytes, that every slot begins a function that obeys all rules with nothing to prove, and keeps r4 to r11. Where
addresses of functions cross the sandbox's border none does: the gates tell them from forged ones by the branches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ringfence.verify.kernel.check import run_function
from ringfence.verify.kernel.execute import Context
from ringfence.verify.kernel.policy import Range
from ringfence.verify.prover.invariants import find_invariants

from . import encode
from .asm import trap
from .flow import goes_on
from .insn import LR, PC, SP, Insn, Label, bit, mask_of
from .layout import lay_out
from .program import SLOT, SLOT_BYTES, Program, Standing, Table, Word
from .request import RewriteRequest
from .view import Code, sandbox_of

UNUSED_SLOT = 0xF3  # trap number, see toolchain/runtime/ringfence.h

_LARGEST = 48  # bytes of a function
_SMALLEST_TABLE = 8
_TABLE = 128  # bytes of a table that may become larger for the sake of functions in it
_NOT_WRITTEN = mask_of(range(4, 12)) | bit(SP) | bit(LR)
_KINDS = ("plain", "branch", "zero", "jump_register", "trap")
_SAVED = frozenset(range(4, 12))


def with_standing(
    program: Program, request: RewriteRequest, pointed_into: Sequence[Label], pointing: Collection[int]
) -> Program:
    """The program with small functions in its pointer table; those that nothing else refers to are only there.
    `pointed_into`: places in the code that data refers to, other than by slots; `pointing`: instructions that hold the
    address of a slot."""
    if request.only_branches:
        return program
    found = sorted(_candidates(program, request, pointing), key=lambda pair: (len(pair[1].code), pair[0]))
    chosen: dict[Label, Standing] = {}
    room = max(_TABLE, slot_table_size(len(program.slots))) - SLOT_BYTES * len(program.slots)
    for label, standing in found:
        room -= len(standing.code) - SLOT_BYTES
        if room >= 0:
            chosen[label] = standing
    unused = {n for label in chosen for n in _only_called(program, label, pointed_into)}
    items = tuple(item for n, item in enumerate(program.items) if n not in unused)
    return replace(program, items=items, standing=chosen)


def slot_table_size(slots: int) -> int:
    """Bytes of a table of at least so many slots: a power of two."""
    return max(_SMALLEST_TABLE, SLOT_BYTES * (1 << max(slots - 1, 0).bit_length()))


def table_code(request: RewriteRequest, program: Program, addresses: Mapping[Label, int]) -> bytes:
    """The table's bytes; what is not used traps. `addresses`: of the functions and imports that are branched to."""
    table = b""
    for label, offset in program.slot_offsets.items():
        standing = program.standing.get(label)
        table += standing.code if standing else encode.branch_wide(addresses[label] - request.slots_start - offset)
    unused = (request.slots_end - request.slots_start - len(table)) // 2
    return table + trap(UNUSED_SLOT).raw * unused


def _candidates(
    program: Program, request: RewriteRequest, pointing: Collection[int]
) -> Iterator[tuple[Label, Standing]]:
    for label in program.slots:
        items = _items_of(program, label)
        small = bool(items) and program.items[items[-1]].origin - label.address < _LARGEST
        if small and _is_simple(program, items) and not any(program.items[n].origin in pointing for n in items):
            standing = _standing(program, items)
            if len(standing.code) <= _LARGEST and _is_safe(request, standing.code):
                yield label, standing


def _items_of(program: Program, label: Label) -> list[int]:
    """The items between a function's start and its end; none for imports."""
    function = next((f for f in program.functions if f.label == label and label in program.index), None)
    if function is None:
        return []
    first = program.index[label]
    return [n for n in range(first, len(program.items)) if program.items[n].origin < function.end]


def _is_simple(program: Program, items: Sequence[int]) -> bool:
    """Whether it is code that does not depend on where it is, and that no pass may have to change."""
    plain = all(_is_plain(program, program.items[n].insn, items) for n in items)
    return plain and not _falls_through(program.items[items[-1]].body)


def _is_plain(program: Program, insn: Insn | None, items: Sequence[int]) -> bool:
    if insn is None or insn.kind not in _KINDS or insn.is_store:
        return False
    if insn.writes & _NOT_WRITTEN or insn.reads & bit(PC):
        return False
    if insn.kind == "jump_register" and (insn.conditional or insn.operands[0].register != LR):
        return False
    return insn.target is None or program.index.get(insn.target) in items


def _standing(program: Program, items: Sequence[int]) -> Standing:
    alone = replace(program, items=tuple(program.items[n] for n in items), slots=(), exports={})
    placed = lay_out(alone, 0)
    odd = len(placed.code) % SLOT_BYTES
    begins = {(at(n), item.origin) for n, item in enumerate(alone.items)
              for at in (placed.addresses.__getitem__, placed.instruction)}  # fmt: skip
    return Standing(placed.code + (trap(UNUSED_SLOT).raw if odd else b""), tuple(sorted(begins)))


def _is_safe(request: RewriteRequest, code: bytes) -> bool:
    """Whether each slot begins a function that the kernel accepts as it is, and that keeps what callers may rely on."""
    start = request.slots_start
    place = Range(start, start + len(code))
    image: Any = Code(start, code)
    sandbox = sandbox_of(request, place, place)
    functions = find_invariants(sandbox, image, [start]).functions
    needs, keeps = ({a: getattr(f, what) for a, f in functions.items()} for what in ("need", "keeps"))
    context = Context(sandbox, image, needs, keeps)
    runs = [run for function in functions.values() for run in run_function(context, function)]
    return (
        not any(needs.values()) and all(set(kept) >= _SAVED for kept in keeps.values())
        and not any(run.failures or run.obligations for run in runs)
    )  # fmt: skip


def _only_called(program: Program, label: Label, pointed_into: Sequence[Label]) -> list[int]:
    """The function's items if nothing but pointers leads to them, else none."""
    items = _items_of(program, label)
    inside = {known for n in items for known in program.items[n].labels}
    others = [item.body for n, item in enumerate(program.items) if n not in items]
    targets: set[Label | None] = {*program.exports.values(), *pointed_into}
    for body in others:
        if isinstance(body, Insn):
            targets.add(body.target)
        elif isinstance(body, Table):
            targets.update(body.targets)
        elif isinstance(body, Word) and body.label is not None and body.label.tag != SLOT:
            targets.add(body.label)
    falls_in = items[0] > 0 and _falls_through(program.items[items[0] - 1].body)
    return [] if falls_in or inside & targets else items


def _falls_through(body: object) -> bool:
    return isinstance(body, Insn) and goes_on(body)
