"""Semantics of loads and stores.

Unaligned halfword and word accesses may fault on the device (CCR.UNALIGN_TRP, and always for LDM, STM, LDRD, STRD
and the exclusives). A fault leaves the sandbox, so it is not modelled: the access happens at the address as computed.

The order is the pseudocode's: memory is accessed, then the base is written back, then the loaded registers are
written, PC last. Writeback with the base among the loaded registers is UNPREDICTABLE and refused by the rows.
"""

from __future__ import annotations

from collections.abc import Callable

from ..term import Term, add, and_, const, extract, sext, shl, split, zext
from .machine import Machine
from .rows import Fields, Refused, Semantics

SP, LR, PC = 13, 14, 15
Address = Callable[[Machine, Fields], tuple[Term, Term | None]]  # where to access, and the base's new value if any


# -- addresses ----------------------------------------------------------------------------------------------------


def plus_imm(scale: int = 1) -> Address:
    """[Rn, #imm * scale]; the base is SP where the encoding has no field for it, here and below."""
    return lambda m, f: (add(m.reg(f.get("Rn", SP)), const(scale * f["imm"])), None)


def base_only(m: Machine, f: Fields) -> tuple[Term, Term | None]:
    return m.reg(f["Rn"]), None


def indexed(scale: int = 1) -> Address:
    """Fields P, U, W: offset, pre-indexed or post-indexed."""

    def address(m: Machine, f: Fields) -> tuple[Term, Term | None]:
        base = m.reg(f["Rn"])
        moved = add(base, const(scale * f["imm"] * (1 if f["U"] else -1)))
        return moved if f["P"] else base, moved if f["W"] else None

    return address


def plus_register(m: Machine, f: Fields) -> tuple[Term, Term | None]:
    """[Rn, Rm, LSL #shift]; 16-bit encodings have no shift."""
    return add(m.reg(f["Rn"]), shl(m.reg(f["Rm"]), const(f.get("shift", 0)))), None


def literal(scale: int = 1) -> Address:
    """[Align(PC, 4), #+/-imm]; 16-bit encodings have no U and add."""

    def address(m: Machine, f: Fields) -> tuple[Term, Term | None]:
        offset = scale * f["imm"] * (1 if f.get("U", 1) else -1)
        return add(and_(m.reg(PC), const(~3)), const(offset)), None

    return address


def literal_aligned(m: Machine, f: Fields) -> tuple[Term, Term | None]:
    """LDRD (literal): UNPREDICTABLE unless PC is a multiple of 4 (A7.7, LDRD), which only the address can tell."""
    if m.pc & 2:
        raise Refused("LDRD (literal) T1: UNPREDICTABLE where PC is not a multiple of 4")
    return literal(4)(m, f)


def extent(base: Term, count: int, before: bool) -> tuple[Term, Term]:
    """The lowest address of `count` words from the base upwards, or up to it, and the base's new value."""
    if before:
        low = add(base, const(-4 * count))
        return low, low
    return base, add(base, const(4 * count))


def multiple(*, before: bool = False) -> Address:
    """LDM, POP and STM (increment after); with `before`, LDMDB, STMDB and PUSH. Without a field W the base is written
    back; that of LDM T1, if it is in the list, is then loaded all the same."""

    def address(m: Machine, f: Fields) -> tuple[Term, Term | None]:
        low, moved = extent(m.reg(f.get("Rn", SP)), len(registers(f)), before)
        return low, moved if f.get("W", 1) else None

    return address


# -- one register -------------------------------------------------------------------------------------------------


def _write_back(m: Machine, f: Fields, base: Term | None) -> None:
    if base is not None:
        m.set_reg(f.get("Rn", SP), base)


def _write(m: Machine, register: int, value: Term) -> None:
    if register == PC:
        m.jump_value(value)
    else:
        m.set_reg(register, value)


def _demand_aligned(address: Term) -> None:
    """A load of PC from an unaligned address is UNPREDICTABLE (A7.7, LDR).

    The constant part decides: SP is a multiple of 4, other addresses are constants, or else the value loaded is
    unknown and no rule lets control follow it.
    """
    if split(address)[1] % 4 != 0:
        raise Refused("UNPREDICTABLE load of PC from an unaligned address")


def load(size: int, at: Address, *, signed: bool = False) -> Semantics:
    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        address, base = at(m, f)
        if f["Rt"] == PC:
            _demand_aligned(address)
        value = m.load(address, size)
        _write_back(m, f, base)
        _write(m, f["Rt"], sext(value) if signed else zext(value))

    return execute


def load_register_or_table(m: Machine, f: Fields, in_it: bool) -> None:
    """LDR (register) T2: with PC as destination and LSL #2 it is a jump through a table of addresses."""
    if f["Rt"] == PC and f["shift"] == 2:
        _demand_aligned(m.reg(f["Rn"]))
        m.jump_table(m.reg(f["Rn"]), m.reg(f["Rm"]), 4)
    else:
        load(4, plus_register)(m, f, in_it)


def store(size: int, at: Address) -> Semantics:
    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        address, base = at(m, f)
        m.store(address, size, extract(m.reg(f["Rt"]), 0, 8 * size))
        _write_back(m, f, base)

    return execute


def narrow(at: Address, operation: Callable[[int, Address], Semantics] | None = None) -> Semantics:
    """Bytes (field half = 0) and halfwords (1): `operation` on them, or else a load, sign-extended if signed = 1."""

    def execute(m: Machine, f: Fields, in_it: bool) -> None:
        size = 1 + f["half"]
        (operation(size, at) if operation else load(size, at, signed=bool(f.get("signed"))))(m, f, in_it)

    return execute


# -- two and many registers ---------------------------------------------------------------------------------------


def registers(f: Fields) -> list[int]:
    """Rt and Rt2, or the register list: `list` from r0 up, M is LR, P is PC (in PUSH T1 LR, whose picture says M)."""
    if "list" not in f:
        return [f["Rt"], f["Rt2"]]
    bits = f["list"] | f.get("M", 0) << LR | f.get("P", 0) << PC
    return [r for r in range(16) if bits >> r & 1]


def load_words(at: Address) -> Semantics:
    """LDRD, LDM, POP. An interrupted LDRD with its base among its destinations is repeated with the wrong base on
    Cortex-M3 r0p0 to r2p0 (erratum 602117): nothing is known of what is loaded then."""

    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        (address, base), numbers = at(m, f), registers(f)
        values = [m.load(add(address, const(4 * i)), 4) for i in range(len(numbers))]
        if "list" not in f and f.get("Rn") in numbers:
            values = [m.unknown() for _ in numbers]
        _write_back(m, f, base)
        for number, value in zip(numbers, values, strict=True):
            _write(m, number, value)

    return execute


def store_words(at: Address) -> Semantics:
    """STRD, STM, PUSH."""

    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        address, base = at(m, f)
        for i, number in enumerate(registers(f)):
            m.store(add(address, const(4 * i)), 4, m.reg(number))
        _write_back(m, f, base)

    return execute


# -- exclusives ---------------------------------------------------------------------------------------------------


def store_exclusive(size: int, at: Address) -> Semantics:
    """STREX, STREXB, STREXH: the store may or may not happen, and Rd tells which.

    Since memory may keep its old content, nothing may be concluded from the value: it is stored as an unknown one.
    """

    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        m.store(at(m, f)[0], size, m.unknown(8 * size))
        m.set_reg(f["Rd"], m.unknown())

    return execute
