"""Program headers that state what is programmed, and no more.

GNU ld gives .bss and stack sections PT_LOADs without bytes, whose load addresses run on in flash behind .data and
overlap each other. Start-up code clears .bss; nothing is programmed there. A loader that took such headers literally
(QEMU fills p_memsz bytes at p_paddr) would write over what lies in flash behind .data.
"""

from __future__ import annotations

import struct

_HEADER = struct.Struct("<28xI10xHH")  # e_phoff, e_phentsize, e_phnum
_PROGRAM_HEADER = struct.Struct("<8I")
_PT_NULL, _PT_LOAD = 0, 1


def load_only_bytes(elf: bytes) -> bytes:
    """The same ELF32 file with PT_LOADs without bytes turned into PT_NULL, and the others cut to their bytes where
    they are programmed at another address than they run at. `elf` must be a well-formed little-endian executable."""
    changed = bytearray(elf)
    table, size, count = _HEADER.unpack_from(elf)
    for at in range(table, table + size * count, size):
        kind, offset, run, load, in_file, in_memory, flags, align = _PROGRAM_HEADER.unpack_from(elf, at)
        if kind == _PT_LOAD and in_file == 0:
            _PROGRAM_HEADER.pack_into(changed, at, _PT_NULL, 0, 0, 0, 0, 0, 0, 0)
        elif kind == _PT_LOAD and run != load and in_memory > in_file:
            _PROGRAM_HEADER.pack_into(changed, at, kind, offset, run, load, in_file, in_file, flags, align)
    return bytes(changed)
