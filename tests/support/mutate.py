"""Mutants of certified code: small damage of the kinds that a broken rewriter, or an attacker, would do.

A mutant is a patch: bytes that replace the loaded ones at an address. The kinds of `KINDS` are drawn at random; branches
retargeted to every halfword (`retargeted`), and changed slots and jump tables (`entries_changed`), are enumerated.
Fields are found with the instruction table, so that "register" and "immediate" mean what the manual draws.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from elftools.elf.elffile import ELFFile

from ringfence.verify.kernel.isa.decode import TABLE, Refused, decode
from ringfence.verify.kernel.isa.rows import Row

NOP = {2: b"\x00\xbf", 4: b"\xaf\xf3\x00\x80"}
_GUARDS = ("MOVT", "BFC", "BFI", "AND (imm", "ORR (imm", "BIC (imm", "UXTH", "UBFX", "CMP", "IT ")
_BRANCHES = {"B T1", "B T2", "B T3", "B T4", "BL T1", "CBNZ, CBZ T1"}


@dataclass(frozen=True)
class Patch:
    """`new` bytes for those at `address`; `kind` is what the counts are reported by."""

    kind: str
    address: int
    new: bytes

    def apply(self, elf: bytes) -> bytes:
        at = file_offset(elf, self.address)
        return elf[:at] + self.new + elf[at + len(self.new) :]

    def __str__(self) -> str:
        return f"{self.kind} at {self.address:#x}: {self.new.hex()}"


@dataclass(frozen=True)
class Line:
    """One instruction of the code that is mutated; `row` is None for what the table does not know."""

    address: int
    code: bytes
    name: str
    row: Row | None

    @property
    def word(self) -> int:
        """As rows write it: the first halfword on top."""
        halves = [int.from_bytes(self.code[i : i + 2], "little") for i in range(0, len(self.code), 2)]
        return halves[0] if len(halves) == 1 else halves[0] << 16 | halves[1]

    def fields(self) -> Mapping[str, int]:
        return {} if self.row is None else self.row.picture.fields(self.word)


def file_offset(elf: bytes, address: int) -> int:
    """Where the byte loaded at `address` lies in the file."""
    for segment in ELFFile(BytesIO(elf)).iter_segments("PT_LOAD"):
        if segment["p_vaddr"] <= address < segment["p_vaddr"] + segment["p_filesz"]:
            return int(segment["p_offset"] + address - segment["p_vaddr"])
    raise ValueError(f"{address:#x} is not loaded")


def lines(code: bytes, start: int, executed: set[int] | None = None) -> list[Line]:
    """The instructions of `code` at `start`: those at the addresses `executed`, else a straight decoding."""
    found, at = [], 0
    while at + 2 <= len(code):
        size = 4 if code[at + 1] >> 3 in (0b11101, 0b11110, 0b11111) and at + 4 <= len(code) else 2
        if executed is not None and start + at not in executed:
            at += 2
            continue
        found.append(_line(start + at, code[at : at + size]))
        at += size
    return found


def _line(address: int, code: bytes) -> Line:
    line = Line(address, code, "?", None)
    try:
        return Line(address, code, decode(code, 0).name, TABLE.find(line.word, 8 * len(code)))
    except Refused:
        return line


def encode(word: int, size: int) -> bytes:
    """The inverse of `Line.word`."""
    return word.to_bytes(2, "little") if size == 2 else (word >> 16 | (word & 0xFFFF) << 16).to_bytes(4, "little")


def with_piece(line: Line, piece: tuple[str, int, int], value: int) -> bytes:
    """The instruction with one piece of a field replaced."""
    _, shift, width = piece
    mask = ((1 << width) - 1) << shift
    return encode(line.word & ~mask | value << shift & mask, len(line.code))


# -- drawn at random -----------------------------------------------------------------------------------------------


def _flip(rng: random.Random, code: Sequence[Line], i: int) -> Patch | None:
    number = int.from_bytes(code[i].code, "little") ^ 1 << rng.randrange(8 * len(code[i].code))
    return Patch("bit flipped", code[i].address, number.to_bytes(len(code[i].code), "little"))


def _drop(rng: random.Random, code: Sequence[Line], i: int) -> Patch | None:
    kind = "guard dropped" if code[i].name.startswith(_GUARDS) else "instruction dropped"
    return Patch(kind, code[i].address, NOP[len(code[i].code)])


def _swap(rng: random.Random, code: Sequence[Line], i: int) -> Patch | None:
    """With the instruction after it."""
    if i + 1 == len(code) or code[i + 1].address != code[i].address + len(code[i].code):
        return None
    a, b = code[i], code[i + 1]
    kind = (
        "guard swapped with store" if a.name.startswith(_GUARDS) and b.name.startswith("ST") else "neighbours swapped"
    )
    return Patch(kind, a.address, b.code + a.code)


def _field(rng: random.Random, line: Line, wanted: Callable[[str], bool]) -> bytes | None:
    if line.row is None:
        return None
    pieces = [p for p in line.row.picture.pieces if wanted(p[0])]
    if not pieces:
        return None
    piece = rng.choice(pieces)
    old = line.word >> piece[1]
    value = rng.choice([rng.randrange(1 << piece[2]), old + 1, old - 1, old ^ 1 << rng.randrange(piece[2])])
    return with_piece(line, piece, value)


def _register(rng: random.Random, code: Sequence[Line], i: int) -> Patch | None:
    new = _field(rng, code[i], lambda name: name.startswith("R"))
    return None if new is None else Patch("register changed", code[i].address, new)


def _immediate(rng: random.Random, code: Sequence[Line], i: int) -> Patch | None:
    new = _field(rng, code[i], lambda name: not name.startswith("R"))
    return None if new is None else Patch("immediate changed", code[i].address, new)


def _random(rng: random.Random, code: Sequence[Line], i: int) -> Patch | None:
    return Patch("random bytes", code[i].address, rng.randbytes(len(code[i].code)))


def _copied(rng: random.Random, code: Sequence[Line], i: int) -> Patch | None:
    """Another instruction of the same code in its place."""
    other = rng.choice(code)
    return (
        Patch("instruction copied over", code[i].address, other.code) if len(other.code) == len(code[i].code) else None
    )


def _retarget(rng: random.Random, code: Sequence[Line], i: int) -> Patch | None:
    if code[i].name not in _BRANCHES:
        return None
    return branch_to(code[i], rng.choice(code).address + rng.choice([0, 0, 0, 2]))


KINDS: Mapping[str, Callable[[random.Random, Sequence[Line], int], Patch | None]] = {
    "flip": _flip,
    "drop": _drop,
    "swap": _swap,
    "register": _register,
    "immediate": _immediate,
    "random": _random,
    "copy": _copied,
    "retarget": _retarget,
}


def patches(code: Sequence[Line], rng: random.Random, count: int, guards: float = 0.5) -> Iterator[Patch]:
    """`count` random patches; every second one (`guards`) at a guard or a store, the rest anywhere."""
    near = [i for i, line in enumerate(code) if line.name.startswith((*_GUARDS, "ST", "PUSH", "ADD (SP", "SUB (SP"))]
    while count:
        at = rng.choice(near) if near and rng.random() < guards else rng.randrange(len(code))
        patch = KINDS[rng.choice(list(KINDS))](rng, code, at)
        line = code[at]
        if patch is not None and not (len(patch.new) == len(line.code) and patch.new == line.code):
            count -= 1
            yield patch


# -- enumerated ----------------------------------------------------------------------------------------------------


def branch_to(line: Line, target: int) -> Patch | None:
    """The same branch to `target`; None where its encoding does not reach."""
    offset = target - line.address - 4
    word = line.word
    reach = {"B T1": (-256, 254), "B T2": (-2048, 2046), "B T3": (-1 << 20, (1 << 20) - 2), "CBNZ, CBZ T1": (0, 126)}
    low, high = reach.get(line.name, (-1 << 24, (1 << 24) - 2))
    if offset % 2 or not low <= offset <= high:
        return None
    if line.name == "B T1":
        word = word & 0xFF00 | offset >> 1 & 0xFF
    elif line.name == "B T2":
        word = word & 0xF800 | offset >> 1 & 0x7FF
    elif line.name == "CBNZ, CBZ T1":
        word = word & ~0x02F8 | (offset >> 6 & 1) << 9 | (offset >> 1 & 31) << 3
    elif line.name == "B T3":
        s, j2, j1 = (offset >> b & 1 for b in (20, 19, 18))
        word = word & ~0x043F2FFF | s << 26 | (offset >> 12 & 0x3F) << 16 | j1 << 13 | j2 << 11 | offset >> 1 & 0x7FF
    else:
        s = offset >> 24 & 1
        j1, j2 = ((offset >> b & 1) ^ 1 ^ s for b in (23, 22))
        word = word & ~0x07FF2FFF | s << 26 | (offset >> 12 & 0x3FF) << 16 | j1 << 13 | j2 << 11 | offset >> 1 & 0x7FF
    new = encode(word, len(line.code))
    return None if new == line.code else Patch("branch retargeted", line.address, new)


def retargeted(code: Sequence[Line], targets: Sequence[int]) -> Iterator[Patch]:
    """Every branch to every one of `targets` that it reaches."""
    for line in code:
        if line.name in _BRANCHES:
            for target in targets:
                patch = branch_to(line, target)
                if patch is not None:
                    yield patch


def entries_changed(
    elf_bytes: Callable[[int, int], bytes],
    slots: range,
    tables: Mapping[int, tuple[int, int, int]],
    targets: Sequence[int],
) -> Iterator[Patch]:
    """Slots that lead to each of `targets`, or hold other words; and each jump-table entry with other values.

    `elf_bytes(address, size)` gives loaded bytes; `tables`: address of the jump -> (base, entry size, entries).
    """
    for slot in slots:
        line = _line(slot, elf_bytes(slot, 4))
        jump = line if line.name == "B T4" else Line(slot, bytes.fromhex("00f000b8"), "B T4", None)
        for target in targets:
            patch = branch_to(jump, target)
            if patch is not None and patch.new != line.code:
                yield Patch("slot changed", slot, patch.new)
        for word in ("70474770", "18601860", "00bf00bf"):  # bx lr; str r0, [r3]; nop
            yield Patch("slot changed", slot, bytes.fromhex(word))
    for base, size, count in tables.values():
        for number in range(count):
            at = base + size * number
            old = int.from_bytes(elf_bytes(at, size), "little")
            values = {old + 1, old - 1, old + 2, 0, (1 << 8 * size) - 1, old ^ 0x80, old + count}
            for value in sorted(v & ((1 << 8 * size) - 1) for v in values - {old}):
                yield Patch("table entry changed", at, value.to_bytes(size, "little"))
