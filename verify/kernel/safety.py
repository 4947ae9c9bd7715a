"""THE PROPERTY. Read this file if you read no other: what a sandbox may access and where its control may go.

s is SP when the current function was entered, RA its return address (LR at entry, both fixed for the activation).
Every executed instruction of the sandbox is checked against these definitions, for every value of the unknowns
that the facts proved before it allow. Ranges come from the policy (policy.py), terms from term.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from .policy import Range, Sandbox
from .term import FALSE, Term, add, and_, const, eq, or_, split, ule, ult, var

S, RA = var("s"), var("ra")


def write_set(sandbox: Sandbox) -> tuple[Range, ...]:
    """Where stores may go: the window with its slack, and declared device registers."""
    return (sandbox.writable, *sandbox.mmio)


def read_set(sandbox: Sandbox) -> tuple[Range, ...]:
    """Where loads may come from, if the policy confines reads: also the sandbox's own code and declared constants."""
    return (*write_set(sandbox), sandbox.code, *sandbox.constants)


def return_slot(sandbox: Sandbox, rank: int) -> Term | None:
    """The one word of the current function in the shadow stack, or that of its rank; only RA may be stored there, and
    loaded once it is there. A function whose rank is 0 or too high has none where ranks have words."""
    place = sandbox.shadow_place
    return _word(place, rank) if isinstance(place, Range) else add(S, const(place - 4))


def frame_word(sandbox: Sandbox, rank: int, frame: Term) -> Term | None:
    """The one word of a dynamic frame that begins at `frame`, where ranks have words that of the rank below; only a
    known distance from s is stored there."""
    place = sandbox.shadow_place
    return _word(place, rank - 1) if isinstance(place, Range) else add(frame, const(place))


def _word(words: Range, rank: int) -> Term | None:
    """The words are numbered from rank 1 on."""
    address = words.start + 4 * rank - 4
    return const(address) if words.covers(address, address + 4) else None


def slot_survives(sandbox: Sandbox, above: bool, rank: int, callee: int) -> bool:
    """Whether a call of a function with rank `callee` leaves the return slot alone; `above`: SP is below the slot's."""
    return callee < rank if isinstance(sandbox.shadow_place, Range) else above


def frame_word_survives(sandbox: Sandbox, rank: int, callee: int) -> bool:
    """The same of a dynamic frame's word."""
    return callee < rank - 1 if isinstance(sandbox.shadow_place, Range) else True


def store_is_safe(sandbox: Sandbox, address: Term, size: int) -> Term:
    """Definition 1, memory safety: bytes address .. address + size - 1 lie in one range of the write set."""
    return _in_one_of(write_set(sandbox), address, size)


def load_is_safe(sandbox: Sandbox, address: Term, size: int) -> Term:
    """The same of loads, with confine="reads": all the bytes lie in one range of the read set."""
    return _in_one_of(read_set(sandbox), address, size)


def _in_one_of(ranges: Iterable[Range], address: Term, size: int) -> Term:
    safe = FALSE
    for r in ranges:
        if r.end - r.start >= size:
            safe = or_(safe, ult(add(address, const(-r.start)), const(r.end - r.start - size + 1)))
    return safe


def call_is_safe(sandbox: Sandbox, target: Term) -> Term:
    """Definition 2, indirect calls: `target` is a slot of the pointer table, Thumb bit set or clear (clear faults)."""
    slot = add(and_(target, const(~1)), const(-sandbox.slots.start))
    return and_(ult(slot, const(sandbox.slots.end - sandbox.slots.start)), eq(and_(slot, const(3)), const(0)))


def return_is_safe(sp: Term, target: Term) -> bool:
    """Definition 2, returns: SP is back at s and control goes to the return address of this very call."""
    return sp is S and target is RA


def tail_call_is_safe(sp: Term, link: Term) -> bool:
    """Definition 2, tail calls: the callee starts as if our caller had called it."""
    return sp is S and link is RA


def stack_is_safe(depth: int, left: int) -> bool:
    """Definition 3: SP = base - depth stays in the stack with the interrupt room below it; `left` bytes are known free
    below the base, which is s or where a dynamic frame begins."""
    return 0 <= depth <= left and depth % 4 == 0


def frame_is_safe(sandbox: Sandbox, left: int, frame: Term) -> Term:
    """Definition 3, dynamic frames: one may begin here, `left` bytes above the lowest SP that is allowed, and far
    enough below s that its shadow word is not the return slot."""
    lowest = stack_bounds(sandbox, left)
    if lowest.start > lowest.end:
        return FALSE
    inside = and_(ule(const(lowest.start), frame), ule(frame, add(S, const(-8))))
    return and_(inside, is_aligned(frame))


def is_aligned(sp: Term) -> Term:
    """SP is always a multiple of 4."""
    return eq(and_(sp, const(3)), const(0))


def stack_bounds(sandbox: Sandbox, left: int) -> Range:
    """What `left` means: s is in [start, end]."""
    return Range(sandbox.stack.start + sandbox.room + left, sandbox.stack.end)


def distance(start: Term, value: Term) -> int | None:
    """d with value == start - d, as a signed number of bytes; None when the value is not of this form."""
    base, offset = split(value)
    if base is not start:
        return None
    return -offset if offset < 1 << 31 else (1 << 32) - offset
