"""No accepted 32-bit instruction breaks the manual's general rules on registers (A5.1.2, A5.1.3 and A7.7).

The rules are stated here once, by field, and not row by row as in the table; the exceptions are named.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from ringfence.verify.kernel.isa.decode import TABLE, Refused, decode_word
from ringfence.verify.kernel.isa.rows import Fields, Row

SP, PC = 13, 15
LDR = {"LDR (immediate) T3", "LDR (immediate) T4, POP T3", "LDR (literal) T2", "LDR (register) T2"}
STR = {"STR (immediate) T3", "STR (immediate) T4, PUSH T3", "STR (register) T2"}
COMPARISONS = {  # rows of an operation and, with PC as Rd and S, of its comparison
    "AND (register) T2, TST (register) T2",
    "EOR (register) T2, TEQ (register) T1",
    "ADD (register) T3, CMN (register) T2",
    "SUB (register) T2, CMP (register) T3",
    "AND (immediate) T1, TST (immediate) T1",
    "EOR (immediate) T1, TEQ (immediate) T1",
    "ADD (immediate) T3, CMN (immediate) T1",
    "SUB (immediate) T3, CMP (immediate) T2",
}
SP_ADJUSTMENT = {name for name in COMPARISONS if name.startswith(("ADD", "SUB"))} | {
    "ADD (immediate) T4",
    "SUB (immediate) T4",
}
WITHOUT_RN = {  # with PC as Rn, meaning zero
    "BFI, BFC T1",
    "ORR (register) T2, LSL, LSR, ASR, ROR, RRX (immediate)",
    "ORR (immediate) T1, MOV (immediate) T2",
    "ORN (register) T1, MVN (register) T2",
    "ORN (immediate) T1, MVN (immediate) T1",
}
MODIFIED = {name for name in COMPARISONS | WITHOUT_RN if name.endswith(("(immediate) T1", "(immediate) T2"))} | {
    "BIC (immediate) T1",
    "ADC (immediate) T1",
    "SBC (immediate) T1",
    "RSB (immediate) T2",
}


def is_memory_row(f: Fields) -> bool:
    return not {"Rt", "list", "Vd"}.isdisjoint(f)


def sp_as_destination(name: str, f: Fields) -> bool:
    if name == "MOV (register) T3":
        return f["Rd"] == SP and (f["S"] == 1 or f["Rm"] == SP)
    if name in SP_ADJUSTMENT:
        return f["Rd"] == SP and f["Rn"] != SP
    return SP in (f.get(r) for r in ("Rd", "RdLo", "RdHi", "Rt2"))


def pc_as_destination(name: str, f: Fields) -> bool:
    if name in COMPARISONS:
        return f["Rd"] == PC and f["S"] == 0
    return PC in (f.get(r) for r in ("Rd", "RdLo", "RdHi", "Rt2")) or (f.get("Rt") == PC and name not in LDR | {"VMRS"})


def sp_transferred(name: str, f: Fields) -> bool:
    return f.get("Rt") == SP and name not in STR


def sp_or_pc_as_second_operand(name: str, f: Fields) -> bool:
    if name == "MOV (register) T3":
        return f["Rm"] == PC or (f["Rm"] == SP and f["S"] == 1)
    return f.get("Rm") in (SP, PC) or f.get("Ra") == SP


def sp_as_first_operand(name: str, f: Fields) -> bool:
    memory = is_memory_row(f) or name.startswith("PL")
    return f.get("Rn") == SP and not memory and name not in SP_ADJUSTMENT


def pc_as_first_operand_or_base(name: str, f: Fields) -> bool:
    literal = name == "VLDR, VSTR" and f["L"] == 1
    no_addend = name.startswith("SXTAH") and f["op"] in (2, 3)  # SXTB16, UXTB16
    return f.get("Rn") == PC and name not in WITHOUT_RN | {"TBB, TBH T1"} and not literal and not no_addend


def bad_index_form(_name: str, f: Fields) -> bool:
    if not {"P", "U", "W"} <= f.keys():
        return False
    multiple = "Vd" in f  # increment after, increment after with writeback, decrement before with writeback
    return (f["P"], f["U"], f["W"]) not in ((0, 1, 0), (0, 1, 1), (1, 0, 1)) if multiple else not f["P"] and not f["W"]


def base_written_twice(_name: str, f: Fields) -> bool:
    if not f.get("W"):
        return False
    in_list = "list" in f and (f["list"] | f["M"] << 14) >> f["Rn"] & 1
    return bool(in_list) or f["Rn"] in (f.get("Rt"), f.get("Rt2"))


def bad_list(_name: str, f: Fields) -> bool:
    if "list" not in f:
        return False
    registers = f["list"] | f["M"] << 14 | f.get("P", 0) << 15
    return registers & (registers - 1) == 0 or registers >> 14 == 3


def one_register_twice(name: str, f: Fields) -> bool:
    if name == "VMOV (two core registers)":
        return f["L"] == 1 and f["Rt"] == f["Rt2"]
    if name.startswith("STREX"):
        return f["Rd"] in (f["Rn"], f["Rt"])
    loads_two = name.startswith("LDRD") and f["Rt"] == f["Rt2"]
    return loads_two or ("RdLo" in f and f["RdLo"] == f["RdHi"]) or f.get("Rm2", f.get("Rm")) != f.get("Rm")


def zero_pattern(name: str, f: Fields) -> bool:
    return name in MODIFIED and f["imm"] & 0xFF == 0 and f["imm"] >> 8 in (1, 2, 3)


def bad_bit_field(name: str, f: Fields) -> bool:
    if "msb" in f:
        return f["msb"] < f["lsb"]
    return "widthm1" in f and f["lsb"] + f["widthm1"] >= 32


def sp_scaled(name: str, f: Fields) -> bool:
    return name in SP_ADJUSTMENT and f["Rd"] == SP and "type" in f and (f["type"] != 0 or f["imm"] > 3)


SINGLE_TO_DOUBLE = {"VCVT (from integer)": "D", "VCVT, VCVTR (to integer)": "M", "VCVTA, VCVTN, VCVTP, VCVTM": "M"}


def no_such_double(name: str, f: Fields) -> bool:
    """d16 to d31: the top bit of each field that names a double register."""
    if name == "VCVT (double and single)":
        return bool(f["M"] if f["sz"] else f["D"])
    if name == "VCVTB, VCVTT":
        return bool(f["sz"] and (f["M"] if f["op"] else f["D"]))
    if not (f.get("sz") or f.get("double")) or name.startswith("VLDM"):
        return False
    return any(f.get(top) for top in SINGLE_TO_DOUBLE.get(name, "DNM"))


def bad_extension_list(name: str, f: Fields) -> bool:
    if not name.startswith("VLDM"):
        return False
    if f["double"]:
        return f["imm"] % 2 == 1 or not 1 <= f["imm"] // 2 <= 16 - f["Vd"] or f["D"] == 1
    return not 1 <= f["imm"] <= 32 - (2 * f["Vd"] + f["D"])


def bad_fraction(name: str, f: Fields) -> bool:
    return name == "VCVT (fixed-point)" and f["sx"] == 0 and 16 - (2 * f["imm4"] + f["i"]) < 0


def not_accumulating(name: str, f: Fields) -> bool:
    """PC as Ra means "no addend", which MLS and SMMLS do not have."""
    return f.get("Ra") == PC and (name == "SMMLS T1" or f.get("sub") == 1)


RULES: list[Callable[[str, Fields], bool]] = [
    sp_as_destination,
    pc_as_destination,
    sp_transferred,
    sp_or_pc_as_second_operand,
    sp_as_first_operand,
    pc_as_first_operand_or_base,
    bad_index_form,
    base_written_twice,
    bad_list,
    one_register_twice,
    zero_pattern,
    bad_bit_field,
    sp_scaled,
    no_such_double,
    bad_extension_list,
    bad_fraction,
    not_accumulating,
]


def encodings(row: Row, draw: random.Random, count: int) -> Iterator[int]:
    """Random encodings of the row, with SP, PC, equal registers and small fields more often than chance has them."""
    free = ~row.picture.mask & 0xFFFFFFFF
    registers = [shift for name, shift, width in row.picture.pieces if name.startswith("R") and width == 4]
    others = [(shift, width) for name, shift, width in row.picture.pieces if not name.startswith("R")]
    for _ in range(count):
        word = row.picture.match | (draw.getrandbits(32) & free)
        same = draw.choice((SP, PC, draw.randrange(16)))
        for shift in registers:
            if draw.random() < 0.4:
                word = word & ~(15 << shift) | same << shift
        for shift, width in others:
            if draw.random() < 0.4:
                ones = (1 << width) - 1
                word = word & ~(ones << shift) | (draw.choice((0, 1, 1 << width >> 1)) & ones) << shift
        yield word


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_accepted_instruction_breaks_the_rule(rule: Callable[[str, Fields], bool]) -> None:
    draw = random.Random(5)
    broken, refused = [], 0
    for row in TABLE.rows:
        if row.semantics is None or row.picture.bits == 16:
            continue
        for word in encodings(row, draw, 150):
            if not rule(row.name, row.picture.fields(word)):
                continue
            try:
                instruction = decode_word(word, 32)
            except Refused:
                refused += 1
                continue
            if instruction.name == row.name:
                broken.append(f"{word:#x} {row.name}")
    assert broken == []
    assert refused > 10  # the rule was put to the test
