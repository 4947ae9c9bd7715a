"""The floating-point extension: FPv4-SP and FPv5, single and double precision (A6.4 to A6.7), and what it does.

Floating-point registers and FPSCR carry no facts, so nothing is kept of them: arithmetic, conversions, comparisons
and VMSR write nothing else (`nothing`). What leaves the extension is exact: memory (unknown values at exact
addresses), core registers, SP and other bases written back, and the flags by VMRS APSR_nzcv, FPSCR.

Not allowed: encodings with d16-d31, FLDMX and FSTMX, system registers other than FPSCR, and all of ARMv8-M.
"""

# ruff: noqa: E501  (a row is a line)

from __future__ import annotations

from ..term import Term, add, and_, const
from .checks import not_pc, not_sp, not_sp_pc
from .control import nothing
from .data import PC
from .machine import Machine
from .memory import extent
from .rows import Check, Fields, Row, Semantics, forbidden, row

# -- checks -------------------------------------------------------------------------------------------------------

_NO_REGISTER = "undefined: there are no registers d16 to d31"


def d16(*names: str) -> Check:
    """These fields are the top bits of register numbers; of double registers there are sixteen."""
    return _NO_REGISTER, lambda f: f["sz"] and any(f[n] for n in names)


def _bad_list(f: Fields) -> bool:
    if f["double"]:  # an odd number of words is FLDMX, FSTMX
        return f["imm"] == 0 or f["imm"] % 2 == 1 or (f["D"] << 4 | f["Vd"]) + f["imm"] // 2 > 16
    return f["imm"] == 0 or (f["Vd"] << 1 | f["D"]) + f["imm"] > 32


_LIST: Check = ("UNPREDICTABLE register list (empty, or beyond s31 or d15), or FLDMX, FSTMX", _bad_list)
_MODES = ((0, 1, 0), (0, 1, 1), (1, 0, 1))  # increment after, with writeback; decrement before, with writeback
_MODE: Check = ("undefined addressing mode", lambda f: (f["P"], f["U"], f["W"]) not in _MODES)
_D15: Check = (_NO_REGISTER, lambda f: f["double"] and f["D"])
_STORE_TO_LITERAL: Check = ("UNPREDICTABLE with PC as Rn", lambda f: not f["L"] and f["Rn"] == PC)
_TO_SINGLE: Check = (_NO_REGISTER, lambda f: f["M" if f["sz"] else "D"])
_TO_HALF: Check = (_NO_REGISTER, lambda f: f["sz"] and f["M" if f["op"] else "D"])
_FRACTION: Check = ("UNPREDICTABLE number of fraction bits", lambda f: not f["sx"] and f["imm4"] << 1 | f["i"] > 16)
_PAIR: Check = ("undefined or UNPREDICTABLE register pair", lambda f: f["M"] and (f["double"] or f["Vm"] == 15))
_TWICE: Check = ("UNPREDICTABLE with one register twice", lambda f: f["L"] and f["Rt"] == f["Rt2"])


# -- semantics ----------------------------------------------------------------------------------------------------


def _transfer(m: Machine, f: Fields, address: Term, words: int) -> None:
    """Field L: load or store consecutive words."""
    if f["L"]:
        m.load(address, 4 * words)
    else:
        m.store(address, 4 * words, m.unknown(32 * words))


def transfer_one(m: Machine, f: Fields, _in_it: bool) -> None:
    """VLDR and VSTR; VLDR (literal) counts from Align(PC, 4)."""
    base = and_(m.reg(PC), const(~3)) if f["Rn"] == PC else m.reg(f["Rn"])
    _transfer(m, f, add(base, const(4 * f["imm"] * (1 if f["U"] else -1))), 1 + f["double"])


def transfer_many(m: Machine, f: Fields, _in_it: bool) -> None:
    """VLDM, VPOP, VSTM, VPUSH: `imm` words upwards from the base, or (P = 1) up to it."""
    low, moved = extent(m.reg(f["Rn"]), f["imm"], f["P"] == 1)
    _transfer(m, f, low, f["imm"])
    if f["W"]:
        m.set_reg(f["Rn"], moved)


def to_core(*registers: str) -> Semantics:
    """VMOV between core registers and the extension: with L = 1 the core registers are written."""

    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        for name in registers if f["L"] else ():
            m.set_reg(f[name], m.unknown())

    return execute


def read_fpscr(m: Machine, f: Fields, _in_it: bool) -> None:
    """VMRS; with PC as Rt it writes the flags."""
    if f["Rt"] == PC:
        m.set_flags(*(m.unknown(1) for _ in range(4)))
    else:
        m.set_reg(f["Rt"], m.unknown())


# -- rows ---------------------------------------------------------------------------------------------------------

_DATA = (  # data processing (A6.4)
    row("VMLA, VMLS, VNMLA, VNMLS, VMUL, VNMUL, VADD, VSUB", "111011100 D op:2 Vn:4 | Vd:4 101 sz N op:1 M 0 Vm:4", nothing, d16("D", "N", "M"), needs="fp"),
    row("VDIV", "111011101 D 00 Vn:4 | Vd:4 101 sz N 0 M 0 Vm:4", nothing, d16("D", "N", "M"), needs="fp"),
    row("VFNMA, VFNMS", "111011101 D 01 Vn:4 | Vd:4 101 sz N op M 0 Vm:4", nothing, d16("D", "N", "M"), needs="fp"),
    row("VFMA, VFMS", "111011101 D 10 Vn:4 | Vd:4 101 sz N op M 0 Vm:4", nothing, d16("D", "N", "M"), needs="fp"),
    row("VMOV (immediate)", "111011101 D 11 imm:4 | Vd:4 101 sz (0) 0 (0) 0 imm:4", nothing, d16("D"), needs="fp"),
    row("VMOV (register), VABS, VNEG, VSQRT", "111011101 D 11000 op:1 | Vd:4 101 sz op:1 1 M 0 Vm:4", nothing, d16("D", "M"), needs="fp"),
    row("VCVTB, VCVTT", "111011101 D 11001 op | Vd:4 101 sz T 1 M 0 Vm:4", nothing, _TO_HALF, needs="fp"),
    row("VCMP, VCMPE", "111011101 D 110100 | Vd:4 101 sz E 1 M 0 Vm:4", nothing, d16("D", "M"), needs="fp"),
    row("VCMP, VCMPE (zero)", "111011101 D 110101 | Vd:4 101 sz E 1 (0) 0 (0000)", nothing, d16("D"), needs="fp"),
    row("VRINTR, VRINTZ", "111011101 D 110110 | Vd:4 101 sz op 1 M 0 Vm:4", nothing, d16("D", "M"), needs="fp5"),
    row("VRINTX", "111011101 D 110111 | Vd:4 101 sz 0 1 M 0 Vm:4", nothing, d16("D", "M"), needs="fp5"),
    row("VCVT (double and single)", "111011101 D 110111 | Vd:4 101 sz 1 1 M 0 Vm:4", nothing, _TO_SINGLE, needs="fp64"),
    row("VCVT (from integer)", "111011101 D 111000 | Vd:4 101 sz op 1 M 0 Vm:4", nothing, d16("D"), needs="fp"),
    row("VCVT, VCVTR (to integer)", "111011101 D 11110 op:1 | Vd:4 101 sz op:1 1 M 0 Vm:4", nothing, d16("M"), needs="fp"),
    row("VCVT (fixed-point)", "111011101 D 111 op:1 1 op:1 | Vd:4 101 sz sx 1 i 0 imm4:4", nothing, d16("D"), _FRACTION, needs="fp"),
    row("VSEL", "111111100 D cc:2 Vn:4 | Vd:4 101 sz N 0 M 0 Vm:4", nothing, d16("D", "N", "M"), it="never", needs="fp5"),
    row("VMAXNM, VMINNM", "111111101 D 00 Vn:4 | Vd:4 101 sz N op M 0 Vm:4", nothing, d16("D", "N", "M"), it="never", needs="fp5"),
    row("VRINTA, VRINTN, VRINTP, VRINTM", "111111101 D 1110 rm:2 | Vd:4 101 sz 0 1 M 0 Vm:4", nothing, d16("D", "M"), it="never", needs="fp5"),
    row("VCVTA, VCVTN, VCVTP, VCVTM", "111111101 D 1111 rm:2 | Vd:4 101 sz op 1 M 0 Vm:4", nothing, d16("M"), it="never", needs="fp5"),
)

_MEMORY = (  # extension register load and store (A6.5)
    row("VLDR, VSTR", "11101101 U D 0 L Rn:4 | Vd:4 101 double imm:8", transfer_one, _D15, _STORE_TO_LITERAL, needs="fp"),
    row("VLDM, VPOP, VSTM, VPUSH", "1110110 P U D W L Rn:4 | Vd:4 101 double imm:8", transfer_many, _MODE, _LIST, not_pc("Rn"), needs="fp", see=("VLDR, VSTR", "VMOV (two core registers)")),
)

_CORE = (  # transfers between core and extension registers (A6.6, A6.7)
    row("VMOV (core register)", "11101110000 L Vn:4 | Rt:4 1010 N (00) 1 (0000)", to_core("Rt"), not_sp_pc("Rt"), needs="fp"),
    row("VMOV (scalar)", "1110111000 H L Vn:4 | Rt:4 1011 0 00 1 (0000)", to_core("Rt"), not_sp_pc("Rt"), needs="fp"),
    row("VMSR", "1110111011100001 | Rt:4 1010 (000) 1 (0000)", nothing, not_sp_pc("Rt"), needs="fp"),
    row("VMRS", "1110111011110001 | Rt:4 1010 (000) 1 (0000)", read_fpscr, not_sp("Rt"), needs="fp"),
    row("VMOV (two core registers)", "11101100010 L Rt2:4 | Rt:4 101 double 00 M 1 Vm:4", to_core("Rt", "Rt2"), _PAIR, not_sp_pc("Rt", "Rt2"), _TWICE, needs="fp"),
)

_ALLOWED = (*_DATA, *_MEMORY, *_CORE)
ROWS: tuple[Row, ...] = (
    *_ALLOWED,
    forbidden("coprocessor", "111 any:1 11 any:10 | any:16", "coprocessors other than floating point are not allowed", see=tuple(r.name for r in _ALLOWED)),
)
