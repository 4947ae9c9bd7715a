"""Where the procedure call standard (AAPCS32, 2023Q1, sections 6.4 and 7.1) puts arguments and results.

Arguments are counted in words of 32 bits, low word first. Two variants: the base standard (also used with
-mfloat-abi=softfp), and the VFP variant (-mfloat-abi=hard), in which floating-point values and structures of up to four
of them travel in s0-s15.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

CORE_REGISTERS = 4  # r0-r3
VFP_REGISTERS = 16  # s0-s15
LARGEST_HFA = 4  # members of a homogeneous aggregate of floating-point values


@dataclass(frozen=True)
class Location:
    """One word of an argument: r<index>, s<index>, or the word at SP + 4*index on entry."""

    kind: Literal["core", "vfp", "stack"]
    index: int


@dataclass(frozen=True)
class Shape:
    """What the standard looks at in a type: its words; whether they start at a multiple of two words; and if it is made
    of `floats` floating-point values only, of 1 word each or of 2 (then the alignment is 8)."""

    words: int
    align8: bool = False
    floats: int = 0

    @property
    def in_vfp(self) -> bool:
        """Travels in floating-point registers, if the variant has any: "co-processor register candidate"."""
        return 0 < self.floats <= LARGEST_HFA


def place(shapes: Iterable[Shape], *, hard: bool) -> list[tuple[Location, ...]]:
    """Where each argument of a call goes, word by word (stages A to C of section 6.4.2; VFP: 7.1.1)."""
    return _Placing(hard).all(shapes)


def stack_words(placed: Sequence[tuple[Location, ...]]) -> int:
    """Words of stack that hold arguments, holes included."""
    return max((where.index + 1 for words in placed for where in words if where.kind == "stack"), default=0)


class _Placing:
    """The standard's state: NCRN, NSAA, and which VFP registers are free."""

    def __init__(self, hard: bool) -> None:
        self._core = 0
        self._stack = 0
        self._free = set(range(VFP_REGISTERS)) if hard else set()
        self._hard = hard

    def all(self, shapes: Iterable[Shape]) -> list[tuple[Location, ...]]:
        return [self._vfp(s) if self._hard and s.in_vfp else self._base(s) for s in shapes]

    def _vfp(self, shape: Shape) -> tuple[Location, ...]:
        step = 2 if shape.align8 else 1
        for first in range(0, VFP_REGISTERS - shape.words + 1, step):
            wanted = range(first, first + shape.words)
            if self._free.issuperset(wanted):
                self._free -= set(wanted)
                return tuple(Location("vfp", i) for i in wanted)
        self._free = set()  # C.2: none is used after one argument went to the stack
        return self._on_stack(shape)

    def _base(self, shape: Shape) -> tuple[Location, ...]:
        if shape.align8:
            self._core += self._core % 2
        left = max(0, CORE_REGISTERS - self._core)
        if shape.words > left and (left == 0 or self._stack):
            self._core = CORE_REGISTERS
            return self._on_stack(shape)
        in_core = min(shape.words, left)  # C.5: the rest of a structure may go to the stack
        found = tuple(Location("core", self._core + i) for i in range(in_core))
        self._core += in_core
        rest = range(self._stack, self._stack + shape.words - in_core)
        self._stack += len(rest)
        return found + tuple(Location("stack", i) for i in rest)

    def _on_stack(self, shape: Shape) -> tuple[Location, ...]:
        if shape.align8:
            self._stack += self._stack % 2
        found = tuple(Location("stack", self._stack + i) for i in range(shape.words))
        self._stack += shape.words
        return found
