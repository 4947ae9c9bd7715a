"""Rows of bit pictures, checked when loaded: exactly one row claims an instruction.

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .machine import Machine

Fields = Mapping[str, int]
Semantics = Callable[[Machine, Fields, bool], None]  # (machine, fields, stands in an IT block)
Check = tuple[str, Callable[[Fields], bool]]  # the reason for refusing, and when
InIt = Literal["any", "last", "never"]

_TOKEN = re.compile(r"\(([01]+)\)|([01]+)|([A-Za-z]\w*)(?::(\d+))?")
_TWO_REGISTERS = {"Rdn": ("Rd", "Rn"), "Rdm": ("Rd", "Rm")}
_BUCKET_BITS = 10


class Refused(Exception):
    """The bytes are not an instruction on the allow-list; `str()` is the reason."""


class TableError(Exception):
    """The table itself is wrong: a picture with missing bits, or an undeclared overlap."""


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
        for name, both in _TWO_REGISTERS.items():
            if name in found:
                found |= dict.fromkeys(both, found.pop(name))
        return found


def parse_picture(text: str) -> Picture:
    """Raises TableError unless `text` describes exactly 16 bits, or 16 on either side of a `|`."""
    halves = text.split("|")
    width = 16 * len(halves)
    mask = match = 0
    pieces = []
    at = width
    for number, half in enumerate(halves, 1):
        for token in half.split():
            found = _TOKEN.fullmatch(token)
            if found is None:
                raise TableError(f"{text!r}: cannot read {token!r}")
            fixed = found[1] or found[2]
            size = len(fixed) if fixed else int(found[4] or 1)
            at -= size
            if at < 0:
                break
            if fixed:
                mask |= ((1 << size) - 1) << at
                match |= int(fixed, 2) << at
            else:
                pieces.append((found[3], at, size))
        if at != width - 16 * number:
            raise TableError(f"{text!r}: half {number} is not 16 bits")
    if len(halves) > 2:
        raise TableError(f"{text!r}: more than two halves")
    return Picture(width, mask, match, tuple(pieces))


@dataclass(frozen=True)
class Row:
    """One encoding. `semantics` is None for instructions that are known but never allowed."""

    name: str
    picture: Picture
    semantics: Semantics | None
    checks: tuple[Check, ...]
    it: str  # "any", "last", "never", or "last-if-pc": last if Rt or the register list names PC
    see: tuple[str, ...]  # rows inside this one's picture that the manual gives precedence ("SEE ...")

    def in_it(self, fields: Fields) -> InIt:
        """Where the instruction may stand in an IT block."""
        if self.it == "last-if-pc":
            to_pc = fields["Rt"] == 15 if "Rt" in fields else fields["P"] == 1
            return "last" if to_pc else "any"
        return "last" if self.it == "last" else "never" if self.it == "never" else "any"


def row(
    name: str, picture: str, semantics: Semantics, *checks: Check, it: str = "any", see: tuple[str, ...] = ()
) -> Row:
    if it not in ("any", "last", "never", "last-if-pc"):
        raise TableError(f"{name}: {it!r} is no IT rule")
    return Row(name, parse_picture(picture), semantics, checks, it, see)


def forbidden(name: str, picture: str, reason: str, see: tuple[str, ...] = ()) -> Row:
    """An instruction that exists and is refused for `reason`."""
    return Row(name, parse_picture(picture), None, ((reason, lambda f: True),), "any", see)


class Table:
    """The rows, indexed by the top bits of the first halfword."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Raises TableError if names repeat or rows overlap in a way that neither (or both) of them declare."""
        self.rows = tuple(rows)
        self._buckets = [
            tuple(r for r in self.rows if _may_be_in(bucket, r.picture)) for bucket in range(1 << _BUCKET_BITS)
        ]
        _check_names(self.rows)
        for bucket_rows in set(self._buckets):
            for a, b in _pairs(bucket_rows):
                _check_overlap(a, b)

    def find(self, word: int, bits: int) -> Row:
        """The one row that claims `word` (16 or 32 bits, first halfword on top). Raises Refused if there is none."""
        candidates = [
            r
            for r in self._buckets[word >> (bits - _BUCKET_BITS)]
            if r.picture.bits == bits and r.picture.claims(word)
        ]
        names = {r.name for r in candidates}
        left = [r for r in candidates if names.isdisjoint(r.see)]
        if not left:
            raise Refused("no instruction of ARMv7-M without extensions has this encoding")
        if len(left) > 1:
            raise Refused(f"more than one row claims this encoding: {', '.join(r.name for r in left)}")
        return left[0]


def _may_be_in(bucket: int, picture: Picture) -> bool:
    down = picture.bits - _BUCKET_BITS
    return (bucket << down) & picture.mask == picture.match & (((1 << _BUCKET_BITS) - 1) << down)


def _pairs(rows: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    return ((a, b) for i, a in enumerate(rows) for b in rows[i + 1 :])


def _check_names(rows: Sequence[Row]) -> None:
    by_name = {r.name: r for r in rows}
    if len(by_name) != len(rows):
        raise TableError("two rows have one name")
    for r in rows:
        for name in r.see:
            if name not in by_name or not _overlap(r.picture, by_name[name].picture):
                raise TableError(f"{r.name}: sees {name}, which is no row or does not overlap")


def _overlap(a: Picture, b: Picture) -> bool:
    return a.bits == b.bits and (a.match ^ b.match) & a.mask & b.mask == 0


def _check_overlap(a: Row, b: Row) -> None:
    if _overlap(a.picture, b.picture) and (b.name in a.see) == (a.name in b.see):
        raise TableError(f"{a.name} and {b.name} overlap: exactly one must see the other")
