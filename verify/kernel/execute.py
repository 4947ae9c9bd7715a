"""Runs one block of a function symbolically and says what has to be proved for it to be safe.

A block starts with an invariant (proof.py) and runs in a straight line, past calls and past branches not taken, until
control leaves it or reaches another block of the function. What the machine does is decided by the instruction rows
(isa/); what is safe, by safety.py. Every check ends in one of three ways: it holds by construction, it becomes an
obligation (hypotheses |- conclusion) that needs a proof, or it is a failure.

Ghost state, per activation of a function: depth (SP = s - depth), slot (the shadow word holds RA) and left (how much
stack is known to be free below s); while there is a dynamic frame, SP = F - depth for an unknown F. See docs/safety.md
for why this suffices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NoReturn

from . import safety
from .image import Image
from .isa.conditions import condition as condition_holds
from .isa.decode import Instruction, Refused, decode
from .policy import Range, Sandbox
from .proof import Fact, Frame, Function, Invariant
from .safety import RA, S
from .term import FALSE, TRUE, Term, add, and_, const, eq, ite, not_, shl, sub, ule, ult, var
from .theorem import Theorem, theorem_of

SP, LR, PC = 13, 14, 15
_ALWAYS = 14
_FLAGS = "nzcv"
_INITIAL = [var(f"r{number}") for number in range(15)]  # registers and flags at the start of a block
_INITIAL_FLAGS = {name: var(name, 1) for name in _FLAGS}
_MAX_TABLE = 1 << 16


@dataclass(frozen=True)
class Failure:
    """One reason to reject: the rule, the instruction's address, and why. With a theorem: unless that is proved."""

    sandbox: str
    rule: str
    address: int | None
    detail: str
    theorem: Theorem | None = None


class Stop(Exception):
    """The block cannot be followed further; the failure has been noted."""


@dataclass(frozen=True)
class Callee:
    """What callers may count on of a function, of an import, or of whatever the pointer table leads to."""

    name: str
    need: int  # bytes of stack
    keeps: Sequence[int] = ()
    rank: int = 0  # the host's code writes no protected word


@dataclass(frozen=True)
class Context:
    """What the blocks of one sandbox share."""

    sandbox: Sandbox
    image: Image
    needs: Mapping[int, int]  # entry address of each function -> stack need
    keeps: Mapping[int, Sequence[int]] = field(default_factory=dict)  # -> registers that it and its callees never write
    ranks: Mapping[int, int] = field(default_factory=dict)  # -> above which no word changes while it runs

    @cached_property
    def _code(self) -> bytes:
        return self.image.read(self.sandbox.code.start, self.sandbox.code.end - self.sandbox.code.start) or b""

    def code(self, address: int, size: int) -> bytes | None:
        """Bytes of the sandbox's code, or None outside it."""
        offset = address - self.sandbox.code.start
        return self._code[offset : offset + size] if 0 <= offset <= len(self._code) - size else None

    def fact(self, address: int, size: int) -> int | None:
        """The value of memory that never changes: the sandbox's code and constants."""
        if any(r.covers(address, address + size) for r in (self.sandbox.code, *self.sandbox.constants)):
            found = self.image.read(address, size)
            return None if found is None else int.from_bytes(found, "little")
        return None

    def callee(self, target: int) -> Callee | None:
        """The function or import at `target`; None if there is neither."""
        name, imported = f"the callee at {target:#x}", self.sandbox.import_at(target)
        if imported is not None:
            return Callee(name, imported.stack)
        need = self.needs.get(target)
        return None if need is None else Callee(name, need, self.keeps.get(target, ()), self.ranks.get(target, 0))

    @cached_property
    def any_slot(self) -> Callee | None:
        """A call through the pointer table, whichever slot it enters. None if a slot is no function."""
        found = [self.callee(a) for a in range(self.sandbox.slots.start, self.sandbox.slots.end, 4)]
        slots = [c for c in found if c is not None]
        if len(slots) < len(found):
            return None
        keeps = [r for r in range(13) if all(r in c.keeps for c in slots)]
        return Callee("the pointer table", max(c.need for c in slots), keeps, max(c.rank for c in slots))


class Executor:
    """A Machine (isa/machine.py) on terms; one object runs one block.

    Collects `failures`, which no proof can mend, and `obligations`, which are failures unless proved.
    """

    def __init__(self, context: Context, function: Function) -> None:
        self.context = context
        self.function = function
        self.obligations: list[Failure] = []
        self.failures: list[Failure] = []
        self.executed: set[int] = set()  # addresses of the block's instructions

    # -- running -------------------------------------------------------------------------------------------------

    def run(self, start: int, invariant: Invariant) -> None:
        """Follow the block at `start`; afterwards look at `obligations` and `failures`."""
        self._fresh = 0
        self.depth, self.slot, self.left = invariant.depth, invariant.slot, invariant.left
        self.hypotheses: list[Term] = []
        self.frame, self._base = invariant.frame, S  # SP = base - depth
        if invariant.frame is not None:
            self._base = self._frame_begins(invariant.frame)
        self._regs = self._registers(invariant.facts)
        self._flag = dict(_INITIAL_FLAGS)
        self._it: list[int] = []
        self._guard = TRUE
        self._ended = False
        self.pc = self.next_pc = start
        try:
            if not safety.stack_is_safe(self.depth, self._room()):
                self.stop("stack", "the invariant allows SP outside the stack")
            while not self._ended:
                self._step()
                self.pc = self.next_pc
                self._guard = TRUE  # a condition ends with its instruction: what follows is reached either way
                if not self._ended and not self._it and self.pc in self.function.blocks:
                    self.edge(self.pc, TRUE)
                    self._ended = True
        except Stop:
            return

    def _registers(self, facts: Sequence[Fact]) -> list[Term]:
        """What the registers hold at the start of the block: unknown numbers, but for the facts."""
        values = exact_values(facts)
        for fact in facts:
            if fact.base != "ra":  # that is said of the term RA, not of a number: another term would make it false
                self.assume(_holds(fact, values))
        return values

    def _step(self) -> None:
        instruction = self._fetch()
        self.executed.add(self.pc)
        self.next_pc = self.pc + instruction.size
        in_it = bool(self._it)
        self._guard = TRUE
        if in_it:
            code = self._it.pop(0)
            if instruction.in_it == "never" or (instruction.in_it == "last" and self._it):
                self.stop("it-block", f"{instruction.name} may not stand here in an IT block")
            if code != _ALWAYS:
                self._guard = condition_holds(self.flag, code)
        try:
            instruction.execute(self, in_it)
        except Refused as refused:  # UNPREDICTABLE for its address
            self.stop("instruction", str(refused))

    def _fetch(self) -> Instruction:
        size = 4 if self.context.code(self.pc, 4) is not None else 2
        code = self.context.code(self.pc, size)
        if code is None or self.pc & 1:
            self.stop("code", "control reaches an address that is not code of the sandbox")
        try:
            found = decode(code, 0)
        except Refused as refused:
            self.stop("instruction", str(refused))
        if found.needs not in self.context.sandbox.extensions:
            self.stop("instruction", f"{found.name}: the policy's arch and fpu do not have it ({found.needs})")
        return found

    def stop(self, rule: str, detail: str) -> NoReturn:
        self.failures.append(Failure(self.context.sandbox.name, rule, self.pc, detail))
        raise Stop

    def require(self, rule: str, conclusion: Term, detail: str, condition: Term = TRUE) -> None:
        """`conclusion` must hold here, whenever this instruction is executed and `condition` holds."""
        if conclusion is TRUE:
            return
        hypotheses = (*self.hypotheses, *self.known(), self._guard, condition)
        if conclusion not in hypotheses:
            theorem = theorem_of(hypotheses, conclusion)
            self.obligations.append(Failure(self.context.sandbox.name, rule, self.pc, detail, theorem))

    def assume(self, fact: Term) -> None:
        """From here on `fact` holds on this path."""
        todo, seen = [fact], {TRUE}
        while todo:
            part = todo.pop()
            if part in seen:
                continue
            seen.add(part)
            if part.op == "and":
                todo.extend(reversed(part.operands))
            else:
                self.learn(part)

    def learn(self, fact: Term) -> None:
        """Add one hypothesis."""
        self.hypotheses.append(fact)

    def known(self) -> tuple[Term, ...]:
        """What is known of s: it lies in the stack, with `left` bytes and the interrupt room free below it."""
        bounds = safety.stack_bounds(self.context.sandbox, self.left)
        return ule(const(bounds.start), S), ule(S, const(bounds.end))

    # -- Machine: registers and flags ----------------------------------------------------------------------------

    def unknown(self, width: int = 32) -> Term:
        self._fresh += 1
        return var(f"u{self._fresh}", width)

    def reg(self, number: int) -> Term:
        if number == SP:
            return add(self._base, const(-self.depth))
        return const(self.pc + 4) if number == PC else self._regs[number]

    def set_reg(self, number: int, value: Term) -> None:
        if number == PC:
            self.stop("instruction", "PC written as a register")
        if number in self.function.keeps:
            self.stop("keeps", f"r{number} is written, which the function is claimed to keep")
        if number == SP:
            self._set_sp(value)
        else:
            self._regs[number] = ite(self._guard, value, self._regs[number])

    def _set_sp(self, value: Term) -> None:
        if value is self.reg(SP):
            return
        if self._guard is not TRUE:
            self.stop("stack", "SP changes under a condition")
        depth = safety.distance(self._base, value)
        if depth is None:  # the dynamic frame ends, or another one begins
            self.frame, self._base, depth = None, S, safety.distance(S, value)
        if depth is None:
            self._begin_frame(value)
        elif safety.stack_is_safe(depth, self._room()):
            self.depth = depth
        else:
            self.stop("stack", f"SP would be {depth} bytes below where it began; safe are 0 to {self._room()}")

    def _begin_frame(self, value: Term) -> None:
        """SP becomes a number of which little is known: F, where a dynamic frame begins."""
        if self.pc not in self.function.frames:
            self.stop("stack", "SP becomes a value that is not a known distance from SP at the function's entry")
        frame = Frame(self.function.frames[self.pc])
        safe = safety.frame_is_safe(self.context.sandbox, frame.left, value)
        detail = f"SP must leave {frame.left} bytes of stack and stay two words below its entry value"
        self.require("stack", safe, detail, safety.is_aligned(S))
        self.frame, self._base, self.depth = frame, self._frame_begins(frame), 0

    def _frame_begins(self, frame: Frame) -> Term:
        """An unknown F, and what is known of it."""
        base = self.unknown()
        self.assume(safety.frame_is_safe(self.context.sandbox, frame.left, base))
        return base

    def _room(self) -> int:
        """Bytes known to be free below what SP is measured from, the room for interrupts apart."""
        return self.left if self.frame is None else self.frame.left

    def flag(self, name: str) -> Term:
        return self._flag[name]

    def set_flags(
        self, n: Term | None = None, z: Term | None = None, c: Term | None = None, v: Term | None = None
    ) -> None:
        for name, value in zip(_FLAGS, (n, z, c, v), strict=True):
            if value is not None:
                self._flag[name] = ite(self._guard, value, self._flag[name])

    def begin_it(self, condition: int, mask: int) -> None:
        if self._it:
            self.stop("it-block", "IT inside an IT block")
        length = 4 - (mask & -mask).bit_length() + 1
        tail = [(condition & 0xE) | (mask >> (3 - i) & 1) for i in range(length - 1)]
        self._it = [condition, *tail]

    # -- Machine: memory -----------------------------------------------------------------------------------------

    def load(self, address: Term, size: int) -> Term:
        if size == 4 and self.slot and address is self._return_slot():
            return RA
        if size == 4 and self.frame is not None and self.frame.held is not None and address is self._frame_word():
            return add(S, const(-self.frame.held))
        sandbox = self.context.sandbox
        if sandbox.confine == "reads" and not self._on_stack(address, size, safety.read_set(sandbox)):
            self.require("load", safety.load_is_safe(sandbox, address, size), f"a load of {size} bytes")
        value = None if address.value is None else self.context.fact(address.value, size)
        return self.unknown(8 * size) if value is None else const(value, 8 * size)

    def store(self, address: Term, size: int, value: Term) -> None:
        sandbox = self.context.sandbox
        if address is self._return_slot():
            if size != 4 or value is not RA:
                self.stop("return-slot", "only the function's return address may be stored in its return slot")
            self.slot = self.slot or self._guard is TRUE
            return
        if self.frame is not None and address is self._frame_word():
            held = safety.distance(S, value)
            if size != 4 or held is None or self._guard is not TRUE:
                self.stop("frame", "only a known distance from SP at the function's entry may be stored here, always")
            self.frame = replace(self.frame, held=held)
            return
        if not self._on_stack(address, size, safety.write_set(sandbox)):
            self.require("store", safety.store_is_safe(sandbox, address, size), f"a store of {size} bytes")

    def _on_stack(self, address: Term, size: int, ranges: Iterable[Range]) -> bool:
        """SP-relative, and in one range: decided by arithmetic, since s lies in known bounds."""
        distance = safety.distance(S, address)
        if distance is None:
            return False
        bounds = safety.stack_bounds(self.context.sandbox, self.left)
        return any(r.covers(bounds.start - distance, bounds.end - distance + size) for r in ranges)

    def _return_slot(self) -> Term | None:
        return safety.return_slot(self.context.sandbox, self.function.rank)

    def _frame_word(self) -> Term | None:
        return safety.frame_word(self.context.sandbox, self.function.rank, self._base)

    # -- Machine: control ----------------------------------------------------------------------------------------

    def _leave(self, condition: Term) -> None:
        """Control has left if `condition` (and the IT condition) holds; go on under its negation."""
        taken = and_(self._guard, condition)
        self._ended = taken is TRUE
        self.assume(not_(taken))

    def jump(self, target: int, condition: Term | None = None) -> None:
        condition = TRUE if condition is None else condition
        self.edge(target, condition)
        self._leave(condition)

    def jump_value(self, value: Term) -> None:
        if value.value is not None:
            if not value.value & 1:
                self.stop("target", "a jump to an address without Thumb bit")
            self.edge(value.value - 1, TRUE)
        elif value is RA:
            if not safety.return_is_safe(self.reg(SP), value):
                where = "in a dynamic frame" if self.frame else f"{self.depth} bytes below its entry value"
                self.stop("return", f"returns with SP {where}")
        else:
            self._tail_call(self.context.any_slot)
            self.require("jump", safety.call_is_safe(self.context.sandbox, value), "a jump through a pointer")
        self._leave(TRUE)

    def jump_table(self, base: Term, index: Term, entry_size: int) -> None:
        length = self.function.tables.get(self.pc, 0)
        if base.value is None or not 0 < length <= _MAX_TABLE:
            self.stop("table", "a table jump without a known table")
        self.require("table", ult(index, const(length)), f"the index must be below {length}")
        content = self.context.code(base.value, length * entry_size)
        if content is None:
            self.stop("table", "the jump table is not in the code")
        entries = {int.from_bytes(content[i : i + entry_size], "little") for i in range(0, len(content), entry_size)}
        for entry in sorted(entries):
            if entry_size == 4 and not entry & 1:
                self.stop("table", "an entry without Thumb bit")
            self.edge(entry - 1 if entry_size == 4 else self.pc + 4 + 2 * entry, TRUE)
        self._leave(TRUE)

    def trap(self) -> None:
        self._leave(TRUE)

    def call(self, target: int) -> None:
        callee = self.context.callee(target)
        if callee is None:  # a jump inside the function that leaves a known constant in LR (libgcc does this)
            before, self._regs[LR] = self._regs[LR], const(self.next_pc | 1)
            self.edge(target, TRUE)
            self._regs[LR] = before
            self._leave(TRUE)
            return
        self._called(callee)
        imported = self.context.sandbox.import_at(target)
        if imported is not None and not imported.returns:
            self._leave(TRUE)

    def call_value(self, value: Term) -> None:
        if value.value is not None and value.value & 1 and self._is_function(value.value - 1):
            self.call(value.value - 1)
            return
        self.require("call", safety.call_is_safe(self.context.sandbox, value), "a call through a pointer")
        self._called(self.context.any_slot)

    def _is_function(self, address: int) -> bool:
        return self.context.callee(address) is not None

    def _called(self, callee: Callee | None) -> None:
        """A call that comes back: everything is unknown then but SP, the registers that the callee keeps, and the
        protected words that it has not in common with this function."""
        callee = self._enters(callee, self._room() - self.depth)
        sandbox, rank, above = self.context.sandbox, self.function.rank, self.frame is not None or self.depth >= 4
        self.slot = self.slot and safety.slot_survives(sandbox, above, rank, callee.rank)
        if self.frame is not None and not safety.frame_word_survives(sandbox, rank, callee.rank):
            self.frame = replace(self.frame, held=None)
        self._regs = [value if number in callee.keeps else self.unknown() for number, value in enumerate(self._regs)]
        self._flag = {name: self.unknown(1) for name in _FLAGS}

    def _tail_call(self, callee: Callee | None) -> None:
        if not safety.tail_call_is_safe(self.reg(SP), self._regs[LR]):
            self.stop("tail-call", "another function is entered by a jump with SP or LR not as at this one's entry")
        self._enters(callee, self.left)

    def _enters(self, callee: Callee | None, left: int) -> Callee:
        """What must hold of another function before control goes there; `left`: stack known to be free below SP."""
        if callee is None:
            self.stop("slots", "a slot of the pointer table is not a function of the certificate")
        if callee.need > left:
            self.stop("stack", f"{callee.name} needs {callee.need} bytes of stack; {left} are known to be left")
        lost = [f"r{number}" for number in self.function.keeps if number not in callee.keeps]
        if lost:
            self.stop("keeps", f"{callee.name} may change {', '.join(lost)}, which this function is claimed to keep")
        if callee.rank > self.function.rank:
            self.stop("rank", f"{callee.name} has rank {callee.rank}, more than this function's {self.function.rank}")
        return callee

    def edge(self, target: int, condition: Term) -> None:
        """Control goes to `target` if `condition` holds."""
        if and_(self._guard, condition) is FALSE:
            return
        if target in self.function.blocks:
            self._establish(target, self.function.blocks[target], condition)
            return
        callee = self.context.callee(target)
        if callee is None:
            self.stop("target", f"control goes to {target:#x}, which is neither a block nor a function nor an import")
        self._tail_call(callee)

    def _establish(self, target: int, invariant: Invariant, condition: Term) -> None:
        """The invariant of the block at `target` must hold."""
        where = f"at {target:#x}"
        if not _includes(invariant.frame, self.frame):
            self.stop("invariant", f"{invariant.frame} is claimed {where}, and there is {self.frame}")
        if invariant.depth != self.depth:
            self.stop("invariant", f"depth {self.depth} where {invariant.depth} is claimed {where}")
        if invariant.slot and not self.slot:
            self.stop("invariant", f"the return address is claimed to be saved {where}, and is not")
        if invariant.left > self.left:
            claimed = safety.stack_bounds(self.context.sandbox, invariant.left)
            if claimed.start > claimed.end:
                self.stop("stack", f"{invariant.left} bytes are more than the whole stack")
            enough = ule(const(claimed.start), S)
            self.require("stack", enough, f"{invariant.left} bytes of stack left {where}", condition)
        for fact in invariant.facts:
            self.require("invariant", _holds(fact, self._regs), f"r{fact.register} from {fact.base} {where}", condition)


def _includes(claimed: Frame | None, there_is: Frame | None) -> bool:
    """Whether the claim about a dynamic frame holds of the one that there is."""
    if claimed is None or there_is is None:
        return claimed is there_is
    return claimed.left <= there_is.left and claimed.held in (None, there_is.held)


def exact_values(facts: Iterable[Fact]) -> list[Term]:
    """The registers of which facts say what they are, and unknown numbers for the others."""
    values = list(_INITIAL)
    for fact in facts:
        if fact.exact:
            base = RA if fact.base == "ra" else measured_from(fact.base, fact.scale, values)
            values[fact.register] = base if base is RA else add(base, const(fact.low))
    return values


def measured_from(base: str, scale: int, registers: Sequence[Term]) -> Term:
    """The term that a fact with this base and scale measures its register from."""
    if base in ("0", "s"):
        return S if base == "s" else const(0)
    first, minus, second = base.partition("-")
    value = registers[int(first[1:])]
    if minus:
        value = sub(value, measured_from(second, 1, registers))
    scaled = shl(value, const(abs(scale).bit_length() - 1))
    return scaled if scale > 0 else sub(const(0), scaled)


def _holds(fact: Fact, registers: Sequence[Term]) -> Term:
    """The fact as a boolean term, of registers with these values."""
    value = registers[fact.register]
    if fact.base == "ra":
        return TRUE if value is RA else FALSE
    base = measured_from(fact.base, fact.scale, registers)
    if fact.width == 0:
        return eq(value, add(base, const(fact.low)))
    distance = add(sub(value, base), const(-fact.low))
    return and_(ule(distance, const(fact.width)), eq(and_(distance, const(fact.step - 1)), const(0)))
