"""A linked sandbox to a `Program`: instructions, literals and jump tables, found by following control flow.

Everything is followed from the exports and from the functions whose address is taken; mapping symbols tell code from
data and relocations tell addresses from numbers (ELF for the Arm architecture, AAELF32). Nothing is guessed: what
cannot be resolved is an error that names the instruction. Code that nothing reaches is left out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from .disasm import UnsupportedInstruction, at, decode, is_wide
from .elffile import STT_FUNC, LinkedElf, Relocation
from .errors import RingfenceError
from .insn import ALWAYS, Insn, Label
from .asm import trap
from .program import Body, Bytes, Function, Item, Program, Table, Word, place
from .request import RewriteRequest
from .tables import bound_before, table_register

UNREACHABLE = 0xF0  # trap number, see toolchain/runtime/ringfence.h
_ENDS = ("branch", "jump_register", "load_pc", "table", "table_load", "trap")
_POINTERS = ("ABS32", "TARGET1", "TARGET2")


SLOT = "slot"  # tag of a label that stands for the slot of the function or import at its address


@dataclass(frozen=True)
class Recovered:
    """`pointers`: words in the sandbox's data and constants that hold addresses in its code (label with tag SLOT: of
    a slot); `entries`: words of the host that hold the address of an export. Both {address of the word: target}."""

    program: Program
    pointers: dict[int, Label]
    entries: dict[int, Label]


def recover(elf: LinkedElf, request: RewriteRequest) -> Recovered:
    """Lift one sandbox. Raises RingfenceError for what is not supported, naming the instruction."""
    work = Recovery(elf, request)
    entries = _host_references(elf, request, work)
    pointers = {}
    for relocation in work.relocations.values():
        if not work.in_code(relocation.address) and relocation.kind in _POINTERS:
            target = work.pointer(relocation, elf.word(relocation.address))
            if target is not None:
                pointers[relocation.address] = target
    work.follow(_export(work, name, address) for name, address in request.exports.items())
    slots = tuple(map(Label, sorted(work.taken)))
    _point_to_slots(work, slots)
    program = Program(
        items=tuple(_items(work)),
        functions=work.functions,
        slots=slots,
        exports={name: Label(address & ~1) for name, address in request.exports.items()},
        imports=work.imports,
    )
    return Recovered(program, pointers, entries)


def _point_to_slots(work: Recovery, slots: tuple[Label, ...]) -> None:
    """Literals that hold a function's address hold that of its slot from now on."""
    for where, word in work.words.items():
        if word.label is not None and word.label.tag == SLOT:
            work.words[where] = Word(slot_address(work.request, slots, word.label) | 1)


def slot_address(request: RewriteRequest, slots: Sequence[Label], target: Label) -> int:
    """Where the slot of a function or import is, without Thumb bit."""
    return request.slots_start + 4 * slots.index(Label(target.address))


def _export(work: Recovery, name: str, address: int) -> int:
    if not address & 1 or address & ~1 not in work.starts:
        raise RingfenceError(
            f"sandbox {work.request.name}: export {name} at {address:#010x} is not a function of its code"
        )
    return address & ~1


def _host_references(elf: LinkedElf, request: RewriteRequest, work: Recovery) -> dict[int, Label]:
    """The host's words that hold entries; any other reference from the host into the sandbox's code is refused."""
    entries = {}
    for relocation in elf.relocations:
        symbol = relocation.symbol
        if relocation.section in work.own or relocation.kind == "NONE" or not work.in_code(symbol.value & ~1):
            continue
        if symbol.name.startswith(f"__rf_{request.name}_") and symbol.kind != STT_FUNC:
            continue  # the linker script's bounds of the code
        value = elf.word(relocation.address) if relocation.kind in _POINTERS else 0
        if value not in request.exports.values():
            raise RingfenceError(
                f"the host refers to '{symbol.name}' inside sandbox {request.name} at {relocation.address:#010x}",
                "call a sandbox only through its gates",
            )
        entries[relocation.address] = Label(value & ~1)
    return entries


def _items(work: Recovery) -> Iterator[Item]:
    """Everything that was found, in the order of the original addresses."""
    pieces: dict[int, Body] = {**work.blobs, **work.words, **work.tables, **work.insns}
    used = 0
    for address in sorted(pieces):
        if address < used:
            raise work.refuse(address, "instructions overlap: control enters the middle of one")
        body = pieces[address]
        if isinstance(body, Insn) and body.kind == "literal" and body.target is not None:
            word = work.words[body.target.address]
            body = replace(body, value=word.value if word.label is None else None)
        labels = [Label(address)]
        if address in work.blocks:
            labels.append(Label(work.blocks[address]))
        used = address + work.sizes.get(address, 0)
        yield Item(body, address, tuple(labels))
        if address in work.ends:
            yield Item(trap(UNREACHABLE), address)


class Recovery:
    """What is known of one sandbox while its code is being followed."""

    def __init__(self, elf: LinkedElf, request: RewriteRequest) -> None:
        self.elf = elf
        self.request = request
        self.functions = _functions(elf, request)
        self.starts = {f.start for f in self.functions}
        self.imports = {address & ~1: name for name, address in request.imports.items()}
        self.own = _own_sections(elf, request.name)
        self.relocations = {r.address: r for r in elf.relocations if r.section in self.own and r.kind != "NONE"}
        self._map_addresses, self._map_kinds = _mapping(elf, request)
        self.insns: dict[int, Insn] = {}
        self.blocks: dict[int, int] = {}  # first instruction of an IT block: the IT instruction
        self.sizes: dict[int, int] = {}
        self.previous: dict[int, int] = {}  # the instruction that falls through to this one
        self.ends: set[int] = set()  # instructions that run into something that is not code
        self.words: dict[int, Word] = {}
        self.tables: dict[int, Table] = {}
        self.blobs: dict[int, Bytes] = {}
        self.taken: set[int] = set()  # functions and imports whose address is taken
        self._addresses: list[tuple[int, int]] = []  # (instruction, address) of every adr
        self._work: list[int] = []

    # -- what is where -------------------------------------------------------------------------------------------

    def in_code(self, address: int) -> bool:
        return self.request.code_start <= address < self.request.slots_start

    def _region(self, address: int) -> tuple[str, int]:
        """'t' or 'd', and where the region ends."""
        n = bisect_right(self._map_addresses, address)
        if n == 0 or not self.in_code(address):
            return "", address
        end = self._map_addresses[n] if n < len(self._map_addresses) else self.request.slots_start
        return self._map_kinds[n - 1], end

    def is_code(self, address: int) -> bool:
        return address % 2 == 0 and self._region(address)[0] == "t"

    def where(self, address: int) -> str:
        return place(self.functions, address)

    def refuse(self, address: int, why: str, hint: str | None = None) -> RingfenceError:
        return RingfenceError(f"sandbox {self.request.name}: {self.where(address)}: {why}", hint)

    # -- following the code --------------------------------------------------------------------------------------

    def follow(self, roots: Iterable[int]) -> None:
        """Decode everything that control can reach from these addresses, and keep the constants that it uses."""
        self._work.extend(roots)
        while self._work or self._addresses:
            while self._work:
                address = self._work.pop()
                if address not in self.insns:
                    self._straight(address)
            while self._addresses:
                self._address(*self._addresses.pop())

    def _straight(self, address: int) -> None:
        """Decode from `address` until control does not fall through, or reaches what is already decoded."""
        if not self.is_code(address):
            raise self.refuse(address, "control reaches an address that is not code")
        while address not in self.insns:
            last, following, falls = self._unit(address)
            if not falls:
                return
            if not self._continues(last, following):
                self.ends.add(last)
                return
            self.previous.setdefault(following, last)
            address = following

    def _continues(self, address: int, following: int) -> bool:
        """Whether the instruction after `address` is executed after it: it is code, and not behind a last call."""
        if not self.is_code(following):
            return False
        insn = self.insns[address]
        if insn.kind not in ("call", "call_register") or insn.conditional:
            return True
        caller = next((f for f in reversed(self.functions) if f.start <= address), None)
        return following not in self.starts and (caller is None or address >= caller.end or following < caller.end)

    def _unit(self, address: int) -> tuple[int, int, bool]:
        """Decode an instruction or an IT block: (its last instruction, what follows it, whether control gets there)."""
        halfword = int.from_bytes(self.elf.read(address, 2), "little")
        if halfword >> 8 != 0xBF or halfword & 15 == 0:
            falls = self._instruction(address, ALWAYS)
            return address, address + self.sizes[address], falls
        self.blocks[address + 2] = address
        last, following, falls = address, address + 2, True
        for condition in _it_conditions(halfword):
            if not self.is_code(following):
                raise self.refuse(address, "an IT block runs into data")
            falls = self._instruction(following, condition)
            if last != address:
                self.previous[following] = last
            last, following = following, following + self.sizes[following]
        return last, following, falls

    def _instruction(self, address: int, condition: int) -> bool:
        """Decode one instruction and note what it refers to; whether control can go on behind it."""
        size = 4 if is_wide(int.from_bytes(self.elf.read(address, 2), "little")) else 2
        try:
            insn = at(decode(self.elf.read(address, size), condition), address)
        except UnsupportedInstruction as error:
            raise self.refuse(
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
        elif insn.kind in ("literal", "literal_pair") and insn.target is not None:
            self._literal(address, insn, insn.target.address)
        elif insn.kind == "adr" and insn.target is not None:
            self._addresses.append((address, insn.target.address))
        elif insn.kind == "table":
            self._halfword_table(address, insn)
        elif insn.kind == "table_load":
            return self._address_table(address, insn)
        elif insn.name in ("movw", "movt"):
            return self._halves(address, insn)
        return insn

    def _jump(self, address: int, target: int) -> None:
        if target in self.imports:
            return
        if not self.in_code(target):
            raise self.refuse(
                address,
                f"a branch to {target:#010x}, which is neither in the sandbox nor an import",
                "declare the function as an import",
            )
        self._work.append(target)

    # -- literals and addresses ----------------------------------------------------------------------------------

    def _literal(self, address: int, insn: Insn, where: int) -> None:
        count = 1 if insn.kind == "literal" else 2
        for n in range(count):
            if where % 4 or self._region(where + 4 * n)[0] != "d":
                raise self.refuse(address, f"a literal at {where:#010x} that is not data")
            self.words[where + 4 * n] = self._word(where + 4 * n)

    def _word(self, where: int) -> Word:
        """The word of a literal pool as it must be in the rewritten image."""
        relocation = self.relocations.get(where)
        value = self.elf.word(where)
        if relocation is None:
            return Word(value)
        target = self.pointer(relocation, value)
        if target is None:
            return Word(value)
        return Word(value, target)

    def pointer(self, relocation: Relocation, value: int) -> Label | None:
        """What a relocated word points to: a function or import (then it needs a slot), constants among the code, or
        nothing that moves (None). Raises for other addresses in the code."""
        if relocation.kind not in _POINTERS:
            raise self.refuse(relocation.address, f"a relocation of type {relocation.kind} is not supported")
        target = value & ~1
        if target in self.imports and value & 1:
            self.taken.add(target)
            return Label(target, "slot")
        if not self.in_code(target) or relocation.symbol.name.startswith(f"__rf_{self.request.name}_code_"):
            return None
        if value & 1 and target in self.starts:
            if target not in self.taken:
                self.taken.add(target)
                self._work.append(target)
            return Label(target, "slot")
        if self._region(value)[0] == "d":
            return self._keep_constants(value)
        raise self.refuse(
            relocation.address,
            f"the address {value:#010x} ({self.where(target)}) in the middle of a function is taken",
            "computed goto is not supported in a sandbox",
        )

    def _address(self, address: int, target: int) -> None:
        """adr: of a jump table (known by now), or of constants; the distance to code cannot be followed."""
        if target in self.tables:
            return
        if self._region(target)[0] != "d":
            raise self.refuse(address, "the address of code is computed", "computed goto is not supported in a sandbox")
        self._keep_constants(target)

    def _keep_constants(self, address: int) -> Label:
        """Keep the data region around an address word by word, so that it can be addressed from anywhere."""
        n = bisect_right(self._map_addresses, address) - 1
        start, (_, end) = self._map_addresses[n], self._region(address)
        where = start
        while where < end:
            step = min(4 - where % 4, end - where)
            if step == 4 and where not in self.words:
                self.words[where] = Word(self.elf.word(where))
                self.words[where] = self._word(where)
            elif step < 4:
                self.blobs[where] = Bytes(self.elf.read(where, step))
            where += step
        if address % 4:
            raise self.refuse(address, "an unaligned address among constants in the code is taken")
        return Label(address)

    def _halves(self, address: int, insn: Insn) -> Insn:
        """movw or movt of a function's address (-mpure-code, clang) becomes that of its slot."""
        relocation = self.relocations.get(address)
        if relocation is None or not self.in_code(relocation.symbol.value & ~1):
            return insn
        raise self.refuse(
            address,
            "a code address in a movw/movt pair is not supported",
            "compile without -mpure-code and -mslow-flash-data",
        )

    # -- jump tables ---------------------------------------------------------------------------------------------

    def _history(self, address: int) -> list[Insn]:
        """The instructions that fall through to this one, nearest first."""
        result = []
        while address in self.previous and len(result) < 24:
            address = self.previous[address]
            result.append(self.insns[address])
        return result

    def _halfword_table(self, address: int, insn: Insn) -> None:
        """tbb, tbh: the table begins right behind the instruction (A7.7.185)."""
        width = 1 if insn.name == "tbb" else 2
        start = address + 4
        kind, end = self._region(start)
        if kind != "d":
            raise self.refuse(address, "the jump table behind the instruction is not marked as data")
        available = (end - start) // width
        bound = bound_before(self._history(address), insn.operands[0].register)
        count = min(available, bound) if bound else available
        content = self.elf.read(start, count * width)
        targets = [start + 2 * int.from_bytes(content[n : n + width], "little") for n in range(0, count * width, width)]
        while bound is None and targets and not self.is_code(targets[-1]):
            targets.pop()  # the pad byte behind a table
        self._table(address, start, width, targets)

    def _address_table(self, address: int, insn: Insn) -> Insn:
        """ldr pc, [rn, rm, lsl #2] with rn from an adr before it: a table of relocated addresses."""
        memory = insn.memory
        history = self._history(address)
        start = table_register(history, memory.base) if memory is not None and memory.shift == 2 else None
        if memory is None or start is None or self._region(start)[0] != "d":
            raise self.refuse(
                address, "a computed jump whose table is not known", "computed goto is not supported in a sandbox"
            )
        end = self._region(start)[1]
        bound = bound_before(history, memory.index)
        targets: list[int] = []
        where = start
        while where + 4 <= end and where in self.relocations and (bound is None or len(targets) < bound):
            targets.append(self.elf.word(where) & ~1)
            where += 4
        self._table(address, start, 4, targets)
        return replace(insn, target=Label(start))

    def _table(self, address: int, start: int, width: int, targets: list[int]) -> None:
        if not targets or not all(map(self.is_code, targets)):
            raise self.refuse(address, f"the jump table at {start:#010x} has entries that are not code")
        self.tables[start] = Table(width, tuple(map(Label, targets)))
        self._work.extend(targets)


def _it_conditions(halfword: int) -> list[int]:
    """The conditions that an IT instruction gives to the instructions after it (A7.7.38)."""
    first, mask = halfword >> 4 & 15, halfword & 15
    count = 4 - ((mask & -mask).bit_length() - 1)
    return [first, *((first & 14) | (mask >> (4 - n) & 1) for n in range(1, count))]


def _functions(elf: LinkedElf, request: RewriteRequest) -> tuple[Function, ...]:
    """STT_FUNC symbols in the code, one for each address; those without size end at the next one."""
    names: dict[int, tuple[str, int]] = {}
    for symbol in elf.symbols:
        start = symbol.value & ~1
        if symbol.kind == STT_FUNC and symbol.section and request.code_start <= start < request.slots_start:
            known = names.get(start)
            names[start] = (symbol.name, symbol.size) if known is None else (known[0], max(symbol.size, known[1]))
    starts = sorted(names)
    result = []
    for start, following in zip(starts, [*starts[1:], request.slots_start], strict=True):
        name, size = names[start]
        result.append(Function(name, start, start + size if size else following))
    return tuple(result)


def _own_sections(elf: LinkedElf, name: str) -> set[int]:
    prefix = f".ringfence.{name}."
    return {s.index for s in elf.sections if s.name.startswith(prefix) and s.allocated}


def _mapping(elf: LinkedElf, request: RewriteRequest) -> tuple[list[int], list[str]]:
    """Mapping symbols of the code, sorted by address; of several at one address the last in the file counts."""
    kinds = {
        s.value: s.name[1]
        for s in elf.symbols
        if s.is_mapping and request.code_start <= s.value < request.slots_start and elf.sections[s.section].allocated
    }
    return sorted(kinds), [kinds[a] for a in sorted(kinds)]
