"""Runs instructions on numbers, with the semantics that the kernel runs on terms. For testing the kernel's rows.

Registers and flags hold terms: constants, or (symbolic) variables whose values are in `environment`, so that one run
tests the semantic functions and the terms that they build. What depends on `unknown()` has the value None.
"""

from __future__ import annotations

from collections.abc import Sequence

from .evaluate import evaluate
from .kernel.isa.conditions import condition
from .kernel.isa.decode import Refused, decode
from .kernel.term import Term, const, extract, var

FLAGS = "nzcv"
LR = 14
_MASK = 0xFFFFFFFF


class NotKnown(Exception):
    """An address, a condition or a jump's target depends on an unknown value."""


def background(address: int) -> int:
    """The byte that memory not written reads as (the rule of the vector files, see vectors.py)."""
    return ((address * 0x9E3779B1) & _MASK) >> 24


class ConcreteMachine:
    """A Machine (kernel/isa/machine.py). After `step`: regs, flags, writes, accesses, pc, thumb, trapped, executed."""

    def __init__(self, code: bytes, regs: Sequence[int], nzcv: int, pc: int, *, symbolic: bool = False) -> None:
        """`code` stands at `pc`; `regs` are r0-r12, SP, LR; `nzcv` has N in bit 3; symbolic: they are variables."""
        self._code, self._code_at = code, pc
        self._symbolic = symbolic
        self._fresh = 0
        self.environment: dict[str, int] = {}
        self.regs = [self._start(f"r{i}", value, 32) for i, value in enumerate(regs)]
        self.flags = {name: self._start(name, nzcv >> (3 - i) & 1, 1) for i, name in enumerate(FLAGS)}
        self.writes: dict[int, int | None] = {}  # address -> byte
        self.accesses: list[tuple[int, int]] = []  # (address, size) of every load and store
        self.pc = self.next_pc = pc
        self.thumb = 1
        self.trapped = False
        self.executed = False
        self.it: list[int] = []

    def _start(self, name: str, value: int, width: int) -> Term:
        if not self._symbolic:
            return const(value, width)
        self.environment[name] = value
        return var(name, width)

    def value(self, term: Term) -> int | None:
        """The term's number; None if it is not known."""
        try:
            return evaluate(term, self.environment)
        except KeyError:
            return None

    def number(self, term: Term) -> int:
        """The term's number. Raises NotKnown."""
        value = self.value(term)
        if value is None:
            raise NotKnown(repr(term))
        return value

    def step(self) -> str:
        """Run the instruction at `pc`; its row's name. Raises Refused, also where an IT block does not allow it."""
        instruction = decode(self._code, self.pc - self._code_at)
        in_it = bool(self.it)
        self.executed = True
        if in_it:
            self.executed = bool(self.number(condition(self.flag, self.it.pop(0))))
            if instruction.in_it == "never" or (instruction.in_it == "last" and self.it):
                raise Refused(f"{instruction.name}: not in an IT block")
        self.next_pc = self.pc + instruction.size
        if self.executed:
            instruction.execute(self, in_it)
        self.pc = self.next_pc  # which a jump has changed
        return instruction.name

    # -- Machine -------------------------------------------------------------------------------------------------

    def reg(self, number: int) -> Term:
        return const(self.pc + 4) if number == 15 else self.regs[number]

    def set_reg(self, number: int, value: Term) -> None:
        if number == 15 or value.width != 32:
            raise ValueError(f"r{number} cannot be set to {value!r}")
        self.regs[number] = value

    def flag(self, name: str) -> Term:
        return self.flags[name]

    def set_flags(
        self, n: Term | None = None, z: Term | None = None, c: Term | None = None, v: Term | None = None
    ) -> None:
        for name, value in zip(FLAGS, (n, z, c, v), strict=True):
            if value is not None:
                self.flags[name] = value

    def _byte(self, address: int) -> int:
        if 0 <= address - self._code_at < len(self._code):
            return self._code[address - self._code_at]
        return background(address)

    def _read(self, address: int, size: int) -> int:
        return int.from_bytes(bytes(self._byte((address + i) & _MASK) for i in range(size)), "little")

    def load(self, address: Term, size: int) -> Term:
        start = self.number(address)
        self.accesses.append((start, size))
        self._fresh += 1
        return self._start(f"m{self._fresh}", self._read(start, size), 8 * size)

    def store(self, address: Term, size: int, value: Term) -> None:
        if value.width != 8 * size:
            raise ValueError(f"{value!r} has not {size} bytes")
        start = self.number(address)
        self.accesses.append((start, size))
        for i in range(size):
            self.writes[(start + i) & _MASK] = self.value(extract(value, 8 * i, 8))

    def unknown(self, width: int = 32) -> Term:
        self._fresh += 1
        return var(f"u{self._fresh}", width)

    def begin_it(self, condition: int, mask: int) -> None:
        length = 4 - ((mask & -mask).bit_length() - 1)
        self.it = [condition] + [(condition & 0xE) | mask >> (4 - i) & 1 for i in range(1, length)]

    def jump(self, target: int, condition: Term | None = None) -> None:
        if condition is None or self.number(condition):
            self.next_pc = target

    def jump_value(self, value: Term) -> None:
        target = self.number(value)
        self.next_pc, self.thumb = target & ~1, target & 1

    def jump_table(self, base: Term, index: Term, entry_size: int) -> None:
        entry = self._read(self.number(base) + entry_size * self.number(index), entry_size)
        if entry_size == 4:
            self.jump_value(const(entry))
        else:
            self.next_pc = (self.pc + 4 + 2 * entry) & _MASK

    def call(self, target: int) -> None:
        self.regs[LR] = const(self.next_pc | 1)
        self.next_pc = target

    def call_value(self, value: Term) -> None:
        self.regs[LR] = const(self.next_pc | 1)
        self.jump_value(value)

    def trap(self) -> None:
        self.trapped = True
