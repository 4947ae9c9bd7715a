"""From bytes to an instruction: exactly one row claims it and none of that row's checks objects, or it is refused."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from .machine import Machine
from .rows import Extension, Fields, InIt, Refused, Semantics, Table
from .t16 import ROWS as ROWS_16
from .t32 import ROWS as ROWS_32
from .vfp import ROWS as ROWS_FP

__all__ = ["TABLE", "Instruction", "Refused", "decode", "decode_word"]

TABLE = Table(ROWS_16 + ROWS_32 + ROWS_FP)
_CACHED = 1 << 16


class Instruction(NamedTuple):
    """A decoded instruction: `size` in bytes, its row's `name`, where it may stand in an IT block, and the extension
    that a processor `needs` to have it (rows.Extension)."""

    size: int
    name: str
    in_it: InIt
    needs: Extension
    fields: Fields
    semantics: Semantics

    def execute(self, machine: Machine, in_it: bool) -> None:
        """Run it on `machine`, whose `pc` and `next_pc` are set; `in_it`: it stands in an IT block.

        Raises Refused, before any effect, for what only addresses make UNPREDICTABLE: LDRD (literal) where PC is not
        a multiple of 4, and loads of PC from an unaligned address.
        """
        self.semantics(machine, self.fields, in_it)


def decode(code: bytes, offset: int) -> Instruction:
    """The instruction at `offset` in little-endian `code`. Raises Refused, with the reason, also at the code's end."""
    if offset < 0 or offset + 2 > len(code):
        raise Refused("the code ends within an instruction")
    first = int.from_bytes(code[offset : offset + 2], "little")
    if first >> 11 < 0b11101:  # A5.1
        return decode_word(first, 16)
    if offset + 4 > len(code):
        raise Refused("the code ends within an instruction")
    return decode_word(first << 16 | int.from_bytes(code[offset + 2 : offset + 4], "little"), 32)


@lru_cache(maxsize=_CACHED)
def decode_word(word: int, bits: int) -> Instruction:
    """Decode a 16-bit instruction, or a 32-bit one with its first halfword on top. Raises Refused."""
    row = TABLE.find(word, bits)
    fields = row.picture.fields(word)
    for reason, objects in row.checks:
        if objects(fields):
            raise Refused(f"{row.name}: {reason}")
    if row.semantics is None:
        raise Refused(f"{row.name}: not allowed")
    return Instruction(bits // 8, row.name, row.in_it(fields), row.needed(fields), fields, row.semantics)
