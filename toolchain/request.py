"""What the rewriter is asked for and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .errors import RingfenceError
from .insn import Insn

if TYPE_CHECKING:
    from .remembered import Memory


@dataclass(frozen=True)
class RewriteRequest:
    """One sandbox. Addresses are ints without Thumb bit except in `exports` and `imports`; sizes are bytes."""

    name: str
    mode: str  # "mask" or "trap"
    code_start: int
    code_end: int  # exclusive; the slot table included
    slots_start: int
    slots_end: int
    window_base: int
    window_size: int  # a power of two; window_base is aligned to it
    slack_below: int
    slack_above: int
    stack_low: int
    stack_high: int
    room: int  # bytes below SP that interrupts may use at any time
    shadow_offset: int  # from the stack to the shadow stack, or to the words
    exports: dict[str, int]  # original addresses, with Thumb bit
    imports: dict[str, int]  # gate addresses, with Thumb bit
    mmio: tuple[tuple[int, int], ...] = ()  # (start, end) of declared registers
    pointers: bool = False  # the host also enters through the slot table
    only_branches: bool = False  # the gates look at slots, which have to hold branches (gate.c, is_function)
    guarded: frozenset[int] = frozenset()  # a hint: accesses that needed guards before, from code_start
    confine: str = "writes"  # or "reads": loads are confined too
    memory: Memory | None = field(default=None, compare=False, repr=False)  # of earlier rounds of this build
    jobs: int = field(default=1, compare=False)  # processes that look at functions
    words: int | None = None  # how many there are for return addresses, one for each rank; None: a shadow stack

    def word(self, rank: int) -> int:
        """The address of the word of a rank, from 1 on."""
        return self.stack_low + self.shadow_offset + 4 * rank - 4


def is_confined(insn: Insn | None, request: RewriteRequest) -> bool:
    """Whether where the instruction accesses memory has to be guarded or proved: stores, and loads where reads are
    confined. Literals and jump tables lie in the code; what is loaded into PC comes from the shadow stack."""
    if insn is None or insn.memory is None:
        return False
    return insn.memory.store or (request.confine == "reads" and insn.kind == "plain")


@dataclass(frozen=True)
class SandboxNeeds:
    """What one sandbox's rewritten code needs, in bytes."""

    code_bytes: int  # from code_start, without the slot table
    slots: int  # words of the table that are used; the table's size is 4 * the next power of two
    slack_below: int
    slack_above: int
    stack: int  # worst case from any entry, without room; what a recursion uses beyond its first round is not in it
    recursive: tuple[str, ...]  # functions that check the stack limit because they may recurse
    dynamic: tuple[str, ...] = ()  # functions with alloca or variable-length arrays; what these take is not in `stack`
    guarded: frozenset[int] = frozenset()  # a hint for the next round, see RewriteRequest
    words: int = 0  # for return addresses, where there is no shadow stack


class RoomNeeded(RingfenceError):
    """The reserved room does not suffice; `needs` has the numbers of every sandbox for the next link."""

    def __init__(self, message: str, needs: dict[str, SandboxNeeds]) -> None:
        super().__init__(message, "link again with at least this much room")
        self.needs = needs


@dataclass(frozen=True)
class RewriteResult:
    """The rewritten ELF and the facts that only exist now; dictionaries are keyed by sandbox name."""

    elf: bytes
    exports: dict[str, dict[str, int]]  # new addresses, with Thumb bit
    address_map: list[tuple[int, int]]  # (new, original), sorted, without Thumb bit
    needs: dict[str, SandboxNeeds]
    stats: dict[str, dict[str, int]] = field(default_factory=dict)
    made_by: dict[int, str] = field(default_factory=dict)  # new address of an instruction that was put in: what for
    stores: dict[int, str] = field(default_factory=dict)  # new address of a store: guarded, or why not
