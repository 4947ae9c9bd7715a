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
LDR = {"LDR (immediate) T3", "LDR (immediate) T4", "LDR (literal) T2", "LDR (register) T2", "POP T3"}
STR = {"STR (immediate) T3", "STR (immediate) T4", "STR (register) T2"}
SP_ADJUSTMENT = {
    "ADD (SP plus immediate) T3",
    "ADD (SP plus immediate) T4",
    "ADD (SP plus register) T3",
    "SUB (SP minus immediate) T2",
    "SUB (SP minus immediate) T3",
    "SUB (SP minus register) T1",
}
COMPARE = {"CMP (immediate) T2", "CMP (register) T3", "CMN (immediate) T1", "CMN (register) T2"}
MODIFIED = {f"{name} (immediate) T1" for name in ["TST", "AND", "BIC", "ORR", "ORN", "MVN", "TEQ", "EOR", "CMN", "ADC", "SBC"]} | {
    "MOV (immediate) T2",
    "ADD (immediate) T3",
    "ADD (SP plus immediate) T3",
    "CMP (immediate) T2",
    "SUB (immediate) T3",
    "SUB (SP minus immediate) T2",
    "RSB (immediate) T2",
}


def is_memory_row(f: Fields) -> bool:
    return not {"Rt", "list"}.isdisjoint(f)


def sp_as_destination(name: str, f: Fields) -> bool:
    if name == "MOV (register) T3":
        return f["Rd"] == SP and (f["S"] == 1 or f["Rm"] == SP)
    return name not in SP_ADJUSTMENT and SP in (f.get(r) for r in ("Rd", "RdLo", "RdHi", "Rt2"))


def pc_as_destination(name: str, f: Fields) -> bool:
    return PC in (f.get(r) for r in ("Rd", "RdLo", "RdHi", "Rt2")) or (f.get("Rt") == PC and name not in LDR)


def sp_transferred(name: str, f: Fields) -> bool:
    return f.get("Rt") == SP and name not in STR


def sp_or_pc_as_second_operand(name: str, f: Fields) -> bool:
    if name == "MOV (register) T3":
        return f["Rm"] == PC or (f["Rm"] == SP and f["S"] == 1)
    return f.get("Rm") in (SP, PC) or f.get("Ra") in (SP, PC)


def sp_as_first_operand(name: str, f: Fields) -> bool:
    memory = is_memory_row(f) or name.startswith("PL")
    return f.get("Rn") == SP and not memory and name not in COMPARE


def pc_as_first_operand_or_base(name: str, f: Fields) -> bool:
    return f.get("Rn") == PC and name not in {"TBB T1", "TBH T1"}


def bad_index_form(_name: str, f: Fields) -> bool:
    return {"P", "U", "W"} <= f.keys() and not f["P"] and not f["W"]


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
    assert refused > 20  # the rule was put to the test
