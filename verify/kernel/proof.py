"""What a certificate claims: per function a stack need and per block an invariant. Untrusted until replayed.

The JSON form (docs/architecture.md) is read strictly: anything unknown or out of range is refused (rule "certificate").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .lrat import Step
from .shape import demand, integers, key, list_of, map_as_list, map_of, number, one_of, read_json, record, row, text
from .theorem import Theorem

_MAX_BYTES = 1 << 24


@dataclass(frozen=True)
class Fact:
    """What is known of a register: register - scale * base - low is at most `width` and a multiple of `step`, all
    modulo 2^32. `base` is "0", "s", another register ("r4") or the difference of one and another or s ("r4-r5",
    "r4-s"); or "ra", and then the register is RA. `step` is a power of two, and so is `scale`, but for its sign.
    """

    register: int
    base: str
    low: int = 0
    width: int = 0
    step: int = 1
    scale: int = 1

    @property
    def exact(self) -> bool:
        """Whether it says what the register is."""
        return self.width == 0 and self.base in ("0", "s", "ra")


_REGISTERS = (*range(13), 14)
_POWERS = tuple(1 << n for n in range(32))
_NAMES = tuple(f"r{n}" for n in _REGISTERS)
_FACT = row(
    one_of(*_REGISTERS), one_of("0", "s", "ra", *_NAMES, *(f"{a}-{b}" for a in _NAMES for b in (*_NAMES, "s"))),
    number(), number(),
    one_of(*_POWERS), one_of(*_POWERS, *(-p for p in _POWERS)),
)  # fmt: skip


def _fact(value: Any, where: str) -> Fact:
    fact = Fact(*_FACT(value, where))
    demand(f"r{fact.register}" not in fact.base.split("-"), where, "a register is measured from itself")
    return fact


@dataclass(frozen=True)
class Frame:
    """A dynamic frame: SP is measured from an unknown F with stack low + room + left <= F <= s - 8."""

    left: int
    held: int | None = None  # the frame's word is s - held


def _frame(value: Any, where: str) -> Frame:
    numbers = list_of(number())(value, where)
    demand(len(numbers) in (1, 2), where, "a dynamic frame is [left] or [left, held]")
    return Frame(*numbers)


@dataclass(frozen=True)
class Invariant:
    """What holds whenever control reaches a block of a function: SP = s - depth, or F - depth, and so on."""

    depth: int
    slot: bool  # the return slot of this function holds RA
    left: int  # s >= stack low + room + left
    facts: tuple[Fact, ...] = ()
    frame: Frame | None = None


_PARTS = (number(), number(), one_of(0, 1), number(), list_of(_fact))
_BLOCK, _FRAMED = row(*_PARTS), row(*_PARTS, _frame)


def _block(value: Any, where: str) -> tuple[int, Invariant]:
    framed = type(value) is list and len(value) > len(_PARTS)
    address, depth, slot, left, facts, *frame = (_FRAMED if framed else _BLOCK)(value, where)
    return address, Invariant(depth, bool(slot), left, facts, *frame)


@dataclass(frozen=True)
class Function:
    """`need`: bytes of stack below its entry SP that it and its callees may use (interrupt room not included).

    `tables`: address of a table jump -> number of entries. `frames`: address of an instruction that makes SP the
    beginning of a dynamic frame -> bytes known to be free below it. `keeps`: registers that are what they were when it
    comes back, since neither it nor what it calls writes them. `rank`: nothing that it calls or goes on in has a higher
    one; so while it runs, no word of a higher rank changes.
    """

    entry: int = key(number())
    need: int = key(number())
    blocks: Mapping[int, Invariant] = key(map_as_list(_block))
    tables: Mapping[int, int] = key(map_as_list(row(number(), number())))
    frames: Mapping[int, int] = key(map_as_list(row(number(), number())), optional=True, default_factory=dict)
    keeps: Sequence[int] = key(list_of(one_of(*range(13))), optional=True, default=())
    rank: int = key(number(), optional=True, default=0)


_FUNCTION = record(Function)


def _function(value: Any, where: str) -> tuple[int, Function]:
    function = _FUNCTION(value, where)
    return function.entry, function


@dataclass(frozen=True)
class SandboxProof:
    functions: Mapping[int, Function]


def _sandbox(value: Any, where: str) -> SandboxProof:
    return SandboxProof(map_as_list(_function)(value, where))


@dataclass(frozen=True)
class Certificate:
    """`theorems`: LRAT proofs by the digest of the theorem that they are for."""

    elf_sha256: str = key(text)
    policy_sha256: str = key(text)
    sandboxes: Mapping[str, SandboxProof] = key(map_of(_sandbox))
    theorems: Mapping[str, Sequence[Step]] = key(map_of(list_of(row(integers, integers))), default_factory=dict)
    version: int = key(one_of(1), default=1)

    def proofs(self, theorems: Sequence[Theorem]) -> Iterator[Sequence[Step] | None]:
        return (self.theorems.get(t.digest()) for t in theorems)


def from_json(source: bytes) -> Certificate:
    """Parse a certificate. Raises Rejected("certificate", ...)."""
    certificate: Certificate = read_json(source, _MAX_BYTES, "certificate", record(Certificate))
    return certificate
