"""Semantics of branches, table branches, IT, hints and traps."""

from __future__ import annotations

from ..term import Term, const, eq, not_, signed
from .conditions import condition
from .machine import Machine
from .rows import Fields, Semantics


def _target(m: Machine, offset: int) -> int:
    """Offsets count from PC, the instruction's address plus 4."""
    return (m.pc + 4 + offset) & 0xFFFFFFFF


def _jump_offset(f: Fields) -> int:
    """B T4, BL: S:I1:I2:imm10:imm11:'0' with I = NOT(J XOR S)."""
    i1, i2 = (1 ^ f[j] ^ f["S"] for j in ("J1", "J2"))
    return signed(f["S"] << 24 | i1 << 23 | i2 << 22 | f["imm10"] << 12 | f["imm11"] << 1, 25)


def branch_short(bits: int) -> Semantics:
    """B T2 (11 bits), and T1 (8 bits) with its condition."""

    def execute(m: Machine, f: Fields, _in_it: bool) -> None:
        holds = condition(m.flag, f["cond"]) if "cond" in f else None
        m.jump(_target(m, signed(f["imm"] << 1, bits + 1)), holds)

    return execute


def branch_conditional_wide(m: Machine, f: Fields, _in_it: bool) -> None:
    """B T3: S:J2:J1:imm6:imm11:'0', J1 and J2 as they are."""
    offset = signed(f["S"] << 20 | f["J2"] << 19 | f["J1"] << 18 | f["imm6"] << 12 | f["imm11"] << 1, 21)
    m.jump(_target(m, offset), condition(m.flag, f["cond"]))


def branch_wide(m: Machine, f: Fields, _in_it: bool) -> None:
    m.jump(_target(m, _jump_offset(f)))


def call(m: Machine, f: Fields, _in_it: bool) -> None:
    m.call(_target(m, _jump_offset(f)))


def jump_register(m: Machine, f: Fields, _in_it: bool) -> None:
    m.jump_value(m.reg(f["Rm"]))


def call_register(m: Machine, f: Fields, _in_it: bool) -> None:
    m.call_value(m.reg(f["Rm"]))


def compare_branch(m: Machine, f: Fields, _in_it: bool) -> None:
    """CBZ and CBNZ (field `nonzero`); forward only."""
    zero: Term = eq(m.reg(f["Rn"]), const(0))
    m.jump(_target(m, f["imm"] << 1), not_(zero) if f["nonzero"] else zero)


def table_branch(m: Machine, f: Fields, _in_it: bool) -> None:
    """TBB (field half = 0) and TBH (1)."""
    m.jump_table(m.reg(f["Rn"]), m.reg(f["Rm"]), 1 + f["half"])


def if_then(m: Machine, f: Fields, _in_it: bool) -> None:
    m.begin_it(f["cond"], f["mask"])


def nothing(_m: Machine, _f: Fields, _in_it: bool) -> None:
    """NOP, YIELD, SEV, barriers, preloads, CLREX: no effect on registers, flags, memory contents or control."""


def trap(m: Machine, _f: Fields, _in_it: bool) -> None:
    m.trap()
