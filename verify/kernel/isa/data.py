"""Semantics of data processing: moves, arithmetic, logic, shifts, bit fields, extensions.

Every function here builds a `Semantics` from the parts that an encoding is made of: the operation, where the second
operand comes from, and when the flags are set. What the manual's pseudocode calls Shift_C, AddWithCarry and
ThumbExpandImm_C (A2.2.1, A5.3.2, A7.4) is `shift_c`, `add_with_carry` and `expand_imm_c`.

The architecture clears bits 1:0 of every value written to SP. The rows do not: the executor demands that SP is a
known multiple of 4 below its value at the function's entry, where masking changes nothing.
"""

# ruff: noqa: I001  (imports are packed)

from __future__ import annotations

from collections.abc import Callable

from ..term import (
    Term, add, and_, ashr, concat, const, eq, extract, lshr, not_, or_, ror, sext, shl, ult, xor, zext,
)
from .machine import Machine
from .rows import Fields, Semantics

SP, PC = 13, 15
LSL, LSR, ASR, ROR = range(4)  # the `type` field of shifts (A7.4)
Operand = Callable[[Machine, Fields], tuple[Term, Term]]  # the second operand and the shifter's carry
When = Callable[[Fields, bool], bool]  # (fields, in an IT block): does this encoding set the flags?


# -- when the flags are set ---------------------------------------------------------------------------------------


def always(_f: Fields, _in_it: bool) -> bool:
    return True


def never(_f: Fields, _in_it: bool) -> bool:
    return False


def outside_it(_f: Fields, in_it: bool) -> bool:
    return not in_it


def if_s(f: Fields, _in_it: bool) -> bool:
    return f["S"] == 1


# -- the manual's helper functions --------------------------------------------------------------------------------


def shift_c(value: Term, kind: int, amount: int, carry: Term) -> tuple[Term, Term]:
    """Shift by the immediate `amount` as encoded: 0 means 32 for LSR and ASR, and RRX for ROR (A7.4)."""
    if kind == LSL:
        return (value, carry) if amount == 0 else (shl(value, const(amount)), extract(value, 32 - amount, 1))
    if kind == ROR:
        if amount == 0:  # RRX
            return concat(carry, extract(value, 1, 31)), extract(value, 0, 1)
        return ror(value, const(amount)), extract(value, amount - 1, 1)
    amount = amount or 32
    return (lshr if kind == LSR else ashr)(value, const(amount)), extract(value, amount - 1, 1)


def expandable(imm12: int) -> bool:
    """False for the modified immediates that are UNPREDICTABLE (A5.3.2): a pattern of a zero byte."""
    return bool(imm12 >> 10 or imm12 >> 8 == 0 or imm12 & 0xFF)


def expand_imm_c(imm12: int, carry: Term) -> tuple[Term, Term]:
    """ThumbExpandImm_C: the constant, and its bit 31 as carry where it is rotated (A5.3.2)."""
    byte = imm12 & 0xFF
    if imm12 >> 10 == 0:
        pattern = (byte, byte << 16 | byte, byte << 24 | byte << 8, byte * 0x01010101)[imm12 >> 8]
        return const(pattern), carry
    unrotated, by = 0x80 | imm12 & 0x7F, imm12 >> 7
    value = const(unrotated >> by | unrotated << (32 - by))
    return value, extract(value, 31, 1)


def add_with_carry(a: Term, b: Term, carry: Term) -> tuple[Term, Term, Term]:
    """(a + b + carry, carry out, overflow). Simple terms where the carry is a constant."""
    result = add(add(a, b), zext(carry))
    if carry.value == 0:
        out = ult(result, a)
    elif carry.value == 1:  # a subtraction of not b: no borrow
        out = not_(ult(a, not_(b)))
    else:
        out = extract(add(add(zext(a, 33), zext(b, 33)), zext(carry, 33)), 32, 1)
    return result, out, extract(and_(xor(a, result), xor(b, result)), 31, 1)


# -- second operands ----------------------------------------------------------------------------------------------


def register(m: Machine, f: Fields) -> tuple[Term, Term]:
    return m.reg(f["Rm"]), m.flag("c")


def shifted(m: Machine, f: Fields) -> tuple[Term, Term]:
    """Rm shifted by an immediate: fields type and imm."""
    return shift_c(m.reg(f["Rm"]), f["type"], f["imm"], m.flag("c"))


def modified(m: Machine, f: Fields) -> tuple[Term, Term]:
    """A modified immediate: field imm is i:imm3:imm8."""
    return expand_imm_c(f["imm"], m.flag("c"))


def immediate(scale: int = 1) -> Operand:
    """Field imm, or 0 where there is none."""
    return lambda m, f: (const(f.get("imm", 0) * scale), m.flag("c"))


# -- results ------------------------------------------------------------------------------------------------------


def _write(m: Machine, f: Fields, result: Term, sets_flags: bool, rd: int | None = None) -> None:
    """Field Rd, or `rd`. There is none, or it is PC and the flags are set, in comparisons: TST, TEQ, CMP, CMN."""
    number = f.get("Rd", rd)
    if number is not None and not (number == PC and sets_flags):
        m.set_reg(number, result)


def _set_nzc(m: Machine, result: Term, carry: Term) -> None:
    m.set_flags(n=extract(result, 31, 1), z=eq(result, const(0)), c=carry)


# -- logic --------------------------------------------------------------------------------------------------------

_LOGIC: dict[str, Callable[[Term, Term], Term]] = {
    "AND": and_,
    "BIC": lambda a, b: and_(a, not_(b)),
    "ORR": or_,
    "ORN": lambda a, b: or_(a, not_(b)),
    "EOR": xor,
}


def logic(operation: str, operand: Operand, when: When) -> Semantics:
    """AND ... EOR, and their comparisons. Without Rn (no field, or PC), ORR is MOV, LSL ... and ORN is MVN."""
    combine = _LOGIC[operation]

    def execute(m: Machine, f: Fields, in_it: bool) -> None:
        b, carry = operand(m, f)
        rn = f.get("Rn", PC)
        result = combine(const(0) if rn == PC else m.reg(rn), b)
        _write(m, f, result, when(f, in_it))
        if when(f, in_it):
            _set_nzc(m, result, carry)

    return execute


def shift_by_register(when: When, kind: int | None = None) -> Semantics:
    """LSL, LSR, ASR, ROR (register): Rn shifted by the low byte of Rm, 0 to 255 and not modulo 32 (A2.2.1).

    `kind` where no field gives the type. The carry, the last bit that left, is not modelled.
    """

    def execute(m: Machine, f: Fields, in_it: bool) -> None:
        shift = (shl, lshr, ashr, ror)[f["type"] if kind is None else kind]
        result = shift(m.reg(f["Rn"]), and_(m.reg(f["Rm"]), const(0xFF)))
        m.set_reg(f["Rd"], result)
        if when(f, in_it):
            _set_nzc(m, result, m.unknown(1))

    return execute


# -- arithmetic ---------------------------------------------------------------------------------------------------


def arithmetic(operation: str, operand: Operand, when: When, rd: int | None = None) -> Semantics:
    """ADD ... RSB, CMP, CMN. Without a field Rn it is SP; `rd` is Rd where there is no field but a result."""
    reverse, with_carry = operation == "RSB", operation in ("ADC", "SBC")
    subtract = operation in ("SUB", "SBC", "RSB")

    def execute(m: Machine, f: Fields, in_it: bool) -> None:
        a, b = m.reg(f.get("Rn", SP)), operand(m, f)[0]
        if reverse:
            a, b = b, a
        carry = m.flag("c") if with_carry else const(subtract, 1)
        result, carry_out, overflow = add_with_carry(a, not_(b) if subtract else b, carry)
        _write(m, f, result, when(f, in_it), rd)
        if when(f, in_it):
            is_zero = eq(a, b) if subtract and not with_carry else eq(result, const(0))
            m.set_flags(extract(result, 31, 1), is_zero, carry_out, overflow)

    return execute


def adr(sign: int, scale: int = 1) -> Semantics:
    """ADR: Align(PC, 4) plus or minus an immediate."""

    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        base = and_(m.reg(15), const(~3))
        m.set_reg(f["Rd"], add(base, const(sign * scale * f["imm"])))

    return execute


# -- wide moves, bit fields ---------------------------------------------------------------------------------------


def move_wide(m: Machine, f: Fields, _in_it: bool) -> None:
    """MOVW, and (field top) MOVT, which keeps the low halfword."""
    imm16 = f["imm4"] << 12 | f["i"] << 11 | f["imm3"] << 8 | f["imm8"]
    top = or_(and_(m.reg(f["Rd"]), const(0xFFFF)), const(imm16 << 16))
    m.set_reg(f["Rd"], top if f["top"] else const(imm16))


def _ones(width: int) -> int:
    return (1 << width) - 1


def insert_field(m: Machine, f: Fields, _in_it: bool) -> None:
    """BFI, and (PC as Rn) BFC, which inserts zeros."""
    field = _ones(f["msb"] - f["lsb"] + 1) << f["lsb"]
    source = const(0) if f["Rn"] == PC else m.reg(f["Rn"])
    inserted = and_(shl(source, const(f["lsb"])), const(field))
    m.set_reg(f["Rd"], or_(and_(m.reg(f["Rd"]), const(~field)), inserted))


def extract_field(m: Machine, f: Fields, _in_it: bool) -> None:
    """UBFX, SBFX."""
    low, width = f["lsb"], f["widthm1"] + 1
    unsigned = and_(lshr(m.reg(f["Rn"]), const(low)), const(_ones(width)))
    m.set_reg(f["Rd"], unsigned if f["unsigned"] else sext(extract(m.reg(f["Rn"]), low, width)))


# -- extensions ---------------------------------------------------------------------------------------------------


def extend(m: Machine, f: Fields, _in_it: bool) -> None:
    """SXTB, SXTH, UXTB, UXTH: fields byte and unsigned."""
    width = 8 if f["byte"] else 16
    rotated = ror(m.reg(f["Rm"]), const(8 * f.get("rotate", 0)))
    m.set_reg(f["Rd"], and_(rotated, const(_ones(width))) if f["unsigned"] else sext(extract(rotated, 0, width)))


# -- results that do not matter to safety -------------------------------------------------------------------------


def unknown_to(*registers: str) -> Semantics:
    """Multiplication, division, saturation, SIMD, reversals, CLZ, MRS: exact only in which registers they write.

    Some also set Q or GE. These are not modelled: only such instructions, MRS and MSR read or write them.
    """

    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        for name in registers:
            m.set_reg(f[name], m.unknown())

    return execute


def mul_t1(m: Machine, f: Fields, in_it: bool) -> None:
    """MULS outside IT blocks sets N and Z, and leaves C and V (A7.7, MUL)."""
    m.set_reg(f["Rd"], m.unknown())
    if not in_it:
        m.set_flags(n=m.unknown(1), z=m.unknown(1))


def msr_apsr(m: Machine, f: Fields, _in_it: bool) -> None:
    """MSR APSR_nzcvq (field nzcvq = 1): N, Z, C, V from bits 31 to 28; Q and GE are not modelled."""
    if f["nzcvq"]:
        m.set_flags(*(extract(m.reg(f["Rn"]), bit, 1) for bit in (31, 30, 29, 28)))
