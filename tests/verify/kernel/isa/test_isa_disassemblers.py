"""The decoder against capstone and GNU objdump: on all of newlib, libm and libgcc, and on the edges of every row.

Library code is what objdump prints of the archives of three multilibs (mapping symbols tell it code from data). Every
distinct instruction is decoded by all three. Where they disagree it is listed here by name, with the reason; the lists
must be exactly what is met.
"""

from __future__ import annotations

import itertools
import random
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ringfence.verify.concrete import ConcreteMachine
from ringfence.verify.kernel.isa.decode import TABLE, Instruction, Refused, decode, decode_word
from ringfence.verify.kernel.isa.rows import Row
from ringfence.verify.kernel.term import Term
from support.toolchain import run

capstone = pytest.importorskip("capstone")
cs = pytest.importorskip("capstone.arm_const")

pytestmark = pytest.mark.skipif(shutil.which("arm-none-eabi-objdump") is None, reason="no arm-none-eabi tools")

# multilib -> its flags, and the extensions that its code may use
MULTILIBS = {
    "v7-m/nofp": (["-march=armv7-m"], {""}),
    "v7e-m+fp/hard": (["-march=armv7e-m+fp", "-mfloat-abi=hard"], {"", "dsp", "fp"}),
    "v7e-m+dp/hard": (["-march=armv7e-m+fp.dp", "-mfloat-abi=hard"], {"", "dsp", "fp", "fp5", "fp64"}),
}
ARCHIVES = ("libc.a", "libc_nano.a", "libm.a", "libgcc.a")
PC = 0x1000
_NOT_ALLOWED = re.compile("undefined|unpredictable|^(cdp|mcr|mrc|ldc|stc)", re.IGNORECASE)
_LINE = re.compile(r"^ *([0-9a-f]+):\t([0-9a-f]{4})(?: ([0-9a-f]{4}))? +\t(\S+)(.*)")

# Library code that the kernel refuses: the beginning of its reason -> objdump's mnemonics. (`mov pc, lr` ends
# a hand-written function; libgcc's unwinder saves d16-d31 and iWMMXt registers, and with FLDMX and FSTMX.)
REFUSED = {
    "MOV (register) T1: a computed jump that loses the Thumb bit": {"mov"},
    "VLDM, VPOP, VSTM, VPUSH: UNPREDICTABLE register list": {"fldmiax", "fstmiax", "vldmia", "vstmia"},
    "coprocessor: coprocessors other than floating point": {"ldfe", "stfe", "ldfp", "stfp", "ldc2", "stc2"},
}
# libgcc's unwinder saves floating-point registers, in every multilib, where it finds some at run time.
UNWINDER = {"v7-m/nofp": {"VLDM, VPOP, VSTM, VPUSH"}}

# What capstone 5 says of an instruction, and the kernel does not -> mnemonics, with the reason.
NO_PC_WRITE = "capstone lists no write of PC for branches, though it does for bl, bx and loads"
NO_BASE_WRITE = "capstone lists no write of the base for stmdb, vpush and vpop"
NO_FLAGS = "capstone leaves out that msr sets the flags"
FLAGS_WITHOUT_S = "capstone sets update_flags for adc and sbc without S, and for instructions that set GE"
CAPSTONE = {
    NO_PC_WRITE: {"b", "b.w", "cbz", "cbnz", "tbb", "tbh"}
    | {f"b{c}.w" for c in ["eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"]},
    NO_BASE_WRITE: {"stmdb", "vpush", "vpop"},
    NO_FLAGS: {"msr"},
    FLAGS_WITHOUT_S: {"adc", "adc.w", "sbc", "sbc.w", "uadd8"},
}
# Accepted at the edges of a row, and no instruction to capstone.
UNKNOWN_TO_CAPSTONE = {"f9de": "udf #249 is LLVM's own trap for a division by zero"}


@dataclass
class Code:
    """Distinct instructions of a library: code bytes -> objdump's mnemonic; and how many there are in all."""

    mnemonics: dict[bytes, str] = field(default_factory=dict)
    count: int = 0


EdgeCases = tuple[list[Instruction], list[bytes]]


def little(word: int, size: int) -> bytes:
    halves = [word] if size == 2 else [word >> 16, word & 0xFFFF]
    return b"".join(half.to_bytes(2, "little") for half in halves)


def objdump_lines(*arguments: str | Path) -> Iterator[tuple[int, bytes, str, str]]:
    """(address, code, mnemonic, the rest) of every instruction that objdump prints."""
    for text in run("arm-none-eabi-objdump", "-z", *arguments).splitlines():
        found = _LINE.match(text)
        if found and not found[4].startswith("."):
            halves = [found[2], found[3]] if found[3] else [found[2]]
            yield int(found[1], 16), b"".join(bytes.fromhex(h)[::-1] for h in halves), found[4], found[5]


@pytest.fixture(scope="module")
def libraries() -> dict[str, Code]:
    found: dict[str, Code] = {}
    for name, (flags, _) in MULTILIBS.items():
        code = found[name] = Code()
        for archive in ARCHIVES:
            path = run("arm-none-eabi-gcc", "-mthumb", *flags, f"-print-file-name={archive}").strip()
            for _, data, mnemonic, _ in objdump_lines("-d", path):
                code.mnemonics[data] = mnemonic
                code.count += 1
    return found


@pytest.fixture(scope="module")
def distinct(libraries: dict[str, Code]) -> dict[bytes, str]:
    return {data: mnemonic for code in libraries.values() for data, mnemonic in code.mnemonics.items()}


@pytest.fixture(scope="module")
def disassembler() -> Any:
    md = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    md.detail = True
    return md


def test_the_libraries_are_really_read(libraries: dict[str, Code]) -> None:
    for code in libraries.values():
        assert code.count > 100_000
        assert len(code.mnemonics) > 20_000


def test_all_three_agree_where_instructions_end(distinct: dict[bytes, str], disassembler: Any) -> None:
    wrong, refused = [], defaultdict(set)
    for data, mnemonic in distinct.items():
        other = next(disassembler.disasm(data, PC), None)
        try:
            size = decode(data + b"\x00\xbf", 0).size
        except Refused as reason:
            refused[str(reason)].add(mnemonic)
            continue
        if not size == len(data) == getattr(other, "size", None):
            wrong.append(f"{data.hex()} {mnemonic}: {size} {other}")
    assert wrong == []
    undeclared = {
        reason: mnemonics
        for reason, mnemonics in refused.items()
        if not any(reason.startswith(start) and mnemonics <= allowed for start, allowed in REFUSED.items())
    }
    assert undeclared == {}
    assert [start for start in REFUSED if not any(reason.startswith(start) for reason in refused)] == []


@pytest.mark.parametrize("name", MULTILIBS)
def test_no_library_needs_an_extension_that_it_was_not_built_for(libraries: dict[str, Code], name: str) -> None:
    found = defaultdict(set)
    for data in libraries[name].mnemonics:
        try:
            instruction = decode(data, 0)
        except Refused:
            continue
        found[instruction.needs].add(instruction.name)
    others = [rows for needs, rows in found.items() if needs not in MULTILIBS[name][1]]
    assert set().union(*others) == UNWINDER.get(name, set())
    assert len(found) >= min(len(MULTILIBS[name][1]), 4)


# -- the edges of every row ---------------------------------------------------------------------------------------


def edges(width: int) -> list[int]:
    """Boundary values of a field; of a register also SP, LR, PC."""
    top = (1 << width) - 1
    values = {0, 1, top - 1, top, (top + 1) >> 1} | ({13, 14, 15} if width == 4 else set())
    return sorted(v for v in values if 0 <= v <= top)


def encodings(row: Row, draw: random.Random) -> set[int]:
    """Each two fields of the row at their edges, all combinations, the others at random."""
    free = ~row.picture.mask & ((1 << row.picture.bits) - 1)
    pieces = row.picture.pieces
    found = {row.picture.match}

    def put(word: int, piece: tuple[str, int, int], value: int) -> int:
        return word & ~(((1 << piece[2]) - 1) << piece[1]) | value << piece[1]

    for _ in range(4):
        base = row.picture.match | draw.getrandbits(32) & free
        for a, b in itertools.combinations_with_replacement(pieces, 2):
            for x, y in itertools.product(edges(a[2]), edges(b[2])):
                found.add(put(put(base, a, x), b, y))
    return found


@pytest.fixture(scope="module")
def edge_cases() -> EdgeCases:
    """The accepted ones of all rows' edges, and of all halfwords; and their code."""
    draw = random.Random(1)
    words = {(w, row.picture.bits) for row in TABLE.rows for w in encodings(row, draw)}
    words |= {(w, 16) for w in range(0xE800)}
    instructions, codes = [], []
    for word, bits in sorted(words):
        if bits == 32 and word >> 27 < 0b11101:
            continue  # a picture with free top bits, which would be a 16-bit instruction
        try:
            instructions.append(decode_word(word, bits))
        except Refused:
            continue
        codes.append(little(word, bits // 8))
    return instructions, codes


def test_every_row_is_accepted_at_some_edge_and_stands_for_itself(
    edge_cases: EdgeCases,
) -> None:
    instructions, codes = edge_cases
    assert {i.name for i in instructions} == {r.name for r in TABLE.rows if r.semantics is not None}
    rows = {r.name: r for r in TABLE.rows}
    for instruction, data in zip(instructions, codes, strict=True):
        halves = [int.from_bytes(data[i : i + 2], "little") for i in range(0, len(data), 2)]
        word = halves[0] if len(halves) == 1 else halves[0] << 16 | halves[1]
        row = rows[instruction.name]
        assert row.picture.claims(word)
        assert row.picture.fields(word) == instruction.fields
        assert not any(reason[1](instruction.fields) for reason in row.checks)


def test_what_is_accepted_at_the_edges_is_an_instruction_to_objdump_and_capstone(
    edge_cases: EdgeCases, disassembler: Any, tmp_path: Path
) -> None:
    instructions, codes = edge_cases
    places: list[int] = []
    chunks: list[bytes] = []
    at = 0
    for instruction, data in zip(instructions, codes, strict=True):
        places.append(at)
        chunks.append(data + b"\x00\xbf" * (4 if instruction.name == "IT T1" else 0))  # objdump follows IT blocks
        at += len(chunks[-1])
    (tmp_path / "edges.bin").write_bytes(b"".join(chunks))
    raw = ("-D", "-b", "binary", "-marm", "-Mforce-thumb", tmp_path / "edges.bin")
    printed = {address: (data, mnemonic + rest) for address, data, mnemonic, rest in objdump_lines(*raw)}
    wrong = {}
    disassembler.detail = False
    for place, instruction, data in zip(places, instructions, codes, strict=True):
        shown, text = printed.get(place, (b"", "nothing"))
        other = next(disassembler.disasm(data, PC), None)
        if shown != data or _NOT_ALLOWED.search(text) or getattr(other, "size", None) != len(data):
            wrong[data.hex()] = f"{instruction.name}: objdump {text}, capstone {other}"
    disassembler.detail = True
    assert wrong == dict.fromkeys(UNKNOWN_TO_CAPSTONE, "UDF T1: objdump udf\t#249\t@ 0xf9, capstone None")
    assert len(instructions) > 70_000


# -- what instructions write --------------------------------------------------------------------------------------


class Recorder(ConcreteMachine):
    """Notes what one instruction writes: core registers (15 for any transfer of control), flags, stores; and loads."""

    def __init__(self, code: bytes, regs: list[int]) -> None:
        super().__init__(code, regs, 0, PC)
        self.registers: set[int] = set()
        self.sets_flags = False
        self.stores: list[tuple[int, int]] = []
        self.loads: list[tuple[int, int]] = []

    def set_reg(self, number: int, value: Term) -> None:
        self.registers.add(number)
        super().set_reg(number, value)

    def set_flags(
        self, n: Term | None = None, z: Term | None = None, c: Term | None = None, v: Term | None = None
    ) -> None:
        self.sets_flags = True
        super().set_flags(n, z, c, v)

    def store(self, address: Term, size: int, value: Term) -> None:
        self.stores.append((self.number(address), size))
        super().store(address, size, value)

    def load(self, address: Term, size: int) -> Term:
        self.loads.append((self.number(address), size))
        return super().load(address, size)

    def jump(self, target: int, condition: Term | None = None) -> None:
        self.registers.add(15)

    def jump_value(self, value: Term) -> None:
        self.registers.add(15)

    def jump_table(self, base: Term, index: Term, entry_size: int) -> None:
        self.registers.add(15)

    def call(self, target: int) -> None:
        self.registers |= {14, 15}

    def call_value(self, value: Term) -> None:
        self.registers |= {14, 15}


REGS = [0x2000_1000 + 0x100 * i for i in range(15)]
CORE = {cs.ARM_REG_R0 + i: i for i in range(13)} | {cs.ARM_REG_SP: 13, cs.ARM_REG_LR: 14, cs.ARM_REG_PC: 15}


def execute(data: bytes) -> Recorder | None:
    """The instruction run on REGS; None if it is refused."""
    m = Recorder(data, REGS)
    try:
        m.step()
    except Refused:
        return None
    return m


def name_of_difference(m: Recorder, other: Any) -> str | None:
    """How registers and flags written differ from capstone's: one of the names above, "undeclared", or None."""
    theirs = {CORE[r] for r in other.regs_access()[1] if r in CORE}
    missing = m.registers - theirs
    if theirs - m.registers or len(missing) > 1:
        return "undeclared"
    if missing:
        return NO_PC_WRITE if missing == {15} else NO_BASE_WRITE
    if m.sets_flags != other.update_flags:
        return NO_FLAGS if m.sets_flags else FLAGS_WITHOUT_S
    return None


@pytest.fixture(scope="module")
def codes(distinct: dict[bytes, str], edge_cases: EdgeCases) -> list[bytes]:
    """Of the library code and the 32-bit edges."""
    return list(dict.fromkeys([*distinct, *(data for data in edge_cases[1] if len(data) == 4)]))


def test_registers_and_flags_written_are_those_that_capstone_lists(codes: list[bytes], disassembler: Any) -> None:
    met: dict[str, set[str]] = defaultdict(set)
    for data in codes:
        m, other = execute(data), next(disassembler.disasm(data, PC), None)
        if m is None or other is None:
            continue
        difference = name_of_difference(m, other)
        if difference is not None:
            met[difference].add(other.mnemonic)
    assert met == CAPSTONE


WORD, DOUBLE = 4, 8
_SIZES = {"strb": 1, "strexb": 1, "strh": 2, "strexh": 2, "str": 4, "strex": 4, "strd": 8}
_LOADED = {"ldrb": 1, "ldrsb": 1, "ldrexb": 1, "ldrh": 2, "ldrsh": 2, "ldrexh": 2, "ldr": 4, "ldrex": 4, "ldrd": 8}
_STORING, _LOADING = ("vst", "vpush", "push", "stm"), ("vld", "vpop", "pop", "ldm")


def bytes_moved(other: Any, prefixes: tuple[str, ...], sizes: dict[str, int]) -> int:
    """How many bytes an instruction stores or loads, by capstone's mnemonic and operands; 0 for one that does not."""
    mnemonic = other.mnemonic.removesuffix(".w")
    vector, vector_stack, stack, multiple = prefixes
    registers = [o.reg for o in other.operands if o.type == cs.ARM_OP_REG]
    if mnemonic.startswith((vector, vector_stack)):
        data = registers[1:] if mnemonic.startswith(vector + "m") else registers
        return sum(DOUBLE if cs.ARM_REG_D0 <= r <= cs.ARM_REG_D31 else WORD for r in data)
    if mnemonic == stack:
        return WORD * len(registers)
    if mnemonic.startswith(multiple):
        return WORD * (len(registers) - 1)
    return sizes.get(mnemonic, 0)


def lowest_address(other: Any, size: int) -> int:
    """Where it accesses memory, from capstone's operands."""
    mnemonic = other.mnemonic.removesuffix(".w")
    if mnemonic in ("push", "vpush", "pop", "vpop"):
        return REGS[13] - (size if mnemonic.endswith("push") else 0)
    if mnemonic.startswith(("stm", "vstm", "ldm", "vldm")):
        return REGS[CORE[other.operands[0].reg]] - (size if "db" in mnemonic else 0)
    memory = next(o for o in other.operands if o.type == cs.ARM_OP_MEM)
    base = CORE[memory.mem.base]
    address = (PC + 4) & ~3 if base == 15 else REGS[base]
    if not other.post_index:
        address += memory.mem.disp
        if memory.mem.index:
            address += REGS[CORE[memory.mem.index]] << memory.shift.value
    return address & 0xFFFFFFFF


def test_stores_are_where_and_as_long_as_capstone_says(codes: list[bytes], disassembler: Any) -> None:
    wrong, stores = [], 0
    for data in codes:
        m, other = execute(data), next(disassembler.disasm(data, PC), None)
        if m is None or other is None:
            continue
        size = bytes_moved(other, _STORING, _SIZES)
        if sum(n for _, n in m.stores) != size:
            wrong.append(f"{data.hex()} {other.mnemonic} {other.op_str}: {m.stores}, not {size} bytes")
        elif size:
            stores += 1
            start, stored = lowest_address(other, size), sorted(m.writes)
            if stored != sorted((start + i) & 0xFFFFFFFF for i in range(size)):
                wrong.append(f"{data.hex()} {other.mnemonic} {other.op_str}: from {stored[0]:#x}, not {start:#x}")
    assert wrong == []
    assert stores > 5000


def test_loads_are_where_and_as_long_as_capstone_says(codes: list[bytes], disassembler: Any) -> None:
    """With confined reads an access that a row does not report, or reports elsewhere, would not be judged."""
    wrong, loads = [], 0
    for data in codes:
        m, other = execute(data), next(disassembler.disasm(data, PC), None)
        if m is None or other is None:
            continue
        size = bytes_moved(other, _LOADING, _LOADED)
        loaded = sorted(start + i for start, count in m.loads for i in range(count))
        start = lowest_address(other, size) if size else 0
        through_table = 15 in m.registers and "lsl #2" in other.op_str  # ldr pc, [rn, rm, lsl #2]: judged as a table
        if loaded != [start + i for i in range(size)] and not (through_table and not loaded):
            wrong.append(f"{data.hex()} {other.mnemonic} {other.op_str}: {m.loads}, not {size} bytes from {start:#x}")
        loads += bool(loaded)
    assert wrong == []
    assert loads > 5000
