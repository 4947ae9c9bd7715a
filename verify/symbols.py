"""Names and hints from the ELF's symbol table: untrusted, for finding functions and for messages."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from io import BytesIO

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection


@dataclass(frozen=True)
class FunctionSymbol:
    address: int  # without Thumb bit
    size: int
    name: str


def function_symbols(elf: bytes) -> list[FunctionSymbol]:
    """All STT_FUNC symbols by address; empty for a file without a readable symbol table."""
    try:
        table = ELFFile(BytesIO(elf)).get_section_by_name(".symtab")
        if not isinstance(table, SymbolTableSection):
            return []
        found = [
            FunctionSymbol(s["st_value"] & ~1, s["st_size"], printable(s.name))
            for s in table.iter_symbols()
            if s["st_info"]["type"] == "STT_FUNC" and s["st_shndx"] != "SHN_UNDEF"
        ]
    except Exception:  # pyelftools trusts what it reads; there are no names then
        return []
    return sorted(found, key=lambda s: (s.address, s.name))


def printable(name: str) -> str:
    """A name from an untrusted file, so that it cannot forge a line of the report or move the cursor."""
    return name if name.isprintable() else ascii(name)


def function_starts(elf: bytes) -> set[int]:
    return {s.address for s in function_symbols(elf)}


def name_of(functions: list[FunctionSymbol], address: int) -> str | None:
    """`name+0x12` of the function that holds the address."""
    i = bisect_right([f.address for f in functions], address) - 1
    if i < 0 or (functions[i].size and address >= functions[i].address + functions[i].size):
        return None
    offset = address - functions[i].address
    return functions[i].name + (f"+{offset:#x}" if offset else "")
