"""What the instructions before a table jump say about its index and its table."""

from __future__ import annotations

from collections.abc import Sequence

from .insn import CONDITION_NAMES, Insn, bit

_HIGHER = CONDITION_NAMES.index("hi")


def bound_before(history: Sequence[Insn], register: int) -> int | None:
    """How many values the register can have (0 .. result - 1), or None if the history does not say.

    `history` is the straight path to the jump, nearest first; every instruction of it is executed on the way. The
    bound comes from `cmp rN, #n` with `bhi` leaving the path behind it; rN may have been moved since (clang).
    """
    taken_away = False
    for insn in history:
        if insn.kind == "branch" and insn.condition == _HIGHER:
            taken_away = True
        elif taken_away and insn.name == "cmp" and insn.operands[0].register == register and not insn.conditional:
            return None if insn.operands[1].is_register else insn.operands[1].value + 1
        elif _is_move_to(insn, register) and not (taken_away and insn.sets_flags):
            register = insn.operands[1].register
        elif insn.writes & bit(register) or (taken_away and insn.sets_flags):
            return None
    return None


def _is_move_to(insn: Insn, register: int) -> bool:
    """Whether the instruction copies another register to this one, always."""
    plain = insn.name == "mov" and insn.kind == "plain" and not insn.shifted and not insn.conditional
    return plain and insn.operands[0].register == register and insn.operands[1].is_register


def table_register(history: Sequence[Insn], register: int) -> int | None:
    """The address in `register`, if an `adr` on the path set it and nothing changed it since."""
    for insn in history:
        if insn.writes & bit(register):
            return insn.target.address if insn.kind == "adr" and insn.target and not insn.conditional else None
    return None
