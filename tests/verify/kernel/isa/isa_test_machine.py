"""A machine that runs one instruction, or IT and one instruction, as the vectors of /work/shared/isa-vectors do.

Registers and flags hold terms: constants, or variables whose values are in `environment`, so that the same run tests
the semantic functions on numbers and the terms that they build. A value that depends on `unknown()` reads as None.
"""

from __future__ import annotations

from collections.abc import Sequence

from ringfence.verify.kernel.isa.conditions import condition
from ringfence.verify.kernel.isa.decode import Refused, decode
from ringfence.verify.kernel.term import Term, const, evaluate, extract, var

FLAGS = "nzcv"
LR = 14


def background(address: int) -> int:
    """What memory that was not written reads as (design.md section 8)."""
    return ((address * 0x9E3779B1) & 0xFFFFFFFF) >> 24


class TestMachine:
    __test__ = False  # not a test class

    def __init__(self, code: bytes, regs: Sequence[int], nzcv: int, pc: int, *, symbolic: bool) -> None:
        """`code` stands at `pc`; `nzcv` has N in bit 3; symbolic: registers are variables."""
        self._code, self._code_at = code, pc
        self.environment: dict[str, int] = {}
        self.symbolic = symbolic
        self.regs = [self._start(f"r{i}", value, 32) for i, value in enumerate(regs)]
        self.flags = {name: self._start(name, nzcv >> (3 - i) & 1, 1) for i, name in enumerate(FLAGS)}
        self.writes: dict[int, int | None] = {}
        self.accesses: list[tuple[int, int]] = []  # (address, size) of every load and store
        self.pc = self.next_pc = pc
        self.thumb = 1
        self.trapped = False
        self.executed = False
        self.it: list[int] = []
        self._fresh = 0

    def _start(self, name: str, value: int, width: int) -> Term:
        if not self.symbolic:
            return const(value, width)
        self.environment[name] = value
        return var(name, width)

    def value(self, term: Term) -> int | None:
        try:
            return evaluate(term, self.environment)
        except KeyError:
            return None

    def number(self, term: Term) -> int:
        value = self.value(term)
        assert value is not None, "an address or a condition depends on an unknown value"
        return value

    # -- running -------------------------------------------------------------------------------------------------

    def step(self) -> str:
        """Run the instruction at `pc`; its row's name. Raises Refused, also where an IT block does not allow it."""
        instruction = decode(self._code, self.pc - self._code_at)
        in_it = bool(self.it)
        execute = True
        if in_it:
            execute = bool(self.number(condition(self.flag, self.it.pop(0))))
            if instruction.in_it == "never" or (instruction.in_it == "last" and self.it):
                raise Refused(f"{instruction.name}: not in an IT block")
        self.next_pc = self.pc + instruction.size
        if execute:
            instruction.execute(self, in_it)
        self.executed = execute
        self.pc = self.next_pc  # which a jump has changed
        return instruction.name

    # -- Machine -------------------------------------------------------------------------------------------------

    def reg(self, number: int) -> Term:
        return const(self.pc + 4) if number == 15 else self.regs[number]

    def set_reg(self, number: int, value: Term) -> None:
        assert number != 15 and value.width == 32
        self.regs[number] = value

    def flag(self, name: str) -> Term:
        return self.flags[name]

    def set_flags(
        self, n: Term | None = None, z: Term | None = None, c: Term | None = None, v: Term | None = None
    ) -> None:
        for name, value in zip(FLAGS, (n, z, c, v), strict=True):
            if value is not None:
                assert value.width == 1
                self.flags[name] = value

    def _byte(self, address: int) -> int:
        if 0 <= address - self._code_at < len(self._code):
            return self._code[address - self._code_at]
        return background(address)

    def load(self, address: Term, size: int) -> Term:
        start = self.number(address)
        self.accesses.append((start, size))
        data = [self._byte((start + i) & 0xFFFFFFFF) for i in range(size)]
        loaded = int.from_bytes(bytes(data), "little")
        self._fresh += 1
        return self._start(f"m{self._fresh}", loaded, 8 * size)

    def store(self, address: Term, size: int, value: Term) -> None:
        assert value.width == 8 * size
        start = self.number(address)
        self.accesses.append((start, size))
        for i in range(size):
            self.writes[(start + i) & 0xFFFFFFFF] = self.value(extract(value, 8 * i, 8))

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
        where = self.number(base) + entry_size * self.number(index)
        entry = int.from_bytes(bytes(self._byte((where + i) & 0xFFFFFFFF) for i in range(entry_size)), "little")
        if entry_size == 4:
            self.jump_value(const(entry))
        else:
            self.next_pc = (self.pc + 4 + 2 * entry) & 0xFFFFFFFF

    def call(self, target: int) -> None:
        self.regs[LR] = const(self.next_pc | 1)
        self.next_pc = target

    def call_value(self, value: Term) -> None:
        self.regs[LR] = const(self.next_pc | 1)
        self.jump_value(value)

    def trap(self) -> None:
        self.trapped = True
