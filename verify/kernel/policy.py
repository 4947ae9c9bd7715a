"""The policy: the specification that a firmware image is checked against. Parsed once into frozen values.

Addresses in the JSON are hex strings, `end` is exclusive, branch targets carry the Thumb bit (stripped here).
Everything unknown, duplicated, misaligned, wrapped or overlapping is refused (rule "policy").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

from .image import Image, Segment
from .rejected import Rejected
from .shape import Reader, demand, fields, key, list_of, number, one_of, read_json, record, text

_LIMIT = 1 << 32
_MAX_BYTES = 1 << 17  # checking takes quadratic time
_EXCEPTION_FRAME, _FP_FRAME = 36, 108  # eight words and the alignment word; s0-s15 and FPSCR too (ARMv7-M B1.5.7)
_ARCHITECTURES = {"armv7-m": frozenset({""}), "armv7e-m": frozenset({"", "dsp"})}
_FPUS: dict[bool | str, frozenset[str]] = {  # named as by gcc's -mfpu; True may mean any
    False: frozenset(),
    "fpv4-sp-d16": frozenset({"fp"}),
    "fpv5-sp-d16": frozenset({"fp", "fp5"}),
    "fpv5-d16": frozenset({"fp", "fp5", "fp64"}),
    True: frozenset({"fp", "fp5", "fp64"}),
}
EVERYTHING = _ARCHITECTURES["armv7e-m"] | _FPUS[True]
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{1,8}\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.$-]{0,127}\Z")
_REGISTERS = re.compile(r"(r[0-3]|s(\d|1[0-5])-s(\d|1[0-5]))\Z")


@dataclass(frozen=True)
class Range:
    """Bytes start .. end - 1."""

    start: int
    end: int

    def covers(self, start: int, end: int) -> bool:
        return self.start <= start <= end <= self.end

    def overlaps(self, other: Range) -> bool:
        return self.start < other.end and other.start < self.end

    def __str__(self) -> str:
        return f"[{self.start:#010x}, {self.end:#010x})"


_PPB = Range(0xE0000000, 0xE0100000)  # private peripheral bus (B3.1)
_BIT_BAND = (Range(0x22000000, 0x24000000), Range(0x42000000, 0x44000000))  # alias regions (A3.7.1 and B3.1)


# -- JSON to values ----------------------------------------------------------------------------------------------


def _address(value: Any, where: str) -> int:
    demand(type(value) is str and _ADDRESS.match(value), where, "must be an address like '0x20000000'")
    return int(value, 16)


def _code_address(value: Any, where: str) -> int:
    address = _address(value, where)
    demand(address & 1, where, "a branch target carries the Thumb bit")
    return address - 1


def _name(value: Any, where: str) -> str:
    demand(type(value) is str and _NAME.match(value), where, "must be a name")
    return str(value)


def _registers(value: Any, where: str) -> str:
    found = _REGISTERS.match(value) if type(value) is str else None
    upwards = found and int(found[2] or 0) <= int(found[3] or 0)
    demand(upwards, where, "must be r0 to r3 or a run like s4-s15")
    return str(value)


def _range(value: Any, where: str, multiple: int = 4, **ignored: Reader) -> Range:
    """A range of addresses; what is `ignored` may stand beside them, and must be well-formed."""
    found = fields({"start": _address, "end": _address}, ignored)(value, where)
    return Range(*_span(found["start"], found["end"], multiple, where))


def _span(start: int, end: int, multiple: int, where: str) -> tuple[int, int]:
    demand(start < end, where, "is empty or reversed")
    demand(start % multiple == end % multiple == 0, where, f"must be aligned to {multiple}")
    return start, end


@dataclass(frozen=True)
class Entry:
    """`word`: where the host's one copy of the address is; `stub`: the gate in assembly, where there is one, and the
    argument registers that it clears: r0 to r3, and runs such as s4-s15."""

    name: str = key(_name)
    address: int = key(_code_address)
    word: int | None = key(_address, optional=True, default=None)
    stub: int | None = key(_code_address, optional=True, default=None)
    clears: tuple[str, ...] = key(list_of(_registers), optional=True, default=())


@dataclass(frozen=True)
class Import:
    """Host code that the sandbox may call; `stack`: bytes it may use below the sandbox's SP; `thunk`: its C half."""

    name: str = key(_name)
    address: int = key(_code_address)
    returns: bool = key(one_of(False, True), optional=True, default=True)
    stack: int = key(number(4), optional=True, default=0)
    thunk: int | None = key(_code_address, optional=True, default=None)


@dataclass(frozen=True)
class Gate:
    """Where the gate of one sandbox is (gates.py): its descriptor and its state, and what its entries return to."""

    descriptor: int = key(_address)
    state: int = key(_address)
    return_stub: int = key(_code_address, called="return")


@dataclass(frozen=True)
class Coincidence:
    """Host bytes that read as a reference into sandbox code and are none, and `why` they are not."""

    address: int = key(_address)
    kind: str = key(one_of("word", "branch"))
    target: int = key(_address)
    why: str = key(text, compare=False, default="")


@dataclass(frozen=True)
class Window(Range):
    writable: Range  # with its slack


_WINDOW = fields({"base": _address, "size": number(), "slack_below": number(4), "slack_above": number(4)})


def _window(value: Any, where: str) -> Window:
    found = _WINDOW(value, where)
    base, size, below, above = (found[name] for name in ("base", "size", "slack_below", "slack_above"))
    power_of_two = size >= 64 and size & (size - 1) == 0
    demand(power_of_two and base % size == 0, where, "the size must be a power of two and the base aligned to it")
    inside = below <= base and base + size + above <= _LIMIT
    demand(inside, where, "window and slack wrap around the address space")
    return Window(base, base + size, Range(base - below, base + size + above))


@dataclass(frozen=True)
class Stack(Range):
    room: int  # bytes below SP that an interrupt may use


_STACK = fields({"low": _address, "high": _address, "room": number(4)})


def _stack(value: Any, where: str) -> Stack:
    found = _STACK(value, where)
    return Stack(*_span(found["low"], found["high"], 8, where), found["room"])


def _shadow(value: Any, where: str) -> int | Range:
    """How far the shadow stack is from the stack, or where the words are that the functions of each rank have."""
    found = fields({}, {"offset": number(4), "words": _range})(value, where)
    demand(len(found) == 1, where, "must give either an offset or words")
    place: int | Range = found.popitem()[1]
    return place


@dataclass(frozen=True)
class Sandbox:
    name: str = key(_name)
    code: Range = key(_range)
    slots: Range = key(_range)
    constants: tuple[Range, ...] = key(list_of(_range))
    window: Window = key(_window)
    stack: Stack = key(_stack)
    shadow_place: int | Range = key(_shadow, called="shadow")
    entries: tuple[Entry, ...] = key(list_of(record(Entry)))
    imports: tuple[Import, ...] = key(list_of(record(Import)))
    mmio: tuple[Range, ...] = key(list_of(partial(_range, multiple=1, why=text)))
    confine: str = key(one_of("writes", "reads"))  # reads: loads too
    gate: Gate | None = key(record(Gate), optional=True, default=None)
    pointers: bool = key(one_of(False, True), optional=True, default=False)  # the host also enters through the slots
    extensions: frozenset[str] = _ARCHITECTURES["armv7-m"]  # instructions that the processor has (isa/rows.py)

    @property
    def writable(self) -> Range:
        """The window with its slack."""
        return self.window.writable

    @property
    def room(self) -> int:
        return self.stack.room

    @property
    def shadow(self) -> Range:
        """The words that only returns and dynamic frames may use."""
        if isinstance(self.shadow_place, Range):
            return self.shadow_place
        return Range(self.stack.start + self.shadow_place, self.stack.end + self.shadow_place)

    @property
    def has_fpu(self) -> bool:
        return "fp" in self.extensions

    def import_at(self, address: int) -> Import | None:
        return next((i for i in self.imports if i.address == address), None)


def _fpu(value: Any, where: str) -> frozenset[str]:
    """`fpu` says that one is enabled on the device, whoever uses it: its registers are stacked at interrupts."""
    return _FPUS[one_of(*_FPUS)(value, where)]


_GATES = fields(
    {**dict.fromkeys(("enter", "switch", "exit", "take"), _code_address), "coincidences": list_of(record(Coincidence))},
    dict.fromkeys(("switch_pointer", "recover", "import"), _code_address),
)


@dataclass(frozen=True)
class Policy:
    version: int = key(one_of(1))
    arch: str = key(one_of(*_ARCHITECTURES))
    fpu: frozenset[str] = key(_fpu)
    ram: tuple[Range, ...] = key(list_of(_range))
    host_ram: tuple[Range, ...] = key(list_of(_range))
    sandboxes: tuple[Sandbox, ...] = key(list_of(record(Sandbox)))
    aliases: tuple[Range, ...] = key(list_of(partial(_range, shows=_address)), optional=True, default=())
    runtime: Mapping[str, int] = key(_GATES, called="gates", optional=True, default_factory=dict)  # gates' fixed code
    coincidences: frozenset[Coincidence] = frozenset()


def _policy(value: Any, where: str) -> Policy:
    found = record(Policy)(value, where)
    runtime = dict(found.runtime)
    coincidences = frozenset(runtime.pop("coincidences", ()))
    extensions = _ARCHITECTURES[found.arch] | found.fpu
    sandboxes = tuple(replace(s, extensions=extensions) for s in found.sandboxes)
    policy: Policy = replace(found, sandboxes=sandboxes, runtime=runtime, coincidences=coincidences)
    _check_policy(policy)
    return policy


def parse_policy(source: bytes) -> Policy:
    """Parse and check a policy by itself. Raises Rejected("policy", ...)."""
    policy: Policy = read_json(source, _MAX_BYTES, "policy", _policy)
    return policy


# -- what must hold of the values --------------------------------------------------------------------------------


def _check_sandbox(s: Sandbox) -> None:
    demand(s.entries, f"{s.name}.entries", "a sandbox without an entry cannot be called")
    demand(_distinct(e.name for e in s.entries), f"{s.name}.entries", "a name occurs twice")
    demand(_distinct(i.name for i in s.imports), f"{s.name}.imports", "a name occurs twice")
    contracts = {(i.address, i.returns, i.stack) for i in s.imports}
    demand(_distinct(c[0] for c in contracts), f"{s.name}.imports", "two at one address contradict each other")
    demand(s.code.covers(s.slots.start, s.slots.end), f"{s.name}.slots", "must lie in the code")
    demand(s.window.covers(s.stack.start, s.stack.end), f"{s.name}.stack", "must lie in the window")
    frame = _FP_FRAME if s.has_fpu else _EXCEPTION_FRAME
    fits = frame <= s.room <= s.stack.end - s.stack.start
    demand(fits, f"{s.name}.stack.room", f"must hold an exception frame ({frame} bytes) and fit the stack")
    demand(s.shadow.end <= _LIMIT, f"{s.name}.shadow", "the shadow stack wraps around the address space")
    for entry in s.entries:
        demand(s.code.covers(entry.address, entry.address + 2), f"{s.name}.entries.{entry.name}", "is not in the code")
    if s.pointers:
        size = s.slots.end - s.slots.start
        maskable = size & (size - 1) == 0 and s.slots.start % size == 0
        demand(maskable, f"{s.name}.slots", "the host enters through them: a power of two, and the start aligned to it")
    for r in (s.code, *s.constants, *s.mmio, s.writable, s.shadow):
        ordinary = not any(r.overlaps(special) for special in (_PPB, *_BIT_BAND))
        demand(ordinary, s.name, f"{r} touches the private peripheral bus or a bit-band alias region")


def _distinct(values: Iterable[object]) -> bool:
    found = list(values)
    return len(set(found)) == len(found)


def _check_policy(policy: Policy) -> None:
    demand(policy.sandboxes, "sandboxes", "the policy declares none: nothing would be proved")
    demand(_distinct(s.name for s in policy.sandboxes), "sandboxes", "a name occurs twice")
    for s in policy.sandboxes:
        _check_sandbox(s)
        _check_gate_keys(s, bool(policy.runtime), "import" in policy.runtime)
    for owner, found in _ram_ranges(policy):
        inside = any(r.covers(found.start, found.end) for r in policy.ram)
        demand(inside, owner, f"{found} does not lie in declared RAM")
    ranges = sorted([*_ram_ranges(policy), *_other_ranges(policy)], key=lambda item: item[1].start)
    for (first, a), (second, b) in pairwise(ranges):
        demand(not a.overlaps(b), second, f"{b} overlaps {first} {a}")
    for owner, found in ranges:
        for alias in policy.aliases:
            demand(not found.overlaps(alias), owner, f"{found} lies in {alias}, where memory appears a second time")
        for what, address in _called(policy):
            demand(not found.covers(address, address + 2), what, f"is not host code: it lies in {owner}")


def _called(policy: Policy) -> Iterator[tuple[str, int]]:
    """Host code that sandboxes or gates call."""
    yield from policy.runtime.items()
    for s in policy.sandboxes:
        for i in s.imports:
            yield from ((f"{s.name}.imports.{i.name}", at) for at in (i.address, i.thunk) if at is not None)


def _check_gate_keys(s: Sandbox, declared: bool, imports: bool) -> None:
    """Gates are declared of the whole image or not at all: no part of them is silently left out."""
    found = [s.gate is not None, *(e.word is not None for e in s.entries), *(i.thunk is not None for i in s.imports)]
    extra = any(e.stub or e.clears for e in s.entries)
    complete = all(given is declared for given in found) and (declared or not extra)
    demand(complete, s.name, "gates, gate, every entry's word and import's thunk must be declared, or none of them")
    demand(imports or not (declared and s.imports), "gates.import", "is missing, but sandboxes have imports")


def _ram_ranges(policy: Policy) -> Iterator[tuple[str, Range]]:
    yield from (("host RAM", r) for r in policy.host_ram)
    for s in policy.sandboxes:
        yield f"{s.name}: window and slack", s.writable
        yield f"{s.name}: shadow stack", s.shadow


def _other_ranges(policy: Policy) -> Iterator[tuple[str, Range]]:
    for s in policy.sandboxes:
        yield f"{s.name}: code", s.code
        yield from ((f"{s.name}: constants", r) for r in s.constants)
        yield from ((f"{s.name}: MMIO", r) for r in s.mmio)


def check_placement(policy: Policy, image: Image) -> None:
    """The policy against what the image loads, at run and at programming addresses. Raises Rejected."""
    for segment in image.segments:
        for r in _run_and_load(segment):
            once = not any(alias.overlaps(r) for alias in policy.aliases)
            _demand_place(once, "a segment lies where memory appears a second time", r.start)
    for s in policy.sandboxes:
        for r in (s.code, *s.constants):
            _demand_place(_stays_in_place(image, r), f"{s.name}: {r} is not loaded there byte for byte", r.start)
        for i in s.imports:
            _demand_place(image.read(i.address, 2), f"{s.name}: import {i.name} is not in the image", i.address)
        for segment in image.segments:
            _check_segment(s, *_run_and_load(segment))


def _demand_place(holds: object, detail: str, address: int) -> None:
    if not holds:
        raise Rejected("placement", detail, address)


def _run_and_load(segment: Segment) -> tuple[Range, Range]:
    """Where a segment runs and where it is programmed."""
    starts = segment.address, segment.load_address
    run, load = (Range(start, start + segment.size) for start in starts)
    return run, load


def _check_segment(s: Sandbox, run: Range, load: Range) -> None:
    """What the sandbox may write holds nothing loaded, its own window apart; nothing is programmed over its code."""
    in_window = s.writable.covers(run.start, run.end)
    for r in (s.writable, s.shadow, *s.mmio):
        _demand_place(in_window or not r.overlaps(run), f"{s.name}: {r} may be written but holds a segment", run.start)
        programmed = r.overlaps(load) and not (in_window and load == run)
        _demand_place(not programmed, f"{s.name}: a segment is programmed into {r}", load.start)
    over = load != run and any(r.overlaps(load) for r in (s.code, *s.constants))
    _demand_place(not over, f"{s.name}: a segment is programmed over its code", load.start)


def _stays_in_place(image: Image, r: Range) -> bool:
    """All bytes of `r` come from the file, and run where they are programmed."""
    return any(
        s.address == s.load_address and s.address <= r.start and r.end <= s.address + len(s.data)
        for s in image.segments
    )
