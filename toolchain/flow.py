"""Control flow over a program's items: successors, calls, returns, by item index."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import RingfenceError
from .insn import LR, Insn
from .program import Program, Table

CALLS = ("call", "call_register")
_NEVER_ON = ("branch", "jump_register", "load_pc", "table", "table_load", "trap")


@dataclass(frozen=True)
class Flow:
    """Lists have one element per item.

    successors: where control goes next, behind a call included; a branch to a function's entry is an ordinary
    successor, a tail call or not. calls: the callee's index of a direct call inside the program.
    external: the import called or branched to directly, or None. leaves: control may leave the function here through
    a register or a load (bx, pop {pc}) or a branch to an import.
    """

    successors: list[tuple[int, ...]]
    calls: list[int | None]
    external: list[int | None]
    leaves: list[bool]


def control_flow(program: Program) -> Flow:
    """Raises RingfenceError for a branch to nowhere, which recovery excludes."""
    count = len(program.items)
    flow = Flow([()] * count, [None] * count, [None] * count, [False] * count)
    for n, item in enumerate(program.items):
        if isinstance(item.body, Insn):
            _one(program, flow, n, item.body)
    return flow


def _one(program: Program, flow: Flow, n: int, insn: Insn) -> None:
    following: tuple[int, ...] = (n + 1,)
    if insn.kind in ("branch", "zero"):
        target = _target(program, insn)
        if target is None:
            flow.external[n], flow.leaves[n] = _external(program, n, insn), True
        taken = () if target is None else (target,)
        flow.successors[n] = taken + (following if insn.conditional or insn.kind == "zero" else ())
    elif insn.kind == "call":
        target = _target(program, insn)
        if target is None:
            flow.external[n] = _external(program, n, insn)
        elif target in program.entries:
            flow.calls[n] = target
        else:
            following = (target, *(following if insn.conditional else ()))  # a jump that sets LR
        flow.successors[n] = following
    elif insn.kind in ("table", "table_load"):
        table = table_of(program, n)
        flow.successors[n] = tuple(dict.fromkeys(program.index[t] for t in table.targets))
    elif insn.kind in ("jump_register", "load_pc", "trap"):
        flow.leaves[n] = insn.kind != "trap"
        flow.successors[n] = following if insn.conditional else ()
    else:
        flow.successors[n] = following


def _target(program: Program, insn: Insn) -> int | None:
    return None if insn.target is None else program.index.get(insn.target)


def _external(program: Program, n: int, insn: Insn) -> int:
    if insn.target is None or insn.target.address not in program.imports:
        raise RingfenceError(f"{program.where(n)}: a branch to nowhere")
    return insn.target.address


def table_of(program: Program, n: int) -> Table:
    """The table of a table jump: behind it (tbb, tbh), or at the label that the jump names."""
    insn = program.items[n].insn
    where = n + 1 if insn is None or insn.target is None else program.index[insn.target]
    body = program.items[where].body
    if not isinstance(body, Table):
        raise RingfenceError(f"{program.where(n)}: no jump table where one is needed")
    return body


def is_inner_call(program: Program, flow: Flow, n: int) -> bool:
    """Whether item n is a BL to a label that is not a function: a jump that leaves a constant in LR (libgcc)."""
    insn = program.items[n].insn
    return insn is not None and insn.kind == "call" and flow.calls[n] is None and flow.external[n] is None


def subroutine_returns(program: Program, flow: Flow) -> list[int]:
    """Where `bx lr` may lead inside a function: behind its inner calls."""
    return [n + 1 for n in range(len(program.items)) if is_inner_call(program, flow, n)]


def goes_on(insn: Insn) -> bool:
    """Whether control may go on right behind an instruction."""
    return insn.conditional or insn.kind not in _NEVER_ON


def is_plain_return(insn: Insn) -> bool:
    return insn.kind == "jump_register" and insn.operands[0].register == LR
