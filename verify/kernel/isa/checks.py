"""Reasons for refusing an encoding that a picture alone cannot state, mostly UNPREDICTABLE register choices."""

from __future__ import annotations

from collections.abc import Container

from .data import LSL, PC, expandable
from .rows import Check

SP = 13

# -- made for a row -----------------------------------------------------------------------------------------------


def not_sp_pc(*names: str) -> Check:
    """UNPREDICTABLE with SP or PC in one of these fields."""
    return f"UNPREDICTABLE with SP or PC as {' or '.join(names)}", lambda f: any(f[n] in (SP, PC) for n in names)


def not_sp(*names: str) -> Check:
    return f"UNPREDICTABLE with SP as {' or '.join(names)}", lambda f: any(f[n] == SP for n in names)


def not_pc(*names: str) -> Check:
    return f"UNPREDICTABLE or undefined with PC as {' or '.join(names)}", lambda f: any(f[n] == PC for n in names)


def differ(a: str, b: str) -> Check:
    return f"UNPREDICTABLE with the same register as {a} and {b}", lambda f: f[a] == f[b]


def at_least(count: int) -> Check:
    """Of a register list with the fields list, M and P."""
    few = f"UNPREDICTABLE with fewer than {count} registers"
    return few, lambda f: bin(f["list"]).count("1") + f.get("M", 0) + f.get("P", 0) < count


def allocated(name: str, values: Container[int]) -> Check:
    return "undefined: not allocated to an instruction", lambda f: f[name] not in values


# -- loads and stores ---------------------------------------------------------------------------------------------

_WRITEBACK = "UNPREDICTABLE writeback to a transferred register"
NO_LOAD_OF_SP: Check = ("SP may not be loaded from memory", lambda f: f["Rt"] == SP)
INDEXED: Check = ("undefined with neither P nor W", lambda f: not f["P"] and not f["W"])
BASE_KEPT: Check = (_WRITEBACK, lambda f: f["W"] and f["Rn"] in (f["Rt"], f.get("Rt2")))
BASE_NOT_IN_LIST: Check = (_WRITEBACK, lambda f: f["W"] and (f["list"] | f["M"] << 14) >> f["Rn"] & 1)
BASE_LOWEST: Check = (
    "the base is in the list, not as the lowest register: the value stored is UNKNOWN",
    lambda f: f["list"] >> f["Rn"] & 1 and f["list"] & ((1 << f["Rn"]) - 1),
)
NOT_LR_AND_PC: Check = ("UNPREDICTABLE with LR and PC in the list", lambda f: f["P"] and f["M"])
STREX = (not_sp_pc("Rd", "Rt"), not_pc("Rn"), differ("Rd", "Rn"), differ("Rd", "Rt"))
LDRD = (not_sp_pc("Rt", "Rt2"), differ("Rt", "Rt2"))

# -- data processing ----------------------------------------------------------------------------------------------

EXPANDABLE: Check = ("UNPREDICTABLE modified immediate (a pattern of zero)", lambda f: not expandable(f["imm"]))
COMPARES: Check = ("UNPREDICTABLE with PC as Rd, unless S makes a comparison", lambda f: f["Rd"] == PC and not f["S"])
SP_FROM_SP: Check = ("UNPREDICTABLE with SP as Rd, unless it is Rn too", lambda f: f["Rd"] == SP and f["Rn"] != SP)
SHIFT_TO_SP: Check = (
    "UNPREDICTABLE with SP as Rd and another shift than LSL #0 to #3",
    lambda f: f["Rd"] == SP and not (f["type"] == LSL and f["imm"] <= 3),
)
MOV_TO_OR_FROM_SP: Check = (
    "UNPREDICTABLE with SP as Rd and Rm, or with SP and flags",
    lambda f: (f["S"] and SP in (f["Rd"], f["Rm"])) or f["Rd"] == f["Rm"] == SP,
)
CMP_HIGH: Check = ("UNPREDICTABLE with two low registers", lambda f: f["Rn"] < 8 and f["Rm"] < 8)
MSB_ABOVE_LSB: Check = ("UNPREDICTABLE with msb < lsb", lambda f: f["msb"] < f["lsb"])
FIELD_FITS: Check = ("UNPREDICTABLE with a field beyond bit 31", lambda f: f["lsb"] + f["widthm1"] > 31)
SATURATE_16: Check = ("UNPREDICTABLE: it would be SSAT16 or USAT16", lambda f: f["sh"] and f["imm"] == 0)
SAME_RM: Check = ("UNPREDICTABLE with different registers in the two fields for Rm", lambda f: f["Rm"] != f["Rm2"])
MLS_OF_PC: Check = ("UNPREDICTABLE with PC as Ra", lambda f: f["sub"] and f["Ra"] == PC)
LONG = (not_sp_pc("RdLo", "RdHi", "Rn", "Rm"), differ("RdHi", "RdLo"))

# -- control ------------------------------------------------------------------------------------------------------

NO_PC_JUMP: Check = ("a computed jump that loses the Thumb bit; use bx", lambda f: f["Rd"] == PC)
NO_BX_PC: Check = ("a switch to ARM state, which the M profile does not have", lambda f: f["Rm"] == PC)
IT_CONDITION: Check = (
    "UNPREDICTABLE condition in IT",
    lambda f: f["cond"] == 15 or (f["cond"] == 14 and bin(f["mask"]).count("1") != 1),
)
NOT_111X: Check = ("no condition, and no allowed miscellaneous control instruction", lambda f: f["cond"] >= 14)
HINT: Check = ("a hint that is not on the allow-list: NOP, YIELD and SEV are", lambda f: f["hint"] not in (0, 1, 4))
BARRIER: Check = ("no barrier of ARMv7-M", lambda f: f["kind"] == 3)
