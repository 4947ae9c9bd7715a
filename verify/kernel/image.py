"""What a firmware image puts into memory: the loaded segments of an ELF32 file, and nothing else of it."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from itertools import pairwise

from .rejected import Rejected

_ELF_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_PROGRAM_HEADER, _SECTION_HEADER = struct.Struct("<8I"), struct.Struct("<10I")
_ET_EXEC, _EM_ARM, _PT_LOAD = 2, 40, 1
_SHT_NOBITS, _SHF_ALLOC = 8, 2
_LIMIT = 1 << 32
_MAX_SEGMENTS = 1024


@dataclass(frozen=True)
class Segment:
    """One PT_LOAD: `data` at run address `address`, programmed at `load_address`; `size` is p_memsz."""

    address: int
    load_address: int
    size: int
    data: bytes


@dataclass(frozen=True)
class Image:
    segments: tuple[Segment, ...]

    def read(self, address: int, size: int) -> bytes | None:
        """The file's bytes at run addresses [address, address + size), or None where it gives none."""
        for segment in self.segments:
            offset = address - segment.address
            if offset >= 0 and offset + size <= len(segment.data):
                return segment.data[offset : offset + size]
        return None

    def sha256(self) -> str:
        """A digest of every loaded segment's addresses, sizes and bytes."""
        digest = hashlib.sha256()
        for s in self.segments:
            digest.update(struct.pack("<IIII", s.address, s.load_address, s.size, len(s.data)) + s.data)
        return digest.hexdigest()


def read_image(elf: bytes) -> Image:
    """Parse an ELF32 little-endian ARM executable (ARM IHI 0044). Raises Rejected("elf", ...)."""
    if len(elf) < _ELF_HEADER.size or elf[:4] != b"\x7fELF":
        raise Rejected("elf", "not an ELF file")
    ident, kind, machine, *_, phoff, _, _, _, phentsize, phnum, _, _, _ = _ELF_HEADER.unpack_from(elf)
    if ident[4:6] != b"\x01\x01":
        raise Rejected("elf", "not a 32-bit little-endian file")
    if kind != _ET_EXEC or machine != _EM_ARM:
        raise Rejected("elf", "not a linked ARM executable")
    if phnum > _MAX_SEGMENTS:  # PN_XNUM, which says that the number is elsewhere, is larger, too
        raise Rejected("elf", f"more than {_MAX_SEGMENTS} program headers")
    if phentsize != _PROGRAM_HEADER.size or phoff + phnum * phentsize > len(elf):
        raise Rejected("elf", "the program headers lie outside the file")
    segments: list[Segment] = []
    for i in range(phnum):
        kind, offset, address, load, filesz, memsz, _, _ = _PROGRAM_HEADER.unpack_from(elf, phoff + i * phentsize)
        if kind != _PT_LOAD or (memsz == 0 and filesz == 0):
            continue
        if filesz > memsz or offset + filesz > len(elf):
            raise Rejected("elf", "a loaded segment lies outside the file", address)
        if address + memsz > _LIMIT or load + memsz > _LIMIT:
            raise Rejected("elf", "a loaded segment wraps around the address space", address)
        if sum(len(s.data) for s in segments) + filesz > len(elf):
            raise Rejected("elf", "segments share bytes of the file", address)
        segments.append(Segment(address, load, memsz, elf[offset : offset + filesz]))
    if not segments:
        raise Rejected("elf", "the file loads nothing")
    segments.sort(key=lambda s: s.address)
    _check_disjoint(segments)
    image = Image(tuple(segments))
    _check_sections(elf, image)
    return image


def _check_disjoint(segments: list[Segment]) -> None:
    for ranges in (
        sorted((s.address, s.address + s.size) for s in segments),
        sorted((s.load_address, s.load_address + s.size) for s in segments),
    ):
        for (_, end), (start, _) in pairwise(ranges):
            if start < end:
                raise Rejected("segments", "two loaded segments overlap", start)


def _check_sections(elf: bytes, image: Image) -> None:
    """Some programmers (objcopy, gdb's `load`) take sections, not segments: they must hold the same bytes."""
    _, _, _, _, _, _, shoff, _, _, _, _, shentsize, shnum, _ = _ELF_HEADER.unpack_from(elf)
    if not shoff:
        return
    if not shnum or shentsize != _SECTION_HEADER.size or shoff + shnum * shentsize > len(elf):
        raise Rejected("elf", "the section headers lie outside the file")
    total = 0
    for i in range(shnum):
        _, kind, flags, address, offset, size, *_ = _SECTION_HEADER.unpack_from(elf, shoff + i * shentsize)
        if not flags & _SHF_ALLOC or kind == _SHT_NOBITS or not size:
            continue
        total += size
        if total > len(elf) or image.read(address, size) != elf[offset : offset + size]:
            raise Rejected("segments", "a section holds other bytes than the loaded segments do", address)
