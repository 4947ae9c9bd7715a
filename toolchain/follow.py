"""Following control through a sandbox's original code: every instruction, literal and jump table that it can reach.

Mapping symbols tell code from data and relocations tell addresses from numbers (ELF for the Arm architecture,
AAELF32). Nothing is guessed: what cannot be resolved is an error that names the instruction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .codemap import CodeMap
from .disasm import UnsupportedInstruction, at, decode, is_wide
from .elffile import Relocation
from .flow import CALLS
from .insn import ALWAYS, Insn, Label
from .program import SLOT, Bytes, Table, Word
from .tables import bound_before, table_register

POINTERS = ("ABS32", "TARGET1", "TARGET2")
HALVES = ("THM_MOVW_ABS_NC", "THM_MOVT_ABS")
_ENDS = ("branch", "jump_register", "load_pc", "table", "table_load", "trap")


class Recovery:
    """What is known of one sandbox's code while control is being followed; `follow` fills it."""

    def __init__(self, where: CodeMap) -> None:
        self._where = where
        self._elf = where.elf
        self.insns: dict[int, Insn] = {}
        self.sizes: dict[int, int] = {}
        self.blocks: dict[int, int] = {}  # first instruction of an IT block: the IT instruction
        self.ends: set[int] = set()  # instructions that run into something that is not code
        self.words: dict[int, Word] = {}
        self.halves: dict[int, Label] = {}  # movw and movt that form a function's address: its slot
        self.tables: dict[int, Table] = {}
        self.blobs: dict[int, Bytes] = {}
        self.taken: set[int] = set()  # functions and imports whose address is taken
        self._previous: dict[int, int] = {}  # the instruction that falls through to this one
        self._members: set[int] = set()  # instructions of IT blocks
        self._targets: set[int] = set()
        self._addresses: list[tuple[int, int]] = []  # (instruction, address) of every adr
        self._work: list[int] = []

    # -- following the code --------------------------------------------------------------------------------------

    def follow(self, roots: Iterable[int]) -> None:
        """Decode everything that control can reach from these addresses, and keep the constants that it uses."""
        self._work.extend(roots)
        while self._work or self._addresses:
            while self._work:
                address = self._work.pop()
                self._targets.add(address)
                if address not in self.insns:
                    self._straight(address)
            while self._addresses:
                self._address(*self._addresses.pop())
        for address in sorted(self._targets & self._members):
            raise self._where.refuse(address, "control enters the middle of an IT block")

    def _straight(self, address: int) -> None:
        """Decode from `address` until control does not fall through, or reaches what is already decoded."""
        if not self._where.is_code(address):
            raise self._where.refuse(address, "control reaches an address that is not code")
        while address not in self.insns:
            last, following, falls = self._unit(address)
            if not falls:
                return
            if not self._continues(last, following):
                self.ends.add(last)
                return
            self._previous.setdefault(following, last)
            address = following

    def _continues(self, address: int, following: int) -> bool:
        """Whether the instruction after `address` is executed after it: it is code, and not behind a last call."""
        if not self._where.is_code(following):
            return False
        insn = self.insns[address]
        return insn.conditional or insn.kind not in CALLS or not self._where.is_last_call(address, following)

    def _unit(self, address: int) -> tuple[int, int, bool]:
        """Decode an instruction or an IT block: (its last instruction, what follows it, whether control gets there)."""
        halfword = int.from_bytes(self._elf.read(address, 2), "little")
        if halfword >> 8 != 0xBF or halfword & 15 == 0:
            falls = self._instruction(address, ALWAYS)
            return address, address + self.sizes[address], falls
        self.blocks[address + 2] = address
        last, following, falls = address, address + 2, True
        for condition in _it_conditions(halfword):
            if not self._where.is_code(following):
                raise self._where.refuse(address, "an IT block runs into data")
            self._members.add(following)
            falls = self._instruction(following, condition)
            if last != address:
                self._previous[following] = last
            last, following = following, following + self.sizes[following]
        return last, following, falls

    def _instruction(self, address: int, condition: int) -> bool:
        """Decode one instruction and note what it refers to; whether control can go on behind it."""
        size = 4 if is_wide(int.from_bytes(self._elf.read(address, 2), "little")) else 2
        try:
            insn = at(decode(self._elf.read(address, size), condition), address)
        except UnsupportedInstruction as error:
            raise self._where.refuse(
                address, error.message, "sandboxed code cannot use it: change or exclude the function"
            ) from error
        self.sizes[address] = size
        self.insns[address] = insn
        self.insns[address] = self._resolve(address, insn)
        return insn.conditional or insn.kind not in _ENDS

    def _resolve(self, address: int, insn: Insn) -> Insn:
        """Follow what the instruction refers to."""
        if insn.kind in ("branch", "zero", "call") and insn.target is not None:
            self._jump(address, insn.target.address)
        elif insn.kind in ("literal", "literal_pair", "literal_float") and insn.target is not None:
            self._literal(address, insn, insn.target.address)
        elif insn.kind == "adr" and insn.target is not None:
            self._addresses.append((address, insn.target.address))
        elif insn.kind == "table":
            self._halfword_table(address, insn)
        elif insn.kind == "table_load":
            return self._address_table(address, insn)
        elif insn.kind == "plain" and address in self._where.relocations:
            self._halves(address, insn, self._where.relocations[address])
        return insn

    def _jump(self, address: int, target: int) -> None:
        if target in self._where.imports:
            return
        if not self._where.in_code(target):
            raise self._where.refuse(
                address,
                f"a branch to {target:#010x}, which is neither in the sandbox nor an import",
                "declare the function as an import",
            )
        self._work.append(target)

    # -- literals and addresses ----------------------------------------------------------------------------------

    def _literal(self, address: int, insn: Insn, where: int) -> None:
        count = {"literal": 1, "literal_pair": 2}.get(insn.kind) or insn.operands[0].value // 4
        for n in range(count):
            if where % 4 or not self._where.is_data(where + 4 * n):
                raise self._where.refuse(address, f"a literal at {where:#010x} that is not data")
            self.words[where + 4 * n] = self._word(where + 4 * n)

    def _word(self, where: int) -> Word:
        """The word of a literal pool as it must be in the rewritten image."""
        relocation = self._where.relocations.get(where)
        value = self._elf.word(where)
        if relocation is None:
            return Word(value)
        target = self.pointer(relocation, value)
        if target is None:
            return Word(value)
        return Word(value, target)

    def pointer(self, relocation: Relocation, value: int) -> Label | None:
        """What a relocated word points to: a function or import (then it needs a slot), constants among the code, or
        nothing that moves (None). Raises for other addresses in the code."""
        if relocation.kind not in POINTERS:
            raise self._where.refuse(relocation.address, f"a relocation of type {relocation.kind} is not supported")
        target = value & ~1
        if target in self._where.imports and value & 1:
            return self._take(target)
        if not self._where.in_code(target) or relocation.symbol.name.startswith(
            f"__rf_{self._where.request.name}_code_"
        ):
            return None
        if value & 1 and target in self._where.starts:
            return self._take(target)
        if self._where.is_data(value):
            return self._keep_constants(value)
        raise self._where.refuse(
            relocation.address,
            f"the address {value:#010x} in the middle of a function is taken",
            "computed goto is not supported in a sandbox",
        )

    def _address(self, address: int, target: int) -> None:
        """adr: of a jump table (known by now), or of constants; the distance to code cannot be followed."""
        if target in self.tables:
            return
        if not self._where.is_data(target):
            raise self._where.refuse(
                address, "the address of code is computed", "computed goto is not supported in a sandbox"
            )
        self._keep_constants(target)

    def _keep_constants(self, address: int) -> Label:
        """Keep the data region around an address word by word, so that it can be addressed from anywhere."""
        _, start, end = self._where.region(address)
        if address >= end:
            raise self._where.refuse(address, "constants at the end of the code whose size is not known")
        where = start
        while where < end:
            step = min(4 - where % 4, end - where)
            if step == 4 and where not in self.words:
                self.words[where] = Word(self._elf.word(where))
                self.words[where] = self._word(where)
            elif step < 4:
                self.blobs[where] = Bytes(self._elf.read(where, step))
            where += step
        if address % 4:
            raise self._where.refuse(address, "an unaligned address among constants in the code is taken")
        return Label(address)

    def _halves(self, address: int, insn: Insn, relocation: Relocation) -> None:
        """movw or movt of a function's address (clang, -mpure-code): it becomes that of its slot."""
        value = relocation.symbol.value
        outside = not self._where.in_code(value & ~1) and value & ~1 not in self._where.imports
        if outside or relocation.symbol.name.startswith(f"__rf_{self._where.request.name}_code_"):
            return
        half = value >> 16 if insn.name == "movt" else value & 0xFFFF
        known = value & ~1 in self._where.starts or value & ~1 in self._where.imports
        if relocation.kind not in HALVES or not value & 1 or not known or insn.operands[1].value != half:
            raise self._where.refuse(
                address,
                f"movw and movt form an address in the code, of '{relocation.symbol.name}' plus an offset",
                "only addresses of functions can be formed this way",
            )
        self.halves[address] = self._take(value & ~1)

    def _take(self, target: int) -> Label:
        """The address of a function or import is taken: the label of its slot."""
        if target not in self.taken:
            self.taken.add(target)
            if target not in self._where.imports:
                self._work.append(target)
        return Label(target, SLOT)

    # -- jump tables ---------------------------------------------------------------------------------------------

    def _history(self, address: int) -> list[Insn]:
        """The instructions that fall through to this one, nearest first."""
        result: list[Insn] = []
        while address in self._previous and len(result) < 24:
            address = self._previous[address]
            result.append(self.insns[address])
        return result

    def _halfword_table(self, address: int, insn: Insn) -> None:
        """tbb, tbh: the table begins right behind the instruction (A7.7.185)."""
        width = 1 if insn.name == "tbb" else 2
        start = address + 4
        kind, _, end = self._where.region(start)
        if kind != "d":
            raise self._where.refuse(address, "the jump table behind the instruction is not marked as data")
        available = (end - start) // width
        bound = bound_before(self._history(address), insn.operands[0].register)
        count = min(available, bound) if bound else available
        content = self._elf.read(start, count * width)
        targets = [start + 2 * int.from_bytes(content[n : n + width], "little") for n in range(0, count * width, width)]
        while bound is None and targets and not self._where.is_code(targets[-1]):
            targets.pop()  # the pad byte behind a table
        self._table(address, start, Table(width, tuple(map(Label, targets)), bound is not None))

    def _address_table(self, address: int, insn: Insn) -> Insn:
        """ldr pc, [rn, rm, lsl #2] with rn from an adr before it: a table of relocated addresses."""
        memory = insn.memory
        history = self._history(address)
        start = table_register(history, memory.base) if memory is not None and memory.shift == 2 else None
        if memory is None or start is None or not self._where.is_data(start):
            raise self._where.refuse(
                address, "a computed jump whose table is not known", "computed goto is not supported in a sandbox"
            )
        end = self._where.region(start)[2]
        bound = bound_before(history, memory.index)
        targets: list[int] = []
        where = start
        while where + 4 <= end and where in self._where.relocations and (bound is None or len(targets) < bound):
            targets.append(self._elf.word(where) & ~1)
            where += 4
        self._table(address, start, Table(4, tuple(map(Label, targets)), bound is not None))
        return replace(insn, target=Label(start))

    def _table(self, address: int, start: int, table: Table) -> None:
        targets = [label.address for label in table.targets]
        if not targets or not all(map(self._where.is_code, targets)):
            raise self._where.refuse(address, f"the jump table at {start:#010x} has entries that are not code")
        self.tables[start] = table
        self._work.extend(targets)


def _it_conditions(halfword: int) -> list[int]:
    """The conditions that an IT instruction gives to the instructions after it (A7.7.38)."""
    first, mask = halfword >> 4 & 15, halfword & 15
    count = 4 - ((mask & -mask).bit_length() - 1)
    return [first, *((first & 14) | (mask >> (4 - n) & 1) for n in range(1, count))]
