"""Returns go through protected words: the shadow stack's, or one for each rank of functions (ranks.py).

LR is stored to its slot before it is lost (saving.py), and the slot, not the frame, is what the function returns to.
Where LR was not lost, `bx lr` returns. Tail calls get LR back from the slot.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from .. import asm, shadow
from ..analysis import Analysis
from ..insn import ALWAYS, IP, LR, PC, SP, Insn, Label, Memory, bit, inverse
from ..program import Body, NotSupported, Program, apply
from ..request import RewriteRequest
from ..saving import Place, Saving, restored_for_nothing, saves_link
from ..values import RETURN_ADDRESS, State
from .frame import adjust_stack


def protect_returns(program: Program, request: RewriteRequest) -> tuple[Program, Counter[str]]:
    """Counts: `return addresses saved`, `returns protected`, `tail calls reloaded`."""
    counts: Counter[str] = Counter()
    program = _keep_link(program, request)
    program = _save(program, request, counts)
    program = _return(program, request, counts)
    return shadow.place_literals(_save_at_entry(program, request, counts)), counts


# -- saving --------------------------------------------------------------------------------------------------------


def _save(program: Program, request: RewriteRequest, counts: Counter[str]) -> Program:
    facts = Analysis(program, request)
    saving = Saving(facts)
    before: dict[int, list[Insn]] = {}
    behind: dict[int, list[Insn]] = {}
    for n, item in enumerate(program.items):
        state = facts.provable.before[n]
        if item.insn is None or state is None or not saves_link(item.insn, state):
            continue
        places = saving.places(n)
        if places is None:
            depth = facts.provable.after(n, state).depth
            if depth is None:
                raise NotSupported(program, n, "LR is saved where the stack's depth is not known")
            places = [Place(n, False, depth)]
        for place in places:
            live = facts.live.before[place.item] if place.before else facts.live.after(place.item)
            saved = shadow.save(facts.provable.return_slot(n), place.depth, _scratch(live))
            (before if place.before else behind)[place.item] = saved
    counts["return addresses saved"] += len(before) + len(behind)
    edits: dict[int, list[Body | Label]] = {
        n: [*before.get(n, ()), program.items[n].body, *behind.get(n, ())] for n in before.keys() | behind.keys()
    }
    return apply(program, edits, shadow.RETURNS)


def _keep_link(program: Program, request: RewriteRequest) -> Program:
    """LR is not popped where it still is the return address: what the stack has of it goes into ip."""
    facts = Analysis(program, request)
    edits: dict[int, list[Body | Label]] = {}
    for n in restored_for_nothing(facts):
        insn = program.items[n].insn
        if insn is not None and insn.memory is not None and not facts.live.after(n) & bit(IP):
            edits[n] = [asm.pop([*insn.memory.data[:-1], IP])]
    return apply(program, edits, shadow.RETURNS)


def _scratch(live: int) -> int | None:
    """A register that may be clobbered where `live` is live, ip first."""
    return next((r for r in (IP, *range(12)) if not live & bit(r)), None)


def _save_at_entry(program: Program, request: RewriteRequest, counts: Counter[str]) -> Program:
    """Where a return is reached on a path without a save, save at the function's entry; then all must be proved."""
    bad = _unproved_loads(program, request)
    facts = Analysis(program, request)
    edits: dict[int, list[Body | Label]] = {}
    for entry in sorted({entry for entry, _ in bad}):
        saved = shadow.save(facts.provable.return_slot(entry), 0, _scratch(facts.live.before[entry]))
        edits[entry] = [*saved, program.items[entry].body]
        counts["return addresses saved"] += 1
    program = apply(program, edits, shadow.RETURNS)
    for _, n in _unproved_loads(program, request) if edits else []:
        raise NotSupported(
            program,
            n,
            "the return address may have been lost on the way here",
            "write this function in C, or exclude it",
        )
    return program


def _unproved_loads(program: Program, request: RewriteRequest) -> list[tuple[int, int]]:
    """(entry, item) of loads from the slot that may find something else there."""
    facts = Analysis(program, request)
    bad = []
    for entry in program.entries:
        for n, state in facts.provable.of_function(entry).items():
            insn = program.items[n].insn
            if insn is None or insn.name != "ldr" or insn.memory is None or state.slot:
                continue
            if facts.provable.address(insn.memory, state) == facts.provable.return_slot(n):
                bad.append((entry, n))
    return bad


# -- returning -----------------------------------------------------------------------------------------------------


def _return(program: Program, request: RewriteRequest, counts: Counter[str]) -> Program:
    facts = Analysis(program, request)
    edits: dict[int, list[Body | Label]] = {}
    for n, item in enumerate(program.items):
        proved, trusted = facts.provable.before[n], facts.trusting.before[n]
        if item.insn is None or proved is None or trusted is None:
            continue
        replacement = _leave(facts, n, item.insn, proved, trusted)
        if replacement is not None:
            edits[n] = replacement
            tail = any(isinstance(p, Insn) and p.kind in ("branch", "jump_register") for p in replacement)
            counts["tail calls reloaded" if tail else "returns protected"] += 1
    return apply(program, edits, shadow.RETURNS)


def _leave(facts: Analysis, n: int, insn: Insn, proved: State, trusted: State) -> list[Body | Label] | None:
    if insn.kind == "load_pc" and insn.memory is not None:
        return _popped(facts, n, insn.memory, proved)
    if insn.kind == "jump_register":
        if facts.provable.leaves_by_link(n):
            return None
        value = trusted.registers[insn.operands[0].register]
        if value == RETURN_ADDRESS or insn.operands[0].register == LR:
            _expect_level(facts, n, proved)
            return list(shadow.return_to(facts.provable.return_slot(n)))
        return _reloaded(facts, n, insn, proved)
    if insn.kind == "branch" and _is_tail_call(facts, n, proved):
        return _reloaded(facts, n, insn, proved)
    return None


def _is_tail_call(facts: Analysis, n: int, state: State) -> bool:
    if facts.flow.external[n] is not None:
        return True
    target = facts.flow.successors[n][0]
    return state.depth == 0 and target in facts.program.entries


def _expect_level(facts: Analysis, n: int, state: State) -> None:
    if state.depth != 0:
        raise NotSupported(
            facts.program,
            n,
            "the function returns with SP not where it was at entry, or it is a subroutine inside a function",
            "a local subroutine may be called from one place only",
        )


def _reloaded(facts: Analysis, n: int, insn: Insn, state: State) -> list[Body | Label] | None:
    """A tail call, with LR taken from the slot if it may have been lost."""
    if state.registers[LR] == RETURN_ADDRESS:
        return None
    _expect_level(facts, n, state)
    reload = shadow.load(LR, facts.provable.return_slot(n), 0)
    if not insn.conditional:
        return [*reload, insn]
    over = Label(facts.program.items[n].origin, "tail")
    return [asm.branch(over, inverse(insn.condition)), *reload, insn.under(ALWAYS), over]


def _popped(facts: Analysis, n: int, memory: Memory, state: State) -> list[Body | Label]:
    """pop {..., pc} and its relatives: pop the rest, then return through the slot."""
    if memory.base != SP or memory.step <= 0 or memory.index >= 0:
        raise NotSupported(facts.program, n, "a computed jump through memory is not supported in a sandbox")
    _expect_level(facts, n, replace(state, registers=facts.provable.after(n, state).registers))
    others = [r for r in memory.data if r != PC]
    if state.registers[LR] == RETURN_ADDRESS and not facts.live.before[n] & bit(IP):  # it was never lost
        return [*([asm.pop([*others, IP])] if others else adjust_stack(memory.step)), asm.jump(LR)]
    restore = [asm.pop([*others, LR])] if others else adjust_stack(memory.step)
    return [*restore, *shadow.return_to(facts.provable.return_slot(n))]
