"""Writing a rewritten sandbox back into its ELF: code, slots, pointers, symbols and relocations."""

from __future__ import annotations

from .asm import trap
from .elffile import STT_FUNC, STT_NOTYPE, STT_OBJECT, LinkedElf, Patcher, Symbol
from .insn import Insn, Label
from .layout import Placed
from .program import SLOT
from .recover import UNREACHABLE, Recovered, slot_address
from .request import RewriteRequest
from .slots import table_code


def emit(elf: LinkedElf, patcher: Patcher, request: RewriteRequest, recovered: Recovered, placed: Placed) -> None:
    """Patch one sandbox; everything must fit (the caller has checked)."""
    _write_code(patcher, request, placed)
    _write_pointers(patcher, request, recovered, placed)
    _move_symbols(elf, patcher, request, placed)
    _move_relocations(elf, patcher, request, placed)


def _write_code(patcher: Patcher, request: RewriteRequest, placed: Placed) -> None:
    patcher.write(request.code_start, code_area(request, placed))


def code_area(request: RewriteRequest, placed: Placed) -> bytes:
    """All code of the sandbox: what was laid out, traps, and the slots, which branch to functions that are pointed to.
    Without the slots if the code reaches into them."""
    room = request.slots_start - request.code_start - len(placed.code)
    if room < 0:
        return placed.code
    fill = (b"\0" if room % 2 else b"") + trap(UNREACHABLE).raw * (room // 2)
    program = placed.program
    addresses = {label: placed.address_of(label) for label in program.slots if label not in program.standing}
    return placed.code + fill + table_code(request, program, addresses)


def _write_pointers(patcher: Patcher, request: RewriteRequest, recovered: Recovered, placed: Placed) -> None:
    for where, label in recovered.pointers.items():
        if label.tag == SLOT:
            patcher.write_word(where, slot_address(request, placed.program, label) | 1)
        else:
            patcher.write_word(where, placed.address_of(label))
    for where, label in recovered.entries.items():
        patcher.write_word(where, placed.address_of(label) | 1)


# -- symbols -------------------------------------------------------------------------------------------------------


def _move_symbols(elf: LinkedElf, patcher: Patcher, request: RewriteRequest, placed: Placed) -> None:
    """Functions, objects and labels move with what they name; the code's mapping symbols are laid out anew."""
    mapping: list[Symbol] = []
    for symbol in elf.symbols:
        address = symbol.value & ~1 if symbol.kind == STT_FUNC else symbol.value
        if not request.code_start <= address < request.slots_start or not symbol.section or symbol.section >= 0xFF00:
            continue
        if symbol.is_mapping:
            mapping.append(symbol)
        elif symbol.kind == STT_FUNC or (symbol.kind in (STT_OBJECT, STT_NOTYPE) and not _is_bound(symbol)):
            _move_symbol(patcher, request, symbol, address, placed)
    _move_mapping(patcher, placed, mapping)


def _is_bound(symbol: Symbol) -> bool:
    """A symbol of the linker script, which stays where it is."""
    return symbol.name.startswith("__rf_")


def _move_symbol(patcher: Patcher, request: RewriteRequest, symbol: Symbol, address: int, placed: Placed) -> None:
    thumb = symbol.value - address
    n = placed.program.index.get(Label(address))
    if n is None and Label(address) in placed.program.standing:
        place = slot_address(request, placed.program, Label(address))
        patcher.set_symbol(symbol, place + thumb, len(placed.program.standing[Label(address)].code))
        return
    if n is None:
        if symbol.kind == STT_FUNC:  # nothing reaches it: it has no code any more
            patcher.set_symbol(symbol, placed.start + len(placed.code) + thumb, 0)
        return
    end = placed.address_of_original(address + symbol.size) if symbol.size else placed.addresses[n]
    patcher.set_symbol(symbol, placed.addresses[n] + thumb, end - placed.addresses[n])


def _move_mapping(patcher: Patcher, placed: Placed, symbols: list[Symbol]) -> None:
    """Use the old mapping symbols for the new borders between code and data; spare ones repeat the last border.

    Should there be too few, the last borders have none: only listings of the code depend on them.
    """
    code = next((s for s in symbols if s.name[1] == "t"), None)
    data = next((s for s in symbols if s.name[1] == "d"), code)
    borders = _borders(placed)[: len(symbols)]
    if code is None or data is None or not borders:
        return
    borders += [borders[-1]] * (len(symbols) - len(borders))
    for symbol, (address, is_code) in zip(symbols, borders, strict=True):
        patcher.rename_mapping(symbol, code if is_code else data, address)


def _borders(placed: Placed) -> list[tuple[int, bool]]:
    """(address, whether code begins there) wherever code and data change, the slots being code."""
    borders: list[tuple[int, bool]] = []
    for item, address in zip(placed.program.items, placed.addresses, strict=True):
        is_code = isinstance(item.body, Insn)
        if not borders or borders[-1][1] != is_code:
            borders.append((address, is_code))
    if borders and not borders[-1][1]:
        borders.append((placed.start + len(placed.code) + 1 & ~1, True))
    return borders


# -- relocations ---------------------------------------------------------------------------------------------------


def _move_relocations(elf: LinkedElf, patcher: Patcher, request: RewriteRequest, placed: Placed) -> None:
    """Relocations of literals and calls move with them; those of instructions that are gone become R_ARM_NONE."""
    for relocation in elf.relocations:
        if request.code_start <= relocation.address < request.slots_start:
            n = placed.program.index.get(Label(relocation.address))
            patcher.set_relocation(relocation, None if n is None else placed.addresses[n])
