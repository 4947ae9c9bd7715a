"""What registers provably hold, by forward data flow inside each function.

A value is a constant, the SP at the function's entry plus an offset, the return address (LR at entry), or unknown
(None). `trusting` assumes that callees preserve r4-r11, as correct code does: good enough to translate code, not to
justify leaving a guard out. Without it the results are what the verifier can find too: after a call every register
but SP is unknown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from .flow import CALLS, Flow, is_inner_call, is_plain_return
from .insn import FLAGS, LR, SP, Insn, Memory, bit, registers_in
from .program import Program
from .request import RewriteRequest


class Value(NamedTuple):
    """kind: const (number), sp (SP at entry + number), frame (the beginning of the current dynamic frame + number),
    return (LR at entry), label (address of an item), place (what was at this original address). The first three can
    also be the place of a word."""

    kind: str
    number: int = 0


RETURN_ADDRESS = Value("return")


@dataclass(frozen=True)
class State:
    """Before an item: `registers` 0-14; `slot`: the return slot holds the return address; `held`: the dynamic frame's
    word holds SP at entry - held."""

    registers: tuple[Value | None, ...]
    slot: bool
    held: int | None = None

    @property
    def depth(self) -> int | None:
        """How far SP is below its value at entry, in bytes."""
        sp = self.registers[SP]
        return -sp.number if sp is not None and sp.kind == "sp" else None

    @property
    def depth_in_frame(self) -> int | None:
        """How far SP is below the beginning of the dynamic frame, in bytes; None if there is none."""
        sp = self.registers[SP]
        return -sp.number if sp is not None and sp.kind == "frame" else None


ENTRY = State((*(None,) * 13, Value("sp", 0), RETURN_ADDRESS), False)


class Values:
    """`before[n]` is the state before item n (None: never reached), joined over the functions that share it."""

    def __init__(self, program: Program, flow: Flow, request: RewriteRequest, trusting: bool) -> None:
        self._program = program
        self._flow = flow
        self._request = request
        self._trusting = trusting
        self._ranks = [0] * len(program.items)  # of the function that an item is in; those that share it have the same
        self.before: list[State | None] = [None] * len(program.items)
        self._each: list[tuple[State, ...]] = [()] * len(program.items)
        self._functions = {entry: self._solve(entry) for entry in program.entries}
        for states in self._functions.values():
            for n, state in states.items():
                self.before[n] = join(self.before[n], state)
                self._each[n] += (state,)

    def of_function(self, entry: int) -> dict[int, State]:
        """The states inside one function, code that it shares with others included; tail calls end it."""
        return self._functions[entry]

    def _solve(self, entry: int) -> dict[int, State]:
        states = {entry: ENTRY}
        work = deque([entry])
        rank = self._program.ranks.get(self._program.entries[entry].start, 0)
        while work:
            n = work.popleft()
            state = states[n]
            self._ranks[n] = rank
            after = self.after(n, state)
            for successor in self.successors(n, state):
                joined = join(states.get(successor), after)
                if states.get(successor) != joined:
                    states[successor] = joined
                    work.append(successor)
        return states

    def leaves_by_link(self, n: int) -> bool:
        """Whether the `bx` at item n provably goes to the return address or behind an inner call, in every function."""
        insn = self._program.items[n].insn
        if insn is None or insn.kind != "jump_register":
            return False
        register = insn.operands[0].register
        values = [state.registers[register] for state in self._each[n]]
        return all(v == RETURN_ADDRESS or (register == LR and v is not None and v.kind == "label") for v in values)

    def successors(self, n: int, state: State) -> tuple[int, ...]:
        """Where control goes inside the function: an entry reached with SP as at entry is a tail call."""
        insn = self._program.items[n].insn
        following = self._flow.successors[n]
        if insn is None:
            return ()
        if insn.kind in ("branch", "zero") and state.depth == 0:
            following = tuple(s for s in following if s == n + 1 or s not in self._program.entries)
        if is_plain_return(insn):
            target = state.registers[LR]
            if target is not None and target.kind == "label":
                following = (*following, target.number)
        return following

    def after(self, n: int, state: State) -> State:
        """The state behind item n, were it executed in `state`."""
        insn = self._program.items[n].insn
        if insn is None:
            return state
        if is_inner_call(self._program, self._flow, n):
            return _with(state, LR, Value("label", n + 1))
        if insn.kind in CALLS:
            return self._after_call(state)
        result = self._execute(n, insn, state)
        return join(state, result) if insn.conditional else result

    def _after_call(self, state: State) -> State:
        kept = range(4, 12) if self._trusting else ()
        registers = tuple(v if r in kept or r == SP else None for r, v in enumerate(state.registers))
        below = state.depth_in_frame is not None or (state.depth is not None and state.depth >= 4)
        kept_slot = below or self._request.words is not None
        return State(registers, state.slot and kept_slot, state.held)

    def _execute(self, n: int, insn: Insn, state: State) -> State:
        if not insn.writes & ~FLAGS and insn.memory is None:
            return state
        registers = list(state.registers)
        for register in registers_in(insn.writes):
            registers[register] = None
        slot, held = state.slot, state.held
        if insn.memory is not None:
            slot, held = self._store(insn, state, n), self._store_base(insn, state, n)
            if insn.memory.step:
                registers[insn.memory.base] = plus(state.registers[insn.memory.base], insn.memory.step)
            if not insn.memory.store:
                self._load(insn.memory, insn, state, registers, n)
        elif insn.operands and insn.operands[0].is_register and insn.writes >> insn.operands[0].register & 1:
            registers[insn.operands[0].register] = result_of(insn, state)
        if sets_sp(insn):
            return _with_sp(registers, slot, state, registers[SP])
        return State(tuple(registers), slot, held)

    def return_slot(self, n: int) -> Value:
        """The place of the return address in the function that item n is in."""
        if self._request.words is None:
            return Value("sp", self._request.shadow_offset - 4)
        return Value("const", self._request.word(self._ranks[n]))

    def frame_word(self, n: int) -> Value:
        """The place of the word of a dynamic frame there."""
        if self._request.words is None:
            return Value("frame", self._request.shadow_offset)
        return Value("const", self._request.word(self._ranks[n] - 1))

    def address(self, memory: Memory, state: State) -> Value | None:
        """The address of the first byte accessed."""
        if memory.index >= 0:
            return None
        return plus(state.registers[memory.base], memory.offset)

    def _store(self, insn: Insn, state: State, n: int) -> bool:
        """Whether the slot holds the return address behind a load or store: it does when that is stored there."""
        memory = insn.memory
        if memory is None or not memory.store or insn.name != "str":
            return state.slot
        is_slot = self.address(memory, state) == self.return_slot(n)
        return (is_slot and state.registers[memory.data[0]] == RETURN_ADDRESS) or state.slot

    def _store_base(self, insn: Insn, state: State, n: int) -> int | None:
        """What the frame's word holds behind a load or store."""
        memory = insn.memory
        if memory is None or not memory.store or self.address(memory, state) != self.frame_word(n):
            return state.held
        value = state.registers[memory.data[0]]
        return -value.number if insn.name == "str" and value is not None and value.kind == "sp" else None

    def _load(self, memory: Memory, insn: Insn, state: State, registers: list[Value | None], n: int) -> None:
        """A load from the return slot gives the return address back, one from the frame's word the static part's SP."""
        if insn.name != "ldr" or memory.data[0] > 14:
            return
        address = self.address(memory, state)
        if state.slot and address == self.return_slot(n):
            registers[memory.data[0]] = RETURN_ADDRESS
        if state.held is not None and address == self.frame_word(n):
            registers[memory.data[0]] = Value("sp", -state.held)


def sets_sp(insn: Insn) -> bool:
    """Whether it sets SP to something computed or loaded, other than by writeback."""
    return bool(insn.writes & bit(SP)) and (insn.memory is None or SP in insn.memory.data)


def _with_sp(registers: list[Value | None], slot: bool, before: State, sp: Value | None) -> State:
    """Behind an instruction that computes SP: a value that is not known begins a dynamic frame."""
    old = before.registers[SP]
    if sp is None and old is not None:
        registers = [None if v is not None and v.kind == "frame" else v for v in registers]
        registers[SP] = Value("frame")
    stays = sp is not None and sp.kind == "frame"
    return State(tuple(registers), slot, before.held if stays else None)


def join(a: State | None, b: State) -> State:
    if a is None or a is b or a == b:
        return b
    registers = tuple(x if x == y else None for x, y in zip(a.registers, b.registers, strict=True))
    return State(registers, a.slot and b.slot, a.held if a.held == b.held else None)


def plus(value: Value | None, number: int) -> Value | None:
    """A value moved by a number of bytes."""
    if value is None or value.kind not in ("const", "sp", "frame"):
        return value if number == 0 else None
    total = value.number + number
    return Value(value.kind, total & 0xFFFFFFFF if value.kind == "const" else total)


def _with(state: State, register: int, value: Value | None) -> State:
    registers = list(state.registers)
    registers[register] = value
    return State(tuple(registers), state.slot, state.held)


def result_of(insn: Insn, state: State) -> Value | None:
    """What the instruction writes to its first operand, if that is one of the known kinds."""
    rule = _RULES.get(insn.name if insn.kind == "plain" else insn.kind)
    return None if rule is None or insn.shifted else rule(insn, state)


def _operand(insn: Insn, n: int, state: State) -> Value | None:
    operand = insn.operands[n]
    if operand.is_register:
        return state.registers[operand.register] if operand.register < 15 else None
    return Value("const", operand.value & 0xFFFFFFFF)


def _move(insn: Insn, state: State) -> Value | None:
    return _operand(insn, 1, state)


def _move_top(insn: Insn, state: State) -> Value | None:
    old = _operand(insn, 0, state)
    if old is None or old.kind != "const":
        return None
    return Value("const", (old.number & 0xFFFF) | insn.operands[1].value << 16)


def _sum(insn: Insn, state: State) -> Value | None:
    a, b = _operand(insn, -2, state), _operand(insn, -1, state)
    if a is None or b is None:
        return None
    if b.kind == "const":
        return plus(a, _signed(b.number))
    return plus(b, _signed(a.number)) if a.kind == "const" else None


def _difference(insn: Insn, state: State) -> Value | None:
    a, b = _operand(insn, -2, state), _operand(insn, -1, state)
    if a is None or b is None or b.kind != "const":
        return None
    return plus(a, -_signed(b.number))


def _literal(insn: Insn, state: State) -> Value | None:
    return None if insn.value is None else Value("const", insn.value)


def _place(insn: Insn, state: State) -> Value | None:
    return None if insn.target is None or insn.target.tag else Value("place", insn.target.address)


def _signed(number: int) -> int:
    return number - (1 << 32) if number >> 31 else number


_RULES: dict[str, Callable[[Insn, State], Value | None]] = {
    "mov": _move,
    "movw": _move,
    "movt": _move_top,
    "add": _sum,
    "sub": _difference,
    "literal": _literal,
    "adr": _place,
}
