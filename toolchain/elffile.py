"""A linked 32-bit little-endian ARM ELF: sections, symbols and relocations with their places in the file.

Read with pyelftools (headers) and struct (tables, which are large); changed by writing bytes at known offsets, which
leaves everything else in the file as it was.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from .errors import RingfenceError

SHF_ALLOC, SHF_EXECINSTR = 2, 4
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_SECTION = 0, 1, 2, 3
_SYMBOL = struct.Struct("<IIIBBH")
_RELOCATION = struct.Struct("<II")

RELOCATIONS = {
    0: "NONE", 2: "ABS32", 3: "REL32", 10: "THM_CALL", 30: "THM_JUMP24", 38: "TARGET1", 40: "V4BX", 41: "TARGET2",
    42: "PREL31", 47: "THM_MOVW_ABS_NC", 48: "THM_MOVT_ABS", 51: "THM_JUMP19", 102: "THM_JUMP11", 103: "THM_JUMP8",
}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """`address` is the run address; `place` the offset in the file."""

    index: int
    name: str
    kind: str
    flags: int
    address: int
    size: int
    place: int
    info: int
    link: int

    @property
    def end(self) -> int:
        return self.address + self.size

    @property
    def allocated(self) -> bool:
        return bool(self.flags & SHF_ALLOC)


@dataclass(frozen=True)
class Symbol:
    """`value` still has the Thumb bit of functions."""

    name: str
    value: int
    size: int
    kind: int
    section: int
    place: int

    @property
    def is_mapping(self) -> bool:
        return self.kind == STT_NOTYPE and self.name[:2] in ("$t", "$d", "$a") and self.name[2:3] in ("", ".")


@dataclass(frozen=True)
class Relocation:
    """One entry of --emit-relocs; `address` is where it applies (run address)."""

    address: int
    kind: str
    symbol: Symbol
    section: int  # the section that it applies to
    place: int


def _section(n: int, name: str, header: Mapping[str, Any]) -> Section:
    keys = ("sh_type", "sh_flags", "sh_addr", "sh_size", "sh_offset", "sh_info", "sh_link")
    return Section(n, name, *(header[key] for key in keys))


class LinkedElf:
    """The parsed file. Raises RingfenceError for anything but a complete little-endian 32-bit ARM executable."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        try:
            elf = ELFFile(io.BytesIO(data))
            self._check_header(elf)
            self.sections = tuple(_section(n, s.name, s.header) for n, s in enumerate(elf.iter_sections()))
            self._check_sections()
            self.symbols = tuple(self._read_symbols())
            self.relocations = tuple(self._read_relocations())
        except (ELFError, struct.error, ValueError, UnicodeDecodeError, IndexError, KeyError) as error:
            raise RingfenceError(f"not a readable ELF file: {error}") from error
        if not self.relocations:
            raise RingfenceError("the ELF has no relocations", "link with -Wl,--emit-relocs")

    @staticmethod
    def _check_header(elf: ELFFile) -> None:
        if elf.elfclass != 32 or not elf.little_endian or elf["e_machine"] != "EM_ARM":
            raise RingfenceError("not a 32-bit little-endian ARM ELF file")
        if elf["e_type"] != "ET_EXEC":
            raise RingfenceError("not a linked executable", "give the file that the linker made")

    def _check_sections(self) -> None:
        for section in self.sections:
            if section.kind not in ("SHT_NOBITS", "SHT_NULL") and section.place + section.size > len(self.data):
                raise RingfenceError(f"the ELF is truncated: section {section.name} ends beyond the file")
        if not any(s.kind == "SHT_SYMTAB" for s in self.sections):
            raise RingfenceError("the ELF has no symbol table", "do not strip it before rewriting")

    def _read_symbols(self) -> Iterator[Symbol]:
        table = next(s for s in self.sections if s.kind == "SHT_SYMTAB")
        strings = self.sections[table.link]
        names = self.data[strings.place : strings.place + strings.size]
        for place in range(table.place, table.place + table.size, _SYMBOL.size):
            name, value, size, info, _, section = _SYMBOL.unpack_from(self.data, place)
            text = names[name : names.index(b"\0", name)].decode("utf-8", "replace")
            yield Symbol(text, value, size, info & 15, section, place)

    def _read_relocations(self) -> Iterator[Relocation]:
        for table in self.sections:
            if table.kind != "SHT_REL" or not self.sections[table.info].allocated:
                continue
            for place in range(table.place, table.place + table.size, _RELOCATION.size):
                address, info = _RELOCATION.unpack_from(self.data, place)
                kind = RELOCATIONS.get(info & 0xFF, f"type {info & 0xFF}")
                yield Relocation(address, kind, self.symbols[info >> 8], table.info, place)

    def place_of(self, address: int) -> int:
        """The file offset of a run address in an allocated section with contents."""
        for section in self.sections:
            if section.allocated and section.kind != "SHT_NOBITS" and section.address <= address < section.end:
                return section.place + address - section.address
        raise RingfenceError(f"no bytes of the ELF are loaded at {address:#010x}")

    def read(self, address: int, size: int) -> bytes:
        place = self.place_of(address)
        return self.data[place : place + size]

    def word(self, address: int) -> int:
        return int.from_bytes(self.read(address, 4), "little")


class Patcher:
    """A copy of the file's bytes, changed in place."""

    def __init__(self, elf: LinkedElf) -> None:
        self._elf = elf
        self._data = bytearray(elf.data)

    def write(self, address: int, content: bytes) -> None:
        """Replace the bytes at a run address."""
        place = self._elf.place_of(address)
        self._elf.place_of(address + len(content) - 1)
        self._data[place : place + len(content)] = content

    def write_word(self, address: int, value: int) -> None:
        self.write(address, value.to_bytes(4, "little"))

    def set_symbol(self, symbol: Symbol, value: int, size: int) -> None:
        struct.pack_into("<II", self._data, symbol.place + 4, value, size)

    def rename_mapping(self, symbol: Symbol, like: Symbol, value: int) -> None:
        """Make a mapping symbol one of the kind of `like`, at another address."""
        self._data[symbol.place : symbol.place + 4] = self._elf.data[like.place : like.place + 4]
        self.set_symbol(symbol, value, 0)

    def set_relocation(self, relocation: Relocation, address: int | None) -> None:
        """Move a relocation, or with None make it R_ARM_NONE."""
        if address is None:
            struct.pack_into("<II", self._data, relocation.place, relocation.address, 0)
        else:
            struct.pack_into("<I", self._data, relocation.place, address)

    def bytes(self) -> bytes:
        return bytes(self._data)
