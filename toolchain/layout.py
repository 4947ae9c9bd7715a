"""Where everything goes: items laid out again from the code's start, widened until all distances fit.

Sizes only grow, so the search ends; then every distance is checked once more by the encoders. IT blocks are made here:
runs of conditional instructions that nothing enters sideways, at most four under a condition or its opposite.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from . import encode
from .asm import trap
from .errors import RingfenceError
from .floating import at_base
from .flow import goes_on, table_of
from .insn import PC, Insn, Label
from .program import Bytes, Program, Table, Word

_FILL = trap(0xF0).raw
_GROWING = ("branch", "zero", "literal", "adr", "literal_pair", "literal_float")


@dataclass(frozen=True)
class Placed:
    """The result: `code` begins at `start`; `addresses[n]` is where item n begins (its IT instruction included).

    `blocks`: the items before which an IT instruction was put."""

    program: Program
    start: int
    code: bytes
    addresses: tuple[int, ...]
    blocks: frozenset[int] = frozenset()

    def instruction(self, n: int) -> int:
        """Where the instruction of item n is, behind its IT instruction."""
        return self.addresses[n] + (2 if n in self.blocks else 0)

    def item_at(self, address: int) -> int:
        """The item whose instruction is there, or that begins there."""
        return self._items[address]

    @cached_property
    def _items(self) -> dict[int, int]:
        starts = {address: n for n, address in reversed(list(enumerate(self.addresses)))}
        return starts | {self.instruction(n): n for n, item in enumerate(self.program.items) if item.insn is not None}

    def address_of(self, label: Label) -> int:
        """Without Thumb bit; imports are where they are."""
        n = self.program.index.get(label)
        return _outside(self.program, label) if n is None else self.addresses[n]

    def made_by(self) -> dict[int, str]:
        """Address of every instruction that is not from the original code (IT instructions left out): what for."""
        return {self.instruction(n): item.made_by for n, item in enumerate(self.program.items)
                if item.made_by and item.insn is not None}

    def stores(self) -> dict[int, str]:
        """Address of every store of the original code: that it is guarded, or why not."""
        return {self.instruction(n): item.handled for n, item in enumerate(self.program.items)
                if item.handled and not item.made_by}

    @cached_property
    def _origins(self) -> list[int]:
        """The items' original addresses; they never decrease."""
        return [item.origin for item in self.program.items]

    def address_of_original(self, address: int) -> int:
        """Where the first item made from this original address or a later one is; else the end of the code."""
        n = bisect_left(self._origins, address)
        return self.addresses[n] if n < len(self.addresses) else self.start + len(self.code)


def lay_out(program: Program, start: int) -> Placed:
    """Raises RingfenceError where something cannot reach its target in any form."""
    return _Layout(program, start).place()


def _outside(program: Program, label: Label) -> int:
    """The address of an import; nothing else outside the program may be referred to."""
    if label.address not in program.imports:
        raise RingfenceError(f"internal error: {label.address:#010x} is referred to but was not recovered")
    return label.address


class _Layout:
    """`_forms[n]` is how wide item n is: 0 as it was, higher is longer."""

    def __init__(self, program: Program, start: int) -> None:
        self._program = program
        self._start = start
        self._forms = [0] * len(program.items)
        self._addresses = [0] * len(program.items)
        self._blocks: dict[int, list[int]] = {}  # first item of an IT block: conditions of its instructions
        self._tables = self._table_users()
        self._loops = self._loop_heads()
        self._loop_order = sorted(self._loops)
        self._widened: set[int] = set()  # items that have become longer since sizes were last noted
        self._sizes = [0] * len(program.items)
        self._alignments = [1] * len(program.items)
        self._elastic = self._that_may_grow()

    def place(self) -> Placed:
        self._make_blocks()
        self._note_sizes(range(len(self._program.items)))
        while True:
            end = self._assign()
            if not self._widen():
                break
            self._note_widened()
        code = bytearray()
        for n in range(len(self._program.items)):
            gap = self._addresses[n] - self._start - len(code)
            code += (_FILL * 2)[:gap] if gap % 2 == 0 else b"\0" + _FILL[: gap - 1]
            code += self._encode(n)
        if len(code) != end - self._start:
            raise RingfenceError("internal error: layout is not at a fixpoint")
        return Placed(self._program, self._start, bytes(code), tuple(self._addresses), frozenset(self._blocks))

    def _loop_heads(self) -> frozenset[int]:
        """Items that branches lead back to."""
        back = ((item.insn.target, n) for n, item in enumerate(self._program.items)
                if item.insn is not None and item.insn.kind == "branch" and item.insn.target is not None)
        targets = ((self._program.index.get(label), n) for label, n in back)
        return frozenset(target for target, n in targets if target is not None and target <= n)

    def _that_may_grow(self) -> list[tuple[int, Insn | Table, int | None, int]]:
        """Tables, and instructions that can be longer: index, body, and the target's item or its address outside."""
        found: list[tuple[int, Insn | Table, int | None, int]] = []
        for n, item in enumerate(self._program.items):
            if isinstance(item.body, Table):
                found.append((n, item.body, None, 0))
            elif item.insn is not None and item.insn.target is not None and item.insn.kind in _GROWING:
                target = self._program.index.get(item.insn.target)
                found.append((n, item.insn, target, _outside(self._program, item.insn.target) if target is None else 0))
        return found

    def _falls_into(self, n: int) -> bool:
        """Whether control gets to item n from the one before."""
        before = self._program.items[n - 1].insn if n else None
        return before is not None and goes_on(before)

    def _table_users(self) -> dict[int, int]:
        """Table's item index: the jump that uses it."""
        users = {}
        for n, item in enumerate(self._program.items):
            if item.insn is not None and item.insn.kind == "table":
                table_of(self._program, n)
                users[n + 1] = n
        return users

    # -- sizes and addresses -------------------------------------------------------------------------------------

    def _count(self, n: int, insn: Insn) -> int:
        """How many machine instructions an item is."""
        form = self._forms[n]
        if insn.kind in ("literal", "adr"):
            return 2 if form == 2 else 1
        return {"literal_pair": 4, "literal_float": 3}.get(insn.kind, 1) if form else 1

    def _make_blocks(self) -> None:
        """Group conditional instructions into IT blocks."""
        self._blocks = {}
        conditions: list[int] = []
        for n, item in enumerate(self._program.items):
            insn = item.insn
            if insn is None or not insn.needs_it:
                conditions = []
                continue
            wanted = [insn.condition] * self._count(n, insn)
            fits = conditions and len(conditions) + len(wanted) <= 4 and conditions[0] >> 1 == insn.condition >> 1
            if not fits or n in self._program.joins:
                conditions = self._blocks[n] = []
            conditions += wanted

    def _note_widened(self) -> None:
        """What follows from new forms for IT blocks and sizes."""
        widened, self._widened = self._widened, set()
        insns = (self._program.items[n].insn for n in widened)
        if any(insn is not None and insn.needs_it for insn in insns):
            self._make_blocks()
            self._note_sizes(range(len(self._program.items)))
        else:
            self._note_sizes(widened)

    def _note_sizes(self, items: Iterable[int]) -> None:
        for n in items:
            self._sizes[n], self._alignments[n] = self._size(n), self._alignment(n)

    def _assign(self) -> int:
        address, addresses = self._start, self._addresses
        for n, (size, alignment) in enumerate(zip(self._sizes, self._alignments, strict=True)):
            addresses[n] = address = (address + alignment - 1) & -alignment
            address += size
        return address

    def _alignment(self, n: int) -> int:
        body = self._program.items[n].body
        if isinstance(body, Word) or (isinstance(body, Table) and body.width == 4):
            return 4
        if self._begins_better_at_words(n) and not self._falls_into(n):
            return 4
        return 2 if isinstance(body, Insn) else 1

    def _begins_better_at_words(self, n: int) -> bool:
        """Whether it costs a cycle more to branch back to it elsewhere: an instruction of 4 bytes (DDI 0337, 3.3.1)."""
        return n in self._loops and n not in self._blocks and self._size(n) == 4

    def _size(self, n: int) -> int:
        body, form = self._program.items[n].body, self._forms[n]
        if isinstance(body, Word):
            return 4
        if isinstance(body, Table):
            return self._width(n, body) * len(body.targets)
        if isinstance(body, Bytes):
            return len(body.data)
        return self._insn_size(n, body, form) + (2 if n in self._blocks else 0)

    def _width(self, n: int, table: Table) -> int:
        return table.width + (1 if self._forms[n] else 0)

    def _insn_size(self, n: int, insn: Insn, form: int) -> int:
        if insn.kind == "branch":
            return 2 + 2 * form
        if insn.kind == "zero":
            return 2 + 2 * form
        if insn.kind in ("literal", "adr"):
            return (len(insn.raw), 4, 8)[form]
        if insn.kind == "literal_pair":
            return 16 if form else 4
        if insn.kind == "literal_float":
            return 12 if form else 4
        return len(insn.raw)

    # -- widening ------------------------------------------------------------------------------------------------

    def _widen(self) -> bool:
        for n, body, target, outside in self._elastic:
            if isinstance(body, Table):
                fits = self._table_fits(n, body)
            else:
                fits = self._fits(n, body, outside if target is None else self._addresses[target])
            if not fits:
                self._forms[n] += 1
                self._widened.add(n)
        return bool(self._widened) or self._align_loops()

    def _align_loops(self) -> bool:
        """Make a branch or literal load before a loop 4 bytes long where that brings the loop to a word's start. One at
        a time, since the others move."""
        for n in self._loop_order:
            before = self._program.items[n - 1].insn if n else None
            if before is None or before.kind not in ("branch", "literal", "adr") or self._forms[n - 1]:
                continue
            wants = self._begins_better_at_words(n) and self._falls_into(n) and self._addresses[n] % 4
            if wants and self._size(n - 1) == 2 and n - 1 not in self._blocks and not before.needs_it:
                self._forms[n - 1] = 1
                self._widened.add(n - 1)
                return True
        return False

    def _target(self, label: Label) -> int:
        n = self._program.index.get(label)
        return _outside(self._program, label) if n is None else self._addresses[n]

    def _place(self, n: int) -> int:
        """The address of the instruction itself, behind its IT instruction."""
        return self._addresses[n] + (2 if n in self._blocks else 0)

    def _fits(self, n: int, insn: Insn, target: int) -> bool:
        address, form = self._place(n), self._forms[n]
        distance = target - address
        if insn.kind == "branch":
            return form == 1 or encode.fits_branch(distance, insn.condition)
        if insn.kind == "zero":
            return (encode.fits_zero, lambda d: encode.fits_branch(d - 2, 14), lambda _: True)[form](distance)
        if insn.kind in ("literal", "adr"):
            wide = form == 1 or len(insn.raw) == 4
            return form == 2 or encode.fits_literal(address, target, wide)
        if insn.kind == "literal_pair":
            return form == 1 or encode.fits_pair(address, target)
        if insn.kind == "literal_float":
            return form == 1 or encode.fits_float(address, target) or self._needs_scratch(n, insn)
        return True

    def _needs_scratch(self, n: int, insn: Insn) -> bool:
        """Never true: an FP literal out of reach needs a register for its address."""
        if len(insn.operands) < 2:
            raise RingfenceError(f"{self._program.where(n)}: an FP literal is too far away and no register is free",
                                 "make the function smaller")
        return False

    def _table_fits(self, n: int, table: Table) -> bool:
        if table.width == 4 or self._forms[n]:
            return True
        limit = 2 * ((1 << 8 * table.width) - 1)
        if table.width == 2 and not all(0 <= d <= limit for d in self._distances(n, table)):
            raise RingfenceError(f"{self._program.where(n)}: a jump table's targets are too far away")
        return all(0 <= d <= limit for d in self._distances(n, table))

    def _distances(self, n: int, table: Table) -> list[int]:
        return [self._target(t) - self._addresses[n] for t in table.targets]

    # -- bytes ---------------------------------------------------------------------------------------------------

    def _encode(self, n: int) -> bytes:
        body = self._program.items[n].body
        if isinstance(body, Word):
            return self._word(body).to_bytes(4, "little")
        if isinstance(body, Table):
            return self._encode_table(n, body)
        if isinstance(body, Bytes):
            return body.data
        prefix = encode.it(self._blocks[n]) if n in self._blocks else b""
        return prefix + self._encode_insn(n, body)

    def _word(self, word: Word) -> int:
        return word.value if word.label is None else self._target(word.label)

    def _encode_table(self, n: int, table: Table) -> bytes:
        width = self._width(n, table)
        if width == 4:
            return b"".join((self._target(t) | 1).to_bytes(4, "little") for t in table.targets)
        if any(d < 0 or d % 2 or d >> 1 >> 8 * width for d in self._distances(n, table)):
            raise RingfenceError(f"{self._program.where(n)}: a jump table's targets are too far away")
        return b"".join((d >> 1).to_bytes(width, "little") for d in self._distances(n, table))

    def _encode_insn(self, n: int, insn: Insn) -> bytes:
        if insn.kind == "table":
            return self._encode_table_jump(n, insn)
        if insn.target is None or insn.kind == "table_load":
            return insn.raw
        address, target, form = self._place(n), self._target(insn.target), self._forms[n]
        distance = target - address
        if insn.kind == "branch":
            return (encode.branch, encode.branch_wide)[form](distance, insn.condition)
        if insn.kind == "call":
            return encode.call(distance)
        if insn.kind == "zero":
            return self._encode_zero(insn, form, distance)
        registers = [o.register for o in insn.operands]
        wide = form == 1 or len(insn.raw) == 4
        if insn.kind == "literal":
            if form == 2:
                return encode.constant(registers[0], self._literal(n, insn.target, 0))
            return encode.literal(address, target, registers[0], wide)
        if insn.kind == "literal_pair":
            if form == 1:
                return b"".join(encode.constant(r, self._literal(n, insn.target, k)) for k, r in enumerate(registers))
            return encode.literal_pair(address, target, *registers)
        if insn.kind == "literal_float":
            return self._encode_float(insn, form, address, target)
        if form == 2:
            return encode.constant(registers[0], target)
        return encode.address_of(address, target, registers[0], wide)

    def _encode_float(self, insn: Insn, form: int, address: int, target: int) -> bytes:
        if form == 0:
            return at_base(insn.raw, PC, target - (address + 4 & ~3))
        scratch = insn.operands[1].register
        return encode.constant(scratch, target) + at_base(insn.raw, scratch, 0)

    def _literal(self, n: int, label: Label, k: int) -> int:
        """The k-th word at a label."""
        body = self._program.items[self._program.index[label] + k].body
        if not isinstance(body, Word):
            raise RingfenceError(f"{self._program.where(n)}: no literal where one is needed")
        return self._word(body)

    def _encode_zero(self, insn: Insn, form: int, distance: int) -> bytes:
        """cbz, or the opposite one over a branch."""
        register, nonzero = insn.operands[0].register, insn.name == "cbnz"
        if form == 0:
            return encode.zero(register, nonzero, distance)
        if form == 1:
            return encode.zero(register, not nonzero, 4) + encode.branch(distance - 2, 14)
        return encode.zero(register, not nonzero, 6) + encode.branch_wide(distance - 2)

    def _encode_table_jump(self, n: int, insn: Insn) -> bytes:
        """tbb becomes tbh when its table does: bit 4 of the second halfword."""
        table = table_of(self._program, n)
        second = int.from_bytes(insn.raw[2:], "little") & ~0x10 | (0x10 if self._width(n + 1, table) == 2 else 0)
        return insn.raw[:2] + second.to_bytes(2, "little")
