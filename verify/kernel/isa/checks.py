"""Reasons for refusing an encoding that a picture alone cannot state, mostly UNPREDICTABLE register choices."""

from __future__ import annotations

from .data import LSL, expandable
from .rows import Check

SP, PC = 13, 15


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
    return (
        f"UNPREDICTABLE with fewer than {count} registers",
        lambda f: bin(f["list"]).count("1") + f.get("M", 0) + f.get("P", 0) < count,
    )


EXPANDABLE: Check = ("UNPREDICTABLE modified immediate (a pattern of zero)", lambda f: not expandable(f["imm"]))
NO_PC_JUMP: Check = ("a computed jump that loses the Thumb bit; use bx", lambda f: f["Rd"] == PC)
NO_BX_PC: Check = ("a switch to ARM state, which the M profile does not have", lambda f: f["Rm"] == PC)
NO_LOAD_OF_SP: Check = ("SP may not be loaded from memory", lambda f: f["Rt"] == SP)
INDEXED: Check = ("undefined with neither P nor W", lambda f: not f["P"] and not f["W"])
BASE_KEPT: Check = (
    "UNPREDICTABLE writeback to the transferred register",
    lambda f: bool(f["W"]) and f["Rn"] == f["Rt"],
)
BASE_KEPT_2: Check = (
    "UNPREDICTABLE writeback to a transferred register",
    lambda f: bool(f["W"]) and f["Rn"] in (f["Rt"], f["Rt2"]),
)
BASE_NOT_IN_LIST: Check = (
    "UNPREDICTABLE writeback with the base in the list",
    lambda f: bool(f["W"]) and bool(f["list"] >> f["Rn"] & 1 or (f["Rn"] == 14 and f["M"])),
)
BASE_LOWEST: Check = (
    "the base is in the list, not as the lowest register: the value stored is UNKNOWN",
    lambda f: bool(f["list"] >> f["Rn"] & 1) and bool(f["list"] & ((1 << f["Rn"]) - 1)),
)
NOT_LR_AND_PC: Check = ("UNPREDICTABLE with LR and PC in the list", lambda f: bool(f["P"] and f["M"]))
SAME_RM: Check = ("UNPREDICTABLE with different registers in the two fields for Rm", lambda f: f["Rm"] != f["Rm2"])
MSB_ABOVE_LSB: Check = ("UNPREDICTABLE with msb < lsb", lambda f: f["msb"] < f["lsb"])
FIELD_FITS: Check = ("UNPREDICTABLE with a field beyond bit 31", lambda f: f["lsb"] + f["widthm1"] > 31)
SHIFT_TO_SP: Check = (
    "UNPREDICTABLE with SP as Rd and another shift than LSL #0 to #3",
    lambda f: f["Rd"] == SP and not (f["type"] == LSL and f["imm"] <= 3),
)
IT_CONDITION: Check = (
    "UNPREDICTABLE condition in IT",
    lambda f: f["cond"] == 15 or (f["cond"] == 14 and bin(f["mask"]).count("1") != 1),
)
CMP_HIGH: Check = ("UNPREDICTABLE with two low registers", lambda f: f["Rn"] < 8 and f["Rm"] < 8)
NO_DSP_SATURATION: Check = ("the DSP extension is not allowed", lambda f: f["sh"] == 1 and f["imm"] == 0)
MOV_TO_OR_FROM_SP: Check = (
    "UNPREDICTABLE with SP as Rd and Rm, or with SP and flags",
    lambda f: (f["S"] == 1 and SP in (f["Rd"], f["Rm"])) or f["Rd"] == f["Rm"] == SP,
)
NOT_111X: Check = (
    "no condition, and no allowed instruction of the miscellaneous control group",
    lambda f: f["cond"] >= 14,
)

STREX = (not_sp_pc("Rd", "Rt"), not_pc("Rn"), differ("Rd", "Rn"), differ("Rd", "Rt"))
LDRD = (not_sp_pc("Rt", "Rt2"), differ("Rt", "Rt2"))
LONG = (not_sp_pc("RdLo", "RdHi", "Rn", "Rm"), differ("RdHi", "RdLo"))
