"""Stack frames of a size that is only known when the program runs: alloca and variable-length arrays.

Where SP is lowered by an unknown amount, the new value is checked first: it must leave what is called from there its
stack, and must not lie above SP (the amount may be negative, or wrap). What SP was in the static part of the frame is
kept in a protected word (in a shadow stack the one next to where the dynamic part begins), since the registers that the
compiler keeps it in come back from memory that the sandbox can write; what restores SP takes it from there.

All paths to a place must agree on whether there is a dynamic frame. Where they do not, because one of them allocates
or a loop allocates a constant amount in each round, an empty one begins before they part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .. import asm, shadow
from ..analysis import Analysis
from ..graphs import immediate_dominators
from ..insn import CONDITION_NAMES, FLAGS, IP, LR, SP, Insn, Label, bit
from ..program import Body, NotSupported, Program, apply
from ..request import RewriteRequest
from ..stack_need import DYNAMIC
from ..values import State, result_of, sets_sp
from .frame import adjust_stack
from .stack import STACK_LIMIT

_LOWER = CONDITION_NAMES.index("cc")
_GUESS = 1024  # bytes that callees and the dynamic part itself may need, until that is known
_SCRATCH = (IP, *range(12), LR)
_ROUNDS = 16
_LEAST_DEPTH = 8  # so that the shadow word is not the return slot
Edits = dict[int, list[Body | Label]]


def dynamic_frames(program: Program, request: RewriteRequest) -> tuple[Program, Counter[str]]:
    """Counts: `dynamic frames` that begin."""
    for _ in range(_ROUNDS):
        edits = _agree(Analysis(program, request))
        if not edits:
            break
        program = apply(program, edits, DYNAMIC)
    facts = Analysis(program, request)
    begins = {n: _begin(facts, n, insn, state) for n, insn, state in _moves(facts) if result_of(insn, state) is None}
    if not begins:
        return program, Counter()
    program = apply(program, begins, DYNAMIC)
    facts = Analysis(program, request)
    ends = {n: _end(facts, n, insn, state) for n, insn, state in _moves(facts) if _is_end(insn, state)}
    return apply(program, ends, DYNAMIC), Counter({DYNAMIC: len(begins)})


def _moves(facts: Analysis) -> Iterator[tuple[int, Insn, State]]:
    """The instructions that set SP to something computed or loaded, and what is trusted before them."""
    for n, item in enumerate(facts.program.items):
        state = facts.trusting.before[n]
        if item.insn is not None and state is not None and sets_sp(item.insn):
            yield n, item.insn, state


def _is_end(insn: Insn, state: State) -> bool:
    """Whether SP is restored from a dynamic frame."""
    value = result_of(insn, state)
    return state.depth_in_frame is not None and value is not None and value.kind == "sp"


# -- beginning -----------------------------------------------------------------------------------------------------


def _begin(facts: Analysis, n: int, insn: Insn, state: State) -> list[Body | Label]:
    """The instruction with its check; what it computes goes through a register."""
    if state.depth is None and state.depth_in_frame is None:
        raise _unsupported(facts, n, "SP is not known here, and becomes something that is not known either")
    lowers = insn.name in ("sub", "add")
    if state.depth is not None and state.depth < (4 if lowers else _LEAST_DEPTH):
        raise _unsupported(facts, n, "the size of this stack frame is not known before the program runs")
    live = facts.live.after(n)
    source = insn.operands[-1].register if insn.name == "mov" else -1
    if source >= 0 and not live & bit(source):
        target, other, *flags = source, *_registers(facts, n, live | bit(source), 1)
    else:
        target, other, *flags = _registers(facts, n, live | insn.reads & ~bit(SP), 2)
    request = facts.request
    limit = request.window_base + request.room + _GUESS  # the final one is put in when all needs are known
    deeper = [] if state.depth is None else adjust_stack(min(state.depth, _LEAST_DEPTH) - _LEAST_DEPTH)
    return [
        *map(asm.read_flags, flags),
        *deeper,
        *_into(facts, n, insn, target),
        *(_trap_if_lower(SP, target) if lowers else ()),
        asm.movw(other, limit & 0xFFFF),
        asm.movt(other, limit >> 16),
        *_trap_if_lower(target, other),
        *_static_sp(facts, n, state, other),
        *(() if lowers else _trap_if_lower(other, target)),
        asm.move(SP, target),
        *shadow.store(other, facts.trusting.frame_word(n), 0, target),
        *map(asm.write_flags, flags),
    ]


def _into(facts: Analysis, n: int, insn: Insn, target: int) -> list[Insn]:
    """The new SP in a register, as a multiple of 4."""
    if insn.name == "mov" and facts.program.items[n].made_by == DYNAMIC and insn.operands[-1].register == target:
        return []  # see _through
    if insn.name == "mov":
        return [asm.bic_constant(target, insn.operands[-1].register, 3)]
    return [_computed(facts, n, insn, target), asm.bic_constant(target, target, 3)]


def _computed(facts: Analysis, n: int, insn: Insn, target: int) -> Insn:
    """The instruction with another destination than SP."""
    memory = insn.memory
    if memory is not None and insn.name == "ldr" and memory.index < 0 and not memory.step:
        return asm.transfer("ldr", target, memory.base, memory.offset)
    if insn.name in ("add", "sub") and insn.operands[-1].is_register and insn.operands[-2].register == SP:
        if not insn.shifted:
            make = asm.add_shifted if insn.name == "add" else asm.sub_shifted
            return make(target, SP, insn.operands[-1].register)
        if len(insn.raw) == 4:
            return asm.with_destination(insn, target)
    raise _unsupported(facts, n, "SP becomes something that is not known before the program runs")


def _static_sp(facts: Analysis, n: int, state: State, register: int) -> list[Insn]:
    """The SP of the static part of the frame: SP itself, or what the current dynamic frame's word holds."""
    if state.depth_in_frame is None:
        return [asm.move(register, SP)]
    return shadow.load(register, facts.trusting.frame_word(n), state.depth_in_frame, register)


def _trap_if_lower(a: int, b: int) -> tuple[Insn, ...]:
    return asm.compare(a, b), asm.trap(STACK_LIMIT).under(_LOWER)


def _registers(facts: Analysis, n: int, used: int, count: int) -> list[int]:
    """`count` registers that may be clobbered, and one more for the flags if they are in use."""
    wanted = count + bool(used & FLAGS)
    free = [r for r in _SCRATCH if not used & bit(r)]
    if len(free) < wanted:
        hint = "compile this function with less in registers, or give the array a constant size"
        raise _unsupported(facts, n, f"no {wanted} registers are free to check the size of this stack frame", hint)
    return free[:wanted]


def _unsupported(facts: Analysis, n: int, why: str, hint: str = "") -> NotSupported:
    return NotSupported(facts.program, n, why, hint or "setjmp and stack switching are not supported in a sandbox")


# -- ending --------------------------------------------------------------------------------------------------------


def _end(facts: Analysis, n: int, insn: Insn, state: State) -> list[Body | Label]:
    """Back to the static part of the frame, which the frame's word knows."""
    value = result_of(insn, state)
    if value is None or state.held is None:
        raise _unsupported(facts, n, "the static part of the stack frame is not the same on all paths to here")
    free = [r for r in _SCRATCH if not facts.live.after(n) & bit(r)]
    if not free:
        raise _unsupported(facts, n, "no register is free to restore SP")
    return [*_static_sp(facts, n, state, free[0]), asm.move(SP, free[0]), *adjust_stack(state.held + value.number)]


# -- all paths agree -----------------------------------------------------------------------------------------------


def _agree(facts: Analysis) -> Edits:
    """Where paths that do not agree on SP come together: an empty dynamic frame before they part; or, if all of them
    are in one, constant amounts are taken off SP as unknown ones are. One such place of each function."""
    edits: Edits = {}
    for entry in facts.program.entries:
        states = facts.trusting.of_function(entry)
        if all(s.registers[SP] is not None for s in states.values()):
            continue
        following = {n: facts.trusting.successors(n, s) for n, s in states.items()}
        known = (n for n, s in states.items() if facts.trusting.after(n, s).registers[SP] is not None)
        join = next((m for n in known for m in following[n] if states[m].registers[SP] is None), None)
        if join is not None:
            found = _before_they_part(facts, entry, following, join) or _amounts(facts, entry, join)
            edits |= {n: pieces for n, pieces in found.items() if n not in edits}
    return edits


def _before_they_part(facts: Analysis, entry: int, following: dict[int, tuple[int, ...]], join: int) -> Edits:
    states = facts.trusting.of_function(entry)
    sources = [facts.trusting.after(n, states[n]) for n in following if join in following[n]]
    if not any(s.depth is not None for s in sources):
        return {}
    dominators = immediate_dominators(entry, following)
    n, refused = join, None
    while n != entry:
        n = dominators[n]
        depth = states[n].depth
        if depth is None or depth < _LEAST_DEPTH or facts.trusting.after(n, states[n]).depth is None:
            continue
        body, behind = facts.program.items[n].body, following[n] == (n + 1,)
        try:
            target = _registers(facts, n, facts.live.after(n) if behind else facts.live.before[n], 2)[0]
        except NotSupported as error:
            refused = refused or error
            continue
        pieces = [asm.move(target, SP), *_through(target)]
        return {n: [body, *pieces] if behind else [*pieces, body]}
    raise refused or _disagree(facts, join)


def _through(register: int) -> list[Insn]:
    """Set SP in a way that nothing is known of it."""
    return [asm.bic_constant(register, register, 3), asm.move(SP, register)]


def _amounts(facts: Analysis, entry: int, join: int) -> Edits:
    states = facts.trusting.of_function(entry)
    found: Edits = {}
    for n, insn, state in _moves(facts):
        if n not in states or state.depth is not None or facts.program.items[n].made_by == DYNAMIC:
            continue
        value = result_of(insn, state)
        if value is not None and value.kind != "frame":
            continue
        amount, target = insn.operands[-1], _registers(facts, n, facts.live.after(n), 2)[0]
        if insn.name == "sub" and not amount.is_register:
            found[n] = [asm.add_constant(target, SP, -amount.value), *_through(target)]
        elif insn.name == "mov":
            found[n] = [asm.move(target, amount.register), *_through(target)]
    if not found:
        raise _disagree(facts, join)
    return found


def _disagree(facts: Analysis, join: int) -> NotSupported:
    return _unsupported(facts, join, "the stack's depth is not the same on all paths to here")
