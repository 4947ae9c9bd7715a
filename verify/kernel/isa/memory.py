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


def plus_imm(scale: int = 1, rn: int | None = None) -> Address:
    """[Rn, #imm * scale]; `rn` is the base where the encoding has no field for it."""
    return lambda m, f: (add(m.reg(f["Rn"] if rn is None else rn), const(scale * f["imm"])), None)


def base_only(m: Machine, f: Fields) -> tuple[Term, Term | None]:
    return m.reg(f["Rn"]), None


def indexed(scale: int = 1) -> Address:
    """Fields P, U, W: offset, pre-indexed or post-indexed."""

    def address(m: Machine, f: Fields) -> tuple[Term, Term | None]:
        base = m.reg(f["Rn"])
        moved = add(base, const(scale * f["imm"] * (1 if f["U"] else -1)))
        return moved if f["P"] else base, moved if f["W"] else None

    return address


def push_one(m: Machine, _f: Fields) -> tuple[Term, Term | None]:
    top = add(m.reg(SP), const(-4))
    return top, top


def pop_one(m: Machine, _f: Fields) -> tuple[Term, Term | None]:
    return m.reg(SP), add(m.reg(SP), const(4))


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


# -- one register, two registers ----------------------------------------------------------------------------------


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


def load_two(at: Address) -> Semantics:
    """LDRD. With the base among its destinations, an interrupted one is repeated with the wrong base on Cortex-M3
    r0p0 to r2p0 (erratum 602117): nothing is known of what it loads then."""

    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        address, base = at(m, f)
        values = m.load(address, 4), m.load(add(address, const(4)), 4)
        if f.get("Rn") in (f["Rt"], f["Rt2"]):
            values = m.unknown(), m.unknown()
        _write_back(m, f, base)
        for name, value in zip(("Rt", "Rt2"), values, strict=True):
            m.set_reg(f[name], value)

    return execute


def store_two(at: Address) -> Semantics:
    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        address, base = at(m, f)
        m.store(address, 4, m.reg(f["Rt"]))
        m.store(add(address, const(4)), 4, m.reg(f["Rt2"]))
        _write_back(m, f, base)

    return execute


# -- many registers -----------------------------------------------------------------------------------------------


def registers(f: Fields) -> list[int]:
    """The register list: `list` from r0 up, M is LR, P is PC (or LR in PUSH T1, whose picture calls it M)."""
    bits = f["list"] | f.get("M", 0) << LR | f.get("P", 0) << PC
    return [r for r in range(16) if bits >> r & 1]


def load_multiple(*, before: bool = False, rn: int | None = None, t1: bool = False) -> Semantics:
    """LDM and POP (increment after); with `before`, LDMDB. `rn`: the base if no field names it.

    T1 writes the base back unless it is in the list; the other encodings say so with W, POP always.
    """

    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        base, numbers = f["Rn"] if rn is None else rn, registers(f)
        low, moved = _extent(m.reg(base), len(numbers), before)
        values = [m.load(add(low, const(4 * i)), 4) for i in range(len(numbers))]
        if base not in numbers if t1 else f.get("W", 1):
            m.set_reg(base, moved)
        for number, value in zip(numbers, values, strict=True):
            _write(m, number, value)

    return execute


def store_multiple(*, before: bool = False, rn: int | None = None) -> Semantics:
    """STM (increment after); with `before`, STMDB and PUSH. T1 and PUSH always write the base back, the rest with W."""

    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        base, numbers = f["Rn"] if rn is None else rn, registers(f)
        low, moved = _extent(m.reg(base), len(numbers), before)
        for i, number in enumerate(numbers):
            m.store(add(low, const(4 * i)), 4, m.reg(number))
        if f.get("W", 1):
            m.set_reg(base, moved)

    return execute


def _extent(base: Term, count: int, before: bool) -> tuple[Term, Term]:
    """The lowest address accessed and the base's new value."""
    if before:
        low = add(base, const(-4 * count))
        return low, low
    return base, add(base, const(4 * count))


# -- exclusives ---------------------------------------------------------------------------------------------------


def store_exclusive(size: int) -> Semantics:
    """STREX, STREXB, STREXH: the store may or may not happen, and Rd tells which.

    Since memory may keep its old content, nothing may be concluded from the value: it is stored as an unknown one.
    """

    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        address = add(m.reg(f["Rn"]), const(4 * f.get("imm", 0)))
        m.store(address, size, m.unknown(8 * size))
        m.set_reg(f["Rd"], m.unknown())

    return execute
