"""Semantics of data processing: moves, arithmetic, logic, shifts, bit fields, extensions, multiplications.

Every function here builds a `Semantics` from the parts that an encoding is made of: the operation, where the second
operand comes from, and when the flags are set. What the manual's pseudocode calls Shift_C, AddWithCarry and
ThumbExpandImm_C (A2.2.1, A5.3.2, A7.4) is `shift_c`, `add_with_carry` and `expand_imm_c`.

The architecture clears bits 1:0 of every value written to SP. The rows do not: the executor demands that SP is a
known multiple of 4 below its value at the function's entry, where masking changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from ..term import (
    Term,
    add,
    and_,
    ashr,
    concat,
    const,
    eq,
    extract,
    ite,
    lshr,
    not_,
    or_,
    ror,
    sext,
    shl,
    ult,
    xor,
    zext,
)
from .machine import Machine
from .rows import Fields, Semantics

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


def shift_by_register_c(value: Term, kind: int, register: Term, carry: Term) -> tuple[Term, Term]:
    """Shift by the low byte of `register`: 0 to 255, not modulo 32; 0 leaves the carry as it is (A2.2.1).

    The carry is the last bit that left: it is found by shifting 33 bits, with room for one bit where it comes out.
    """
    amount = and_(register, const(0xFF))
    amount33 = zext(amount, 33)
    if kind == LSL:
        result = shl(value, amount)
        out = extract(shl(zext(value, 33), amount33), 32, 1)
    elif kind == ROR:
        result = ror(value, amount)
        out = extract(result, 31, 1)
    else:
        shift = lshr if kind == LSR else ashr
        result = shift(value, amount)
        out = extract(shift(concat(value, const(0, 1)), amount33), 0, 1)
    return result, ite(eq(amount, const(0)), carry, out)


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


def shifted_by(kind: int) -> Operand:
    """The same where the encoding fixes the type."""
    return lambda m, f: shift_c(m.reg(f["Rm"]), kind, f["imm"], m.flag("c"))


def modified(m: Machine, f: Fields) -> tuple[Term, Term]:
    """A modified immediate: field imm is i:imm3:imm8."""
    return expand_imm_c(f["imm"], m.flag("c"))


def rrx(m: Machine, f: Fields) -> tuple[Term, Term]:
    return shift_c(m.reg(f["Rm"]), ROR, 0, m.flag("c"))


def immediate(scale: int = 1) -> Operand:
    return lambda m, f: (const(f["imm"] * scale), m.flag("c"))


def zero(m: Machine, _f: Fields) -> tuple[Term, Term]:
    return const(0), m.flag("c")


# -- logic --------------------------------------------------------------------------------------------------------


def _bit_clear(a: Term, b: Term) -> Term:
    return and_(a, not_(b))


def _or_not(a: Term, b: Term) -> Term:
    return or_(a, not_(b))


_LOGIC: dict[str, Callable[[Term, Term], Term]] = {
    "AND": and_,
    "BIC": _bit_clear,
    "ORR": or_,
    "ORN": _or_not,
    "EOR": xor,
    "MOV": lambda _a, b: b,
    "MVN": lambda _a, b: not_(b),
}


def _set_nzc(m: Machine, result: Term, carry: Term) -> None:
    m.set_flags(n=extract(result, 31, 1), z=eq(result, const(0)), c=carry)


def logic(operation: str, operand: Operand, when: When, *, write: bool = True) -> Semantics:
    """AND ... MVN; without `write`, TST and TEQ. MOV and MVN have no Rn."""
    combine = _LOGIC[operation]

    def execute(m: Machine, f: Fields, in_it: bool) -> None:
        b, carry = operand(m, f)
        result = combine(m.reg(f["Rn"]) if "Rn" in f else b, b)
        if write:
            m.set_reg(f["Rd"], result)
        if when(f, in_it):
            _set_nzc(m, result, carry)

    return execute


def shift_by_register(kind: int, when: When) -> Semantics:
    """LSL, LSR, ASR, ROR (register): Rn shifted by Rm."""

    def execute(m: Machine, f: Fields, in_it: bool) -> None:
        result, carry = shift_by_register_c(m.reg(f["Rn"]), kind, m.reg(f["Rm"]), m.flag("c"))
        m.set_reg(f["Rd"], result)
        if when(f, in_it):
            _set_nzc(m, result, carry)

    return execute


# -- arithmetic ---------------------------------------------------------------------------------------------------

# operation -> (reverse the operands, subtract, use the carry flag)
_ARITHMETIC = {
    "ADD": (False, False, False),
    "ADC": (False, False, True),
    "SUB": (False, True, False),
    "SBC": (False, True, True),
    "RSB": (True, True, False),
}


def arithmetic(
    operation: str, operand: Operand, when: When, *, write: bool = True, rn: int | None = None, rd: int | None = None
) -> Semantics:
    """ADD ... RSB; without `write`, CMP and CMN. `rn` and `rd` are the registers that the encoding has no field for."""
    reverse, subtract, with_carry = _ARITHMETIC[operation]

    def execute(m: Machine, f: Fields, in_it: bool) -> None:
        a, b = m.reg(f["Rn"] if rn is None else rn), operand(m, f)[0]
        if reverse:
            a, b = b, a
        carry = m.flag("c") if with_carry else const(subtract, 1)
        result, carry_out, overflow = add_with_carry(a, not_(b) if subtract else b, carry)
        if write:
            m.set_reg(f["Rd"] if rd is None else rd, result)
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


def _imm16(f: Fields) -> int:
    return f["imm4"] << 12 | f["i"] << 11 | f["imm3"] << 8 | f["imm8"]


def movw(m: Machine, f: Fields, _in_it: bool) -> None:
    m.set_reg(f["Rd"], const(_imm16(f)))


def movt(m: Machine, f: Fields, _in_it: bool) -> None:
    m.set_reg(f["Rd"], or_(and_(m.reg(f["Rd"]), const(0xFFFF)), const(_imm16(f) << 16)))


def _ones(width: int) -> int:
    return (1 << width) - 1


def bfc(m: Machine, f: Fields, _in_it: bool) -> None:
    field = _ones(f["msb"] - f["lsb"] + 1) << f["lsb"]
    m.set_reg(f["Rd"], and_(m.reg(f["Rd"]), const(~field)))


def bfi(m: Machine, f: Fields, _in_it: bool) -> None:
    field = _ones(f["msb"] - f["lsb"] + 1) << f["lsb"]
    inserted = and_(shl(m.reg(f["Rn"]), const(f["lsb"])), const(field))
    m.set_reg(f["Rd"], or_(and_(m.reg(f["Rd"]), const(~field)), inserted))


def ubfx(m: Machine, f: Fields, _in_it: bool) -> None:
    m.set_reg(f["Rd"], and_(lshr(m.reg(f["Rn"]), const(f["lsb"])), const(_ones(f["widthm1"] + 1))))


def sbfx(m: Machine, f: Fields, _in_it: bool) -> None:
    m.set_reg(f["Rd"], sext(extract(m.reg(f["Rn"]), f["lsb"], f["widthm1"] + 1)))


# -- extensions and reversals -------------------------------------------------------------------------------------


def _rotated(m: Machine, f: Fields) -> Term:
    return ror(m.reg(f["Rm"]), const(8 * f.get("rotate", 0)))


def uxt(width: int) -> Semantics:
    """UXTB (8), UXTH (16)."""
    return lambda m, f, _in_it: m.set_reg(f["Rd"], and_(_rotated(m, f), const(_ones(width))))


def sxt(width: int) -> Semantics:
    """SXTB (8), SXTH (16)."""
    return lambda m, f, _in_it: m.set_reg(f["Rd"], sext(extract(_rotated(m, f), 0, width)))


REV, REV16, REVSH = (0, 1, 2, 3), (2, 3, 0, 1), (0, 1)  # which source bytes, most significant first


def reverse_bytes(order: tuple[int, ...], *, signed: bool = False) -> Semantics:
    """REV, REV16, REVSH (signed): the source bytes in `order`."""

    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        value = m.reg(f["Rm"])
        result = extract(value, 8 * order[0], 8)
        for byte in order[1:]:
            result = concat(result, extract(value, 8 * byte, 8))
        m.set_reg(f["Rd"], sext(result) if signed else result)

    return execute


# -- results that do not matter to safety -------------------------------------------------------------------------


def unknown_to(*registers: str) -> Semantics:
    """Multiplications, divisions, saturation, CLZ, RBIT, MRS: exact only in which registers they write."""

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
    """MSR APSR_nzcvq: N, Z, C, V from bits 31 to 28; Q is not modelled, no instruction reads it but MRS."""
    value = m.reg(f["Rn"])
    m.set_flags(*(extract(value, bit, 1) for bit in (31, 30, 29, 28)))
