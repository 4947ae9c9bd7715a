"""What a firmware image puts into memory: the loaded segments of an ELF32 file, and nothing else of it."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from itertools import pairwise

from .rejected import Rejected

_ELF_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<8I")
_ET_EXEC, _EM_ARM, _PT_LOAD = 2, 40, 1
_PN_XNUM = 0xFFFF  # then the number would be in section header 0
_LIMIT = 1 << 32


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
    if phnum == _PN_XNUM:
        raise Rejected("elf", "the number of program headers is not in the header")
    if phentsize != _PROGRAM_HEADER.size or phoff + phnum * phentsize > len(elf):
        raise Rejected("elf", "the program headers lie outside the file")
    segments = []
    for i in range(phnum):
        kind, offset, address, load, filesz, memsz, _, _ = _PROGRAM_HEADER.unpack_from(elf, phoff + i * phentsize)
        if kind != _PT_LOAD or (memsz == 0 and filesz == 0):
            continue
        if filesz > memsz or offset + filesz > len(elf):
            raise Rejected("elf", "a loaded segment lies outside the file", address)
        if address + memsz > _LIMIT or load + memsz > _LIMIT:
            raise Rejected("elf", "a loaded segment wraps around the address space", address)
        segments.append(Segment(address, load, memsz, elf[offset : offset + filesz]))
    if not segments:
        raise Rejected("elf", "the file loads nothing")
    segments.sort(key=lambda s: s.address)
    _check_disjoint(segments)
    return Image(tuple(segments))


def _check_disjoint(segments: list[Segment]) -> None:
    for ranges in (
        sorted((s.address, s.address + s.size) for s in segments),
        sorted((s.load_address, s.load_address + s.size) for s in segments),
    ):
        for (_, end), (start, _) in pairwise(ranges):
            if start < end:
                raise Rejected("segments", "two loaded segments overlap", start)
