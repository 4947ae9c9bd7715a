"""Rows of bit pictures: exactly one row claims an instruction.

A picture is written as the ARMv7-M manual (DDI 0403E) draws the encoding, most significant bit first, the two
halfwords of a 32-bit instruction separated by `|`:

    0 1       bits that must have this value
    (0) (1)   should-be-zero and should-be-one bits; UNPREDICTABLE otherwise, so they must have the value too
    Rn:4  S   a field and its width (1 if not given); pieces of a field that appears again are joined, first piece
              on top (`imm:1 ... imm:3 ... imm:8` is i:imm3:imm8)
    Rdn Rdm   two registers in one field: Rd and Rn, Rd and Rm
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .machine import Machine

Fields = Mapping[str, int]
Semantics = Callable[[Machine, Fields, bool], None]  # (machine, fields, stands in an IT block)
Check = tuple[str, Callable[[Fields], object]]  # the reason for refusing, and when (anything true)
InIt = Literal["any", "last", "never"]
Extension = Literal["", "dsp", "fp", "fp5", "fp64"]  # none, DSP, FPv4-SP, FPv5, double precision

_TOKEN = re.compile(r"\(([01]+)\)|([01]+)|([A-Za-z]\w*)(?::(\d+))?")
_TWO_REGISTERS = {"Rdn": ("Rd", "Rn"), "Rdm": ("Rd", "Rm")}
_BUCKET_BITS = 10


class Refused(Exception):
    """The bytes are not an instruction on the allow-list; `str()` is the reason."""


class PictureError(Exception):
    """The picture does not describe 16 or 32 bits."""


@dataclass(frozen=True)
class Picture:
    """A parsed picture. `pieces`: (field, shift, width) from the most significant piece to the least."""

    bits: int
    mask: int
    match: int
    pieces: tuple[tuple[str, int, int], ...]

    def claims(self, word: int) -> bool:
        return word & self.mask == self.match

    def fields(self, word: int) -> Fields:
        found: dict[str, int] = {}
        for name, shift, width in self.pieces:
            found[name] = found.get(name, 0) << width | word >> shift & ((1 << width) - 1)
        return found


def parse_picture(text: str) -> Picture:
    """Raises PictureError unless `text` describes exactly 16 bits, or 16 on either side of a `|`."""
    mask = match = at = 0
    pieces: list[tuple[str, int, int]] = []
    for half in reversed(text.split("|")):
        end = at + 16
        for token in reversed(half.split()):
            found = _TOKEN.fullmatch(token)
            if found is None:
                raise PictureError(f"{text!r}: cannot read {token!r}")
            fixed = found[1] or found[2]
            width = len(fixed) if fixed else int(found[4] or 1)
            if fixed:
                mask |= ((1 << width) - 1) << at
                match |= int(fixed, 2) << at
            else:
                pieces += [(name, at, width) for name in _TWO_REGISTERS.get(found[3], (found[3],))]
            at += width
        if at != end:
            raise PictureError(f"{text!r}: a half that is not 16 bits")
    if at > 32:
        raise PictureError(f"{text!r}: more than two halves")
    return Picture(at, mask, match, tuple(reversed(pieces)))


@dataclass(frozen=True)
class Row:
    """One encoding, or a family of them. `semantics` is None for instructions that are known but never allowed."""

    name: str
    picture: Picture
    semantics: Semantics | None
    checks: tuple[Check, ...]
    it: InIt | Literal["last-if-pc"]  # last-if-pc: last if Rt or the register list names PC
    see: tuple[str, ...]  # rows inside this one's picture that the manual gives precedence ("SEE ...")
    needs: Extension  # the extension that has it; "fp64" instead, if there is a field sz and it is 1

    def in_it(self, fields: Fields) -> InIt:
        """Where the instruction may stand in an IT block."""
        if self.it == "last-if-pc":
            to_pc = fields["Rt"] == 15 if "Rt" in fields else fields["P"] == 1
            return "last" if to_pc else "any"
        return self.it

    def needed(self, fields: Fields) -> Extension:
        return "fp64" if fields.get("sz") else self.needs


def row(
    name: str,
    picture: str,
    semantics: Semantics | None,
    *checks: Check,
    it: InIt | Literal["last-if-pc"] = "any",
    see: tuple[str, ...] = (),
    needs: Extension = "",
) -> Row:
    return Row(name, parse_picture(picture), semantics, checks, it, see, needs)


def forbidden(name: str, picture: str, reason: str, see: tuple[str, ...] = ()) -> Row:
    """An instruction that exists and is refused for `reason`."""
    return row(name, picture, None, (reason, lambda f: True), see=see)


class Table:
    """The rows, indexed by the top bits of the first halfword."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = tuple(rows)
        self._buckets = [tuple(r for r in rows if _may_be_in(i, r.picture)) for i in range(1 << _BUCKET_BITS)]

    def find(self, word: int, bits: int) -> Row:
        """The one row that claims `word` (16 or 32 bits, first halfword on top). Raises Refused if there is none."""
        bucket = self._buckets[word >> (bits - _BUCKET_BITS)]
        claiming = [r for r in bucket if r.picture.bits == bits and r.picture.claims(word)]
        names = {r.name for r in claiming}
        left = [r for r in claiming if names.isdisjoint(r.see)]
        if len(left) != 1:
            several = f"more than one row claims this encoding: {', '.join(r.name for r in left)}"
            raise Refused(several if left else "no instruction of the allow-list has this encoding")
        return left[0]


def _may_be_in(bucket: int, picture: Picture) -> bool:
    down = picture.bits - _BUCKET_BITS
    return (bucket << down) & picture.mask == picture.match & (((1 << _BUCKET_BITS) - 1) << down)
