"""ELF files as the link steps see them: frozen sections, symbols and references. The only importer of lief.

lief is used for reading only: it corrupts what it writes in several ways, so nothing here writes.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import lief

from ringfence.toolchain.errors import RingfenceError

_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_SECTION = struct.Struct("<10I")
_ET_REL, _ET_EXEC, _EM_ARM = 1, 2, 40
_SHT_NOBITS, _SHT_REL, _SHT_RELA, _SHT_GROUP = 8, 9, 4, 17
_SHF_WRITE, _SHF_ALLOC, _SHF_EXECINSTR, _SHF_TLS = 1, 2, 4, 0x400
_SHN_UNDEF, _SHN_ABS, _SHN_COMMON = 0, 0xFFF1, 0xFFF2

_TYPES = {0: "NOTYPE", 1: "OBJECT", 2: "FUNC", 3: "SECTION", 4: "FILE", 5: "COMMON", 6: "TLS"}
_BINDINGS = {0: "LOCAL", 1: "GLOBAL", 2: "WEAK"}

UNDEFINED, ABSOLUTE, COMMON = "*UND*", "*ABS*", "*COM*"


@dataclass(frozen=True)
class Section:
    """`offset` is the place in the file; `applies_to` is the index of the section that a REL section patches."""

    index: int
    name: str
    address: int
    offset: int
    size: int
    type: int
    flags: int
    applies_to: int

    @property
    def allocated(self) -> bool:
        return bool(self.flags & _SHF_ALLOC)

    @property
    def loaded(self) -> bool:
        """It has bytes in the file that a programmer writes."""
        return self.allocated and self.type != _SHT_NOBITS and self.size > 0

    @property
    def executable(self) -> bool:
        return bool(self.flags & _SHF_EXECINSTR)

    @property
    def thread_local(self) -> bool:
        return bool(self.flags & _SHF_TLS)

    @property
    def is_group(self) -> bool:
        return self.type == _SHT_GROUP

    @property
    def holds_relocations(self) -> bool:
        return self.type in (_SHT_REL, _SHT_RELA)


@dataclass(frozen=True)
class Symbol:
    """`value` as in the file (Thumb bit set for functions); `section` is a name, or UNDEFINED, ABSOLUTE or COMMON."""

    name: str
    value: int
    size: int
    type: str  # a value of _TYPES, or OTHER
    binding: str  # a value of _BINDINGS, or OTHER
    section: str

    @property
    def defined(self) -> bool:
        return self.section != UNDEFINED

    @property
    def weak(self) -> bool:
        return self.binding == "WEAK"

    @property
    def local(self) -> bool:
        return self.binding == "LOCAL"


@dataclass(frozen=True)
class Reference:
    """A relocation: the place (`offset` in an object's section; run address in a linked file) that names `symbol`."""

    section: str
    offset: int
    symbol: str


@dataclass(frozen=True)
class ElfFile:
    """A 32-bit little-endian ARM object (`linked` false) or executable."""

    what: str
    data: bytes
    linked: bool
    entry: int
    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]

    def section(self, name: str) -> Section | None:
        return next((s for s in self.sections if s.name == name), None)

    def content(self, section: Section) -> bytes:
        return self.data[section.offset : section.offset + section.size]

    @cached_property
    def globals(self) -> dict[str, Symbol]:
        """Defined symbols that other files can see, by name."""
        return {s.name: s for s in self.symbols if s.defined and not s.local and s.name}

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Every relocation of an allocated section."""
        return tuple(self._references())

    def _references(self) -> Iterator[Reference]:
        names = [s.name for s in self.symbols]
        for section in self.sections:
            if not section.holds_relocations or not self._target(section).allocated:
                continue
            entry = 8 if section.type == _SHT_REL else 12
            body = self.content(section)
            for at in range(0, len(body) - entry + 1, entry):
                offset, info = struct.unpack_from("<II", body, at)
                name = names[info >> 8] if info >> 8 < len(names) else ""
                yield Reference(self._target(section).name, offset, name)

    def _target(self, section: Section) -> Section:
        return self.sections[section.applies_to] if section.applies_to < len(self.sections) else self.sections[0]

    def function_at(self, section: str, offset: int) -> str | None:
        """The innermost function symbol that holds the place, for messages."""
        inside = [s for s in self.symbols
                  if s.type == "FUNC" and s.section == section and s.value & ~1 <= offset < (s.value & ~1) + s.size]
        return min(inside, key=lambda s: s.size).name if inside else None

    def read(self, address: int, size: int) -> bytes | None:
        """Bytes at a run address of a linked file."""
        for s in self.sections:
            if s.loaded and s.address <= address and address + size <= s.address + s.size:
                return self.data[s.offset + address - s.address :][:size]
        return None

    def word(self, address: int) -> int | None:
        """The little-endian word at a run address of a linked file."""
        found = self.read(address, 4)
        return None if found is None else int.from_bytes(found, "little")

    def references_in(self, start: int, end: int) -> list[Reference]:
        """References from places in [start, end) of a linked file."""
        offsets = [r.offset for r in self._sorted]
        return list(self._sorted[bisect_left(offsets, start) : bisect_left(offsets, end)])

    @cached_property
    def _sorted(self) -> tuple[Reference, ...]:
        return tuple(sorted(self.references, key=lambda r: r.offset))

    @property
    def keeps_relocations(self) -> bool:
        return any(s.holds_relocations and self._target(s).allocated for s in self.sections)


def read_elf(source: Path | bytes, what: str | None = None) -> ElfFile:
    """Read an object or executable. RingfenceError for an unreadable, truncated, big-endian or non-ARM file."""
    data, what = _bytes_of(source, what)
    fields = _checked_header(data, what)
    lief.logging.disable()  # it writes its own complaints to stderr
    parsed = lief.ELF.parse(data)
    if parsed is None or len(parsed.sections) != fields[12]:
        raise RingfenceError(f"{what}: not a readable ELF file")
    sections = tuple(
        Section(i, _name(s.name), s.virtual_address, s.offset, s.size, *_raw(data, fields, i))
        for i, s in enumerate(parsed.sections)
    )
    symbols = tuple(_symbol(s, sections) for s in parsed.symtab_symbols)
    return ElfFile(what, data, fields[1] == _ET_EXEC, fields[4], sections, symbols)


def read_linked(source: Path | bytes, what: str | None = None) -> ElfFile:
    """Read an executable that kept its relocations. RingfenceError also for an object or a link without them."""
    elf = read_elf(source, what)
    if not elf.linked:
        raise RingfenceError(f"{elf.what}: an object file, not a linked executable")
    if not elf.keeps_relocations:
        raise RingfenceError(f"{elf.what}: the linker kept no relocations", "link with -Wl,--emit-relocs, without -s")
    return elf


def _bytes_of(source: Path | bytes, what: str | None) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        return source, what or "the ELF file"
    try:
        return source.read_bytes(), what or str(source)
    except OSError as error:
        raise RingfenceError(f"cannot read {source}: {error.strerror}") from error


def _checked_header(data: bytes, what: str) -> tuple[int, ...]:
    if len(data) < _HEADER.size or data[:4] != b"\x7fELF":
        raise RingfenceError(f"{what}: not an ELF file")
    if data[5] == 2:
        raise RingfenceError(f"{what}: a big-endian file", "only little-endian ARM is supported")
    fields = _HEADER.unpack_from(data)
    if data[4] != 1 or fields[2] != _EM_ARM:
        raise RingfenceError(f"{what}: not a 32-bit ARM file", "compile it with arm-none-eabi-gcc")
    if fields[1] not in (_ET_REL, _ET_EXEC):
        raise RingfenceError(f"{what}: neither an object nor an executable (e_type {fields[1]})")
    _check_extent(data, what, fields)
    return fields


def _check_extent(data: bytes, what: str, fields: tuple[int, ...]) -> None:
    """The section table and what it names must lie inside the file."""
    shoff, shentsize, shnum = fields[6], fields[11], fields[12]
    if shnum == 0:
        raise RingfenceError(f"{what}: has no section table", "do not strip it")
    if shentsize != _SECTION.size or shoff + shnum * shentsize > len(data):
        raise RingfenceError(f"{what}: truncated: its section table lies outside the file")
    for i in range(shnum):
        _, kind, _, _, offset, size, *_ = _SECTION.unpack_from(data, shoff + i * shentsize)
        if kind not in (0, _SHT_NOBITS) and offset + size > len(data):
            raise RingfenceError(f"{what}: truncated: section {i} lies outside the file")


def _raw(data: bytes, fields: tuple[int, ...], index: int) -> tuple[int, int, int]:
    """Type, flags and sh_info as numbers: lief's enumerations do not know every value."""
    _, kind, flags, _, _, _, _, info, _, _ = _SECTION.unpack_from(data, fields[6] + index * fields[11])
    return kind, flags, info


def _symbol(symbol: lief.ELF.Symbol, sections: tuple[Section, ...]) -> Symbol:
    special = {_SHN_UNDEF: UNDEFINED, _SHN_ABS: ABSOLUTE, _SHN_COMMON: COMMON}
    index = symbol.shndx
    section = special.get(index) or (sections[index].name if index < len(sections) else ABSOLUTE)
    kind = _TYPES.get(symbol.information & 15, "OTHER")  # lief's enumerations do not know every value
    binding = _BINDINGS.get(symbol.information >> 4, "OTHER")
    return Symbol(_name(symbol.name), symbol.value, symbol.size, kind, binding, section)


def _name(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode(errors="replace")
