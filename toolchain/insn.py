"""One Thumb instruction as the rewriter sees it: what it reads, writes and addresses.

Registers are numbered 0-15 (13 SP, 14 LR, 15 PC). Register sets are bit masks; bits 16-19 of such a mask are the
flags N, Z, C, V. References Axx are sections of the ARMv7-M Architecture Reference Manual (DDI 0403).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

IP, SP, LR, PC = 12, 13, 14, 15
SCRATCH = (IP, *range(12), LR)  # registers that may be used where they are free, in this order
ALWAYS = 14  # the condition AL (A7.3)
FLAG_N, FLAG_Z, FLAG_C, FLAG_V = 1 << 16, 1 << 17, 1 << 18, 1 << 19
FLAGS = FLAG_N | FLAG_Z | FLAG_C | FLAG_V

CONDITION_NAMES = ("eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le")
_TESTED_BY_PAIR = (FLAG_Z, FLAG_C, FLAG_N, FLAG_V, FLAG_C | FLAG_Z, FLAG_N | FLAG_V, FLAG_N | FLAG_Z | FLAG_V, 0)


def bit(register: int) -> int:
    return 1 << register


def mask_of(registers: Iterable[int]) -> int:
    result = 0
    for register in registers:
        result |= 1 << register
    return result


@lru_cache(maxsize=1 << 12)
def registers_in(mask: int) -> tuple[int, ...]:
    """The core registers (0-15) of a mask, lowest first."""
    return tuple(n for n in range(16) if mask >> n & 1)


def flags_tested(condition: int) -> int:
    """The flags that a condition reads (A7.3)."""
    return _TESTED_BY_PAIR[condition >> 1]


def inverse(condition: int) -> int:
    """The opposite condition; AL has none."""
    if condition == ALWAYS:
        raise ValueError("AL has no opposite")
    return condition ^ 1


class Label(NamedTuple):
    """A place in the code: an original address (without Thumb bit), or one made beside it (then `tag` is set)."""

    address: int
    tag: str = ""


class Operand(NamedTuple):
    """A register, or an immediate (register < 0)."""

    register: int
    value: int = 0

    @property
    def is_register(self) -> bool:
        return self.register >= 0


@dataclass(frozen=True)
class Memory:
    """The memory operand of a load or store.

    The first byte accessed is at base + offset (+ index << shift), or at base when `post`; base changes by `step`
    (bytes) when it is written back. `size` is the number of bytes accessed.
    """

    base: int
    offset: int
    index: int  # a register, or -1
    shift: int
    size: int
    step: int  # 0: no writeback
    store: bool
    data: tuple[int, ...]  # registers loaded or stored

    @property
    def end(self) -> int:
        """Offset one past the last byte accessed."""
        return self.offset + self.size


@dataclass(frozen=True)
class Insn:
    """`raw` is the encoding without its IT prefix; instructions with a `target` are encoded anew by layout.

    kind: plain; branch (b, conditional or not); zero (cbz, cbnz); call (bl); call_register (blx rN); jump_register
    (bx rN); load_pc (pop, ldm and ldr that load PC); table (tbb, tbh); table_load (ldr pc, [rn, rm, lsl #2]); literal
    (ldr rN, [pc]); literal_pair (ldrd); adr; trap (udf).
    """

    kind: str
    name: str  # the mnemonic without condition, width and S
    raw: bytes
    reads: int = 0
    writes: int = 0
    kills: int = 0  # the part of `writes` that is certainly overwritten, were the instruction unconditional
    condition: int = ALWAYS
    operands: tuple[Operand, ...] = ()
    shifted: bool = False  # the last register operand is shifted, or the operation has a form not modelled
    memory: Memory | None = None
    target: Label | None = None
    value: int | None = None  # literal: the word loaded, if it is known now; trap: its number
    text: str = field(default="", compare=False)  # the operands, for messages

    @property
    def conditional(self) -> bool:
        return self.condition != ALWAYS

    @property
    def is_store(self) -> bool:
        return self.memory is not None and self.memory.store

    @property
    def sets_flags(self) -> bool:
        return bool(self.writes & FLAGS)

    @property
    def needs_it(self) -> bool:
        """Whether the condition comes from an IT instruction (b<cond> has its own)."""
        return self.conditional and self.kind != "branch"

    def under(self, condition: int) -> Insn:
        """The same instruction with another condition."""
        old = 0 if self.condition == ALWAYS else flags_tested(self.condition)
        new = 0 if condition == ALWAYS else flags_tested(condition)
        return replace(self, condition=condition, reads=self.reads & ~old | new)

    def __str__(self) -> str:
        suffix = CONDITION_NAMES[self.condition] if self.conditional else ""
        return f"{self.name}{suffix} {self.text}".rstrip()
