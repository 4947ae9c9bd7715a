"""Random programs of many functions, composed of idioms and then damaged: most are accepted, and the rest nearly are.

A program is a raw ELF: some functions, each an exported entry, a pointer table, constants that point into the window, a
host with two imports. What the verifier does not accept is replaced by a stub, function by function, until the rest is
accepted (support.acceptance).
"""

from __future__ import annotations

import copy
import json
import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from support.corpus import POLICY
from support.idioms import FRAME_WORD, OWN_WORD, ROOM, Idiom, Library
from support.mutate import lines, patches
from support.random_code import branch, halfwords
from support.raw_elf import Load, raw_elf

HOST, CODE, SLOTS, CODE_END, CONST_END = 0x400, 0x10000, 0x13F00, 0x14000, 0x14100
SLOT_COUNT, TRAP = 16, 0xDEF3
WORDS, WORD_COUNT = 0x20030800, 40
IMPORTS = [int(i["address"], 16) - 1 for i in POLICY["sandboxes"][0]["imports"]]
_LARGEST = 600  # bytes of one function
_BEHIND_POINTERS = 4  # the last functions, which the pointer table names, make no calls through it (no recursion)
_CALLING = ("inner call", "pointer")
_WEIGHTS = {"guarded": 6, "indexed": 6, "conditional": 5, "loop": 3, "stack": 4, "dynamic": 3, "summed": 3, "compared": 2, "table": 2,
            "constant": 2, "flags": 2, "load": 3, "plain": 3, "inner call": 1, "pointer": 1,
    "floating": 3,
    "simd": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """A part of a function: bytes, or a call or branch that is encoded when its place is known."""

    kind: str  # "code", "call" (to: function number, or -1 - import number), "branch" (to: number of a piece)
    code: bytes = b""
    to: int = 0
    condition: int = 14

    @property
    def size(self) -> int:
        return (len(self.code) + 3) & ~3 if self.kind == "code" else 4


@dataclass(frozen=True)
class Function:
    """`code` is final, for address `start`; `changes` is how often it was damaged."""

    start: int
    code: bytes
    idioms: tuple[str, ...]
    changes: int = 0


@dataclass(frozen=True)
class Program:
    functions: tuple[Function, ...]
    slots: bytes
    constants: bytes
    words: bool = False  # each rank has one, instead of a shadow stack

    def elf(self) -> bytes:
        code = b"".join(f.code for f in self.functions)
        code += halfwords(TRAP) * ((SLOTS - CODE - len(code)) // 2) + self.slots
        code += bytes(CODE_END - CODE - len(code)) + self.constants
        return raw_elf([Load(HOST, halfwords(0x4770, 0xBF00) * 16), Load(CODE, code)])

    def policy(self) -> bytes:
        value: dict[str, Any] = copy.deepcopy(POLICY) | {"arch": "armv7e-m", "fpu": "fpv4-sp-d16"}
        value["sandboxes"][0]["stack"]["room"] = ROOM
        value["sandboxes"][0] |= {
            "code": {"start": hex(CODE), "end": hex(CODE_END)},
            "slots": {"start": hex(SLOTS), "end": hex(SLOTS + 4 * SLOT_COUNT)},
            "constants": [{"start": hex(CODE_END), "end": hex(CONST_END)}],
            "entries": [{"name": f"f{i}", "address": hex(f.start | 1)} for i, f in enumerate(self.functions)],
        }
        if self.words:
            value["sandboxes"][0]["shadow"] = {"words": {"start": hex(WORDS), "end": hex(WORDS + 4 * WORD_COUNT)}}
        return json.dumps(value).encode()

    def without(self, numbers: set[int]) -> Program:
        """Those functions replaced by stubs that return at once."""
        functions = [
            replace(f, code=halfwords(0x4770) + halfwords(TRAP) * (len(f.code) // 2 - 1), idioms=())
            if i in numbers
            else f
            for i, f in enumerate(self.functions)
        ]
        return replace(self, functions=tuple(functions))

    def at(self, address: int) -> int | None:
        """The number of the function that holds the address."""
        for i, f in enumerate(self.functions):
            if f.start <= address < f.start + len(f.code):
                return i
        return None


class Composer:
    """The same library and random numbers give the same programs. `damage`: the share of functions that are mutated.
    `words`: the library was assembled with words."""

    def __init__(self, library: Library, rng: random.Random, damage: float = 0.6, words: bool = False) -> None:
        self.library = library
        self.words = words
        self.rng = rng
        self.damage = damage

    def program(self, count: int) -> Program:
        """A program of at most `count` functions."""
        rng = self.rng
        shapes = [self._shape(i, count) for i in range(count)]
        starts = [CODE]
        for pieces, _ in shapes:
            starts.append(starts[-1] + min(sum(p.size for p in pieces), _LARGEST))
        shapes = [s for s, end in zip(shapes, starts[1:], strict=True) if end <= SLOTS]
        functions = [self._encode(p, names, starts, i) for i, (p, names) in enumerate(shapes)]
        leaves = [
            rng.choice([starts[max(0, len(functions) - 1 - rng.randrange(_BEHIND_POINTERS))], *IMPORTS, 0])
            for _ in range(SLOT_COUNT)
        ]
        slots = b"".join(
            branch(SLOTS + 4 * i, to) if to in starts[: len(functions)] or to in IMPORTS else halfwords(TRAP, TRAP)
            for i, to in enumerate(leaves)
        )
        words = [rng.choice([0x20020000, 0x2001FF00, 0x20030104, 0x2002F000, 5]) for _ in range(64)]
        return Program(tuple(functions), slots, struct.pack("<64I", *words), self.words)

    # -- one function ----------------------------------------------------------------------------------------------

    def _shape(self, number: int, count: int) -> tuple[list[Piece], tuple[str, ...]]:
        rng = self.rng
        last = number >= count - _BEHIND_POINTERS
        kind, into, out = rng.choice([f for f in self.library.frames if not last or f[0] in ("leaf", "frame", "tail")])
        saved = kind in ("frame", "checked", "tail") and into.text != "nop"
        names = [self._kind(saved, last) for _ in range(rng.choice([1, 1, 2, 2, 3, 4, 6]))]
        pieces = [Piece("code", into.code)]
        for name in names:
            if saved and rng.random() < 0.2:
                pieces.append(Piece("call", to=self._callee(kind, number, count)))
            pieces.append(Piece("code", rng.choice(self.library.idioms[name]).code))
            if rng.random() < 0.15:
                pieces.append(
                    Piece("branch", to=rng.randrange(1, len(names) + 2), condition=rng.choice([*range(14), 14]))
                )
        pieces.append(Piece("code", out.code))
        if kind == "tail":
            pieces.append(Piece("tail", to=self._callee(kind, number, count)))
        return pieces, (kind, *names)

    def _kind(self, saved: bool, last: bool) -> str:
        choices = {k: w for k, w in _WEIGHTS.items() if k not in _CALLING or (saved and not (last and k == "pointer"))}
        return self.rng.choices(list(choices), list(choices.values()))[0]

    def _callee(self, kind: str, number: int, count: int) -> int:
        """A later function or an import; behind a check of the stack any function."""
        if kind == "checked" and self.rng.random() < 0.5:
            return self.rng.randrange(count)
        return self.rng.choice([*range(number + 1, count)][:6] * 2 + [-1, -2])

    def _encode(self, pieces: Sequence[Piece], names: tuple[str, ...], starts: list[int], number: int) -> Function:
        start, size = starts[number], starts[number + 1] - starts[number]
        places, at = [], start
        for p in pieces:
            places.append(at)
            at += p.size
        code = b""
        for p, place in zip(pieces, places, strict=True):
            if p.kind == "code":
                code += p.code + b"\x00\xbf" * ((p.size - len(p.code)) // 2)
            else:
                to = places[p.to] if p.kind == "branch" and p.to < len(places) else self._target(p.to, starts)
                code += branch(place, to, p.condition, link=p.kind == "call")
        if self.words:  # functions call later ones
            code = _with_words(code, 2 * (len(starts) - number))
        return self._damaged(Function(start, code[:size], names))

    def _target(self, to: int, starts: list[int]) -> int:
        return IMPORTS[-1 - to] if to < 0 else starts[min(to, len(starts) - 2)]

    def _damaged(self, function: Function) -> Function:
        """With one to three random patches, or as it is."""
        rng = self.rng
        if rng.random() >= self.damage:
            return function
        count = rng.choice([1, 1, 1, 2, 3])
        code = function.code
        for patch in patches(lines(code, function.start), rng, count, guards=0.3):
            at = patch.address - function.start
            code = (code[:at] + patch.new + code[at + len(patch.new) :])[: len(code)]
        return replace(function, code=code, changes=count)


def _with_words(code: bytes, rank: int) -> bytes:
    """The code with the addresses of the words of this rank and the one below."""
    halves = list(struct.unpack(f"<{len(code) // 2}H", code))
    for i, (first, second) in enumerate(pairwise(halves)):
        if first & 0xFBF0 == 0xF240:  # MOVW
            value = (first & 15) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
            if value in (OWN_WORD & 0xFFFF, FRAME_WORD & 0xFFFF):
                word = (WORDS + 4 * (rank - 1 - (value == FRAME_WORD & 0xFFFF))) & 0xFFFF
                halves[i] = 0xF240 | word >> 12 | (word >> 11 & 1) << 10
                halves[i + 1] = second & 0x0F00 | (word >> 8 & 7) << 12 | word & 0xFF
    return struct.pack(f"<{len(halves)}H", *halves)


__all__ = ["CODE", "SLOTS", "Composer", "Function", "Idiom", "Program"]
