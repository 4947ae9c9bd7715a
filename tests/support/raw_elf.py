"""ELF files made from bytes, without tools: for thousands of small images, and for headers that no linker writes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_PROGRAM = struct.Struct("<8I")
_IDENT = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
_ET_EXEC, _EM_ARM, _EABI5 = 2, 40, 0x05000000
PT_LOAD = 1


@dataclass(frozen=True)
class Load:
    """One program header: `data` at run address `address`; None for `load` and `size` means the plain case."""

    address: int
    data: bytes
    load: int | None = None  # p_paddr
    size: int | None = None  # p_memsz
    kind: int = PT_LOAD


def raw_elf(loads: Sequence[Load], *, count: int | None = None) -> bytes:
    """An executable that consists of these program headers; `count` overrides e_phnum."""
    at = _HEADER.size + _PROGRAM.size * len(loads)
    headers, body = [], b""
    for s in loads:
        load = s.address if s.load is None else s.load
        size = len(s.data) if s.size is None else s.size
        headers.append(_PROGRAM.pack(s.kind, at + len(body), s.address, load, len(s.data), size, 7, 4))
        body += s.data
    phnum = len(loads) if count is None else count
    header = _HEADER.pack(
        _IDENT, _ET_EXEC, _EM_ARM, 1, 0, _HEADER.size, 0, _EABI5, _HEADER.size, _PROGRAM.size, phnum, 40, 0, 0
    )
    return header + b"".join(headers) + body
