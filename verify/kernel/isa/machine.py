"""What a semantic function may do: the interface between the instruction rows and whoever executes them.

One semantic function serves every interpreter: the kernel's symbolic executor (execute.py), which makes obligations,
and the concrete machine of the tests, which is compared with independent models of the architecture.

IT blocks are the interpreter's business: it calls the semantic function of a conditional instruction with the
condition in force, so that `set_reg`, `store`, `jump` ... happen under it. Semantic functions never look at it.
"""

from __future__ import annotations

from typing import Protocol

from ..term import Term


class Machine(Protocol):
    """Registers are numbered 0-15; register 13 is SP. Addresses are ints without Thumb bit unless said."""

    @property
    def pc(self) -> int:
        """Address of the instruction being executed."""

    @property
    def next_pc(self) -> int:
        """Address of the instruction after it in memory."""

    def reg(self, number: int) -> Term:
        """The register's value; for 15 the constant pc + 4 (A2.3.1)."""

    def set_reg(self, number: int, value: Term) -> None:
        """Write r0-r12, SP or LR; never 15 (a write to PC is one of the jumps below)."""

    def flag(self, name: str) -> Term:
        """One of n, z, c, v: a term of width 1."""

    def set_flags(
        self, n: Term | None = None, z: Term | None = None, c: Term | None = None, v: Term | None = None
    ) -> None:
        """Write the flags given; None leaves a flag as it is."""

    def load(self, address: Term, size: int) -> Term:
        """Read `size` bytes, little-endian: a term of width 8 * size."""

    def store(self, address: Term, size: int, value: Term) -> None:
        """Write `size` bytes; `value` has width 8 * size."""

    def unknown(self, width: int = 32) -> Term:
        """A fresh value of which nothing is known: results that do not matter to safety."""

    def begin_it(self, condition: int, mask: int) -> None:
        """IT: firstcond and mask as encoded (A7.7.38)."""

    def jump(self, target: int, condition: Term | None = None) -> None:
        """Branch to a known address, always or if `condition` (a boolean term) holds."""

    def jump_value(self, value: Term) -> None:
        """BX, POP {pc}, LDR pc: bit 0 of `value` is the Thumb bit, 0 there faults."""

    def jump_table(self, base: Term, index: Term, entry_size: int) -> None:
        """TBB (1) and TBH (2): PC = pc + 4 + 2 * entry. LDR pc,[rn,rm,lsl #2] (4): PC = entry, with Thumb bit."""

    def call(self, target: int) -> None:
        """BL: LR = next_pc | 1, then branch."""

    def call_value(self, value: Term) -> None:
        """BLX register: LR = next_pc | 1, then as jump_value."""

    def trap(self) -> None:
        """UDF: the instruction is defined to fault."""
