"""The fourteen conditions (A7.3.1), in one table."""

from __future__ import annotations

from collections.abc import Callable

from ..term import TRUE, Term, and_, not_, xor

Flag = Callable[[str], Term]

ALWAYS = 14

# Even codes; the odd code after each is its negation.
_EVEN: dict[int, Callable[[Flag], Term]] = {
    0: lambda flag: flag("z"),  # EQ, NE
    2: lambda flag: flag("c"),  # CS, CC
    4: lambda flag: flag("n"),  # MI, PL
    6: lambda flag: flag("v"),  # VS, VC
    8: lambda flag: and_(flag("c"), not_(flag("z"))),  # HI, LS
    10: lambda flag: not_(xor(flag("n"), flag("v"))),  # GE, LT
    12: lambda flag: and_(not_(flag("z")), not_(xor(flag("n"), flag("v")))),  # GT, LE
}


def condition(flag: Flag, code: int) -> Term:
    """The boolean under which an instruction with condition field `code` (0-14) executes.

    `flag` gives the term of n, z, c or v. Raises ValueError for 15, which is no condition.
    """
    if code == ALWAYS:
        return TRUE
    if not 0 <= code < ALWAYS:
        raise ValueError(f"{code} is no condition")
    holds = _EVEN[code & ~1](flag)
    return not_(holds) if code & 1 else holds
