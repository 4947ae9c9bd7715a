"""Frame pointers of static frames are replaced by SP.

Code compiled without optimisation addresses locals from r7 and restores SP from it, but r7 comes back from memory
that the sandbox can write. Where SP's distance to its value at entry is known, the same addresses are written from
SP, and a restored SP becomes an addition. Frames of a size that is not known are made by dynamic.py.
"""

from __future__ import annotations

from collections import Counter

from .. import asm
from ..analysis import Analysis
from ..floating import moved, reaches
from ..insn import FLAGS, SP, Insn, Memory, bit
from ..program import NotSupported, Program, apply
from ..request import RewriteRequest, is_confined
from ..values import State, Value, result_of

_SINGLE = ("str", "strb", "strh", "ldr", "ldrb", "ldrh", "ldrsb", "ldrsh")


def static_frames(program: Program, request: RewriteRequest) -> tuple[Program, Counter[str]]:
    """Counts: `frame accesses` retargeted to SP, `frame addresses` formed from SP, constant `stack adjustments`."""
    facts = Analysis(program, request)
    edits: dict[int, list[Insn]] = {}
    counts: Counter[str] = Counter()
    for n, item in enumerate(program.items):
        trusted, proved = facts.trusting.before[n], facts.provable.before[n]
        if item.insn is None or trusted is None or proved is None:
            continue
        what, replacement = _one(facts, n, item.insn, trusted, proved)
        if replacement is not None:
            edits[n] = replacement
            counts[what] += 1
    return apply(program, edits, "frames"), counts


def _one(facts: Analysis, n: int, insn: Insn, trusted: State, proved: State) -> tuple[str, list[Insn] | None]:
    if insn.writes & bit(SP) and insn.memory is None:
        return "stack adjustments", _adjustment(facts, n, insn, trusted, proved)
    if trusted.depth is None:
        return "", None
    if insn.memory is not None and is_confined(insn, facts.request):
        return "frame accesses", _access(insn, insn.memory, trusted, proved, trusted.depth)
    if insn.name in ("add", "sub", "mov") and insn.kind == "plain":
        return "frame addresses", _address(facts, n, insn, trusted, proved, trusted.depth)
    return "", None


def _adjustment(facts: Analysis, n: int, insn: Insn, trusted: State, proved: State) -> list[Insn] | None:
    """SP computed from a register: the same as an addition of a constant. None where it is provable as it is, and
    where it is not known but checked."""
    value, sp = result_of(insn, trusted), trusted.registers[SP]
    if result_of(insn, proved) == value:
        return None
    if value is None or sp is None or value.kind != sp.kind:
        raise NotSupported(
            facts.program,
            n,
            "the size of this stack frame is not known before the program runs",
            "setjmp and stack switching are not supported in a sandbox",
        )
    return adjust_stack(value.number - sp.number)


def adjust_stack(change: int) -> list[Insn]:
    """SP += change, without touching flags or other registers."""
    if change == 0:
        return []
    if asm.add_constant_fits(change):
        return [asm.add_constant(SP, SP, change)]
    low = abs(change) % 4096 * (1 if change > 0 else -1)
    return [asm.add_constant(SP, SP, low), *adjust_stack(change - low)]


def _access(insn: Insn, memory: Memory, trusted: State, proved: State, depth: int) -> list[Insn] | None:
    """A store or confined load through a register that points into the frame, when only trust says so."""
    base = trusted.registers[memory.base]
    if memory.base == SP or memory.index >= 0 or memory.step or not _only_trusted(base, proved.registers[memory.base]):
        return None
    offset = memory.offset + (base.number if base is not None else 0) + depth
    if insn.name in _SINGLE and 0 <= offset <= 4095:
        return [asm.transfer(insn.name, memory.data[0], SP, offset).under(insn.condition)]
    if insn.name in ("strd", "ldrd") and 0 <= offset <= 1020 and offset % 4 == 0:
        return [asm.transfer_pair(insn.name, memory.data[0], memory.data[1], SP, offset).under(insn.condition)]
    if insn.name in ("vstr", "vldr") and reaches(offset):
        return [moved(insn, SP, offset).under(insn.condition)]
    return None


def _address(facts: Analysis, n: int, insn: Insn, trusted: State, proved: State, depth: int) -> list[Insn] | None:
    """The address of a local, computed from a frame pointer: computed from SP instead."""
    value = result_of(insn, trusted)
    target = insn.operands[0].register
    if not _only_trusted(value, result_of(insn, proved)) or value is None or target == SP:
        return None
    offset = value.number + depth
    if (insn.sets_flags and facts.live.after(n) & FLAGS) or not asm.add_constant_fits(offset) or offset < 0:
        return None
    return [asm.add_constant(target, SP, offset).under(insn.condition)]


def _only_trusted(trusted: Value | None, proved: Value | None) -> bool:
    return trusted is not None and trusted.kind == "sp" and trusted != proved
