"""The policy: the specification that a firmware image is checked against. Parsed once into frozen values.

Addresses in the JSON are hex strings, `end` is exclusive, branch targets carry the Thumb bit (stripped here).
Everything unknown, duplicated, misaligned, wrapped or overlapping is refused (rule "policy").
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

from .image import Image
from .rejected import Rejected

_LIMIT = 1 << 32
_MAX_BYTES = 1 << 20
_EXCEPTION_FRAME = 36  # eight words and the alignment word (ARMv7-M B1.5.7)
_PPB = (0xE0000000, 0xE0100000)  # private peripheral bus (B3.1)
_BIT_BAND = ((0x22000000, 0x24000000), (0x42000000, 0x44000000))  # alias regions (A3.7.1 and B3.1)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{1,8}\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.$-]{0,127}\Z")


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


@dataclass(frozen=True)
class Entry:
    name: str
    address: int


@dataclass(frozen=True)
class Import:
    """Host code that the sandbox may call; `stack`: bytes it may use below the sandbox's SP."""

    name: str
    address: int
    returns: bool
    stack: int


@dataclass(frozen=True)
class Sandbox:
    name: str
    code: Range
    slots: Range
    constants: tuple[Range, ...]
    window: Range  # without slack
    writable: Range  # the window with its slack
    stack: Range
    room: int
    shadow_offset: int
    entries: tuple[Entry, ...]
    imports: tuple[Import, ...]
    mmio: tuple[Range, ...]

    @property
    def shadow(self) -> Range:
        return Range(self.stack.start + self.shadow_offset, self.stack.end + self.shadow_offset)

    def import_at(self, address: int) -> Import | None:
        return next((i for i in self.imports if i.address == address), None)


@dataclass(frozen=True)
class Policy:
    ram: tuple[Range, ...]
    host_ram: tuple[Range, ...]
    aliases: tuple[Range, ...]
    sandboxes: tuple[Sandbox, ...]


def _refuse(where: str, why: str) -> NoReturn:
    raise Rejected("policy", f"{where}: {why}")


# -- JSON to values ----------------------------------------------------------------------------------------------


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in pairs:
        if key in fields:
            _refuse(key[:80], "the key occurs twice")
        fields[key] = value
    return fields


def _object(value: Any, where: str, required: str, optional: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(where, "must be an object")
    for key in required.split():
        if key not in value:
            _refuse(where, f"'{key}' is missing")
    for key in value:
        if key not in required.split() + optional.split():
            _refuse(where, f"unknown key '{key}'")
    return value


def _list(value: Any, where: str, item: Callable[[Any, str], Any]) -> tuple[Any, ...]:
    if not isinstance(value, list):
        _refuse(where, "must be a list")
    return tuple(item(v, f"{where}[{i}]") for i, v in enumerate(value))


def _number(value: Any, where: str, multiple: int = 1) -> int:
    if type(value) is not int or not 0 <= value < _LIMIT or value % multiple:
        _refuse(where, f"must be a number of bytes, a multiple of {multiple}, below 2^32")
    return value


def _address(value: Any, where: str) -> int:
    if not isinstance(value, str) or not _ADDRESS.match(value):
        _refuse(where, "must be an address like '0x20000000'")
    return int(value, 16)


def _code_address(value: Any, where: str) -> int:
    address = _address(value, where)
    if not address & 1:
        _refuse(where, "a branch target carries the Thumb bit")
    return address - 1


def _name(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _NAME.match(value):
        _refuse(where, "must be a name")
    return value


def _flag(value: Any, where: str) -> bool:
    if type(value) is not bool:
        _refuse(where, "must be true or false")
    return value


def _range(value: Any, where: str, optional: str = "", multiple: int = 4) -> Range:
    fields = _object(value, where, "start end", optional)
    start, end = _address(fields["start"], where + ".start"), _address(fields["end"], where + ".end")
    if start >= end:
        _refuse(where, "is empty or reversed")
    if start % multiple or end % multiple:
        _refuse(where, f"must be aligned to {multiple}")
    return Range(start, end)


def _mmio(value: Any, where: str) -> Range:
    found = _range(value, where, "why", multiple=1)
    if not isinstance(value.get("why", ""), str):
        _refuse(where + ".why", "must be text")
    return found


def _alias(value: Any, where: str) -> Range:
    found = _range(value, where, "shows")
    _address(value.get("shows", "0x0"), where + ".shows")
    return found


def _entry(value: Any, where: str) -> Entry:
    fields = _object(value, where, "name address")
    return Entry(_name(fields["name"], where + ".name"), _code_address(fields["address"], where + ".address"))


def _import(value: Any, where: str) -> Import:
    fields = _object(value, where, "name address", "returns stack")
    return Import(
        _name(fields["name"], where + ".name"),
        _code_address(fields["address"], where + ".address"),
        _flag(fields.get("returns", True), where + ".returns"),
        _number(fields.get("stack", 0), where + ".stack", multiple=4),
    )


def _window(value: Any, where: str) -> tuple[Range, Range]:
    fields = _object(value, where, "base size slack_below slack_above")
    base, size = _address(fields["base"], where + ".base"), _number(fields["size"], where + ".size")
    below = _number(fields["slack_below"], where + ".slack_below", multiple=4)
    above = _number(fields["slack_above"], where + ".slack_above", multiple=4)
    if size < 64 or size & (size - 1) or base % size:
        _refuse(where, "the size must be a power of two and the base aligned to it")
    if below > base or base + size + above > _LIMIT:
        _refuse(where, "window and slack wrap around the address space")
    return Range(base, base + size), Range(base - below, base + size + above)


def _sandbox(value: Any, where: str) -> Sandbox:
    keys = "name code slots constants window stack shadow entries imports mmio confine"
    fields = _object(value, where, keys)
    name = _name(fields["name"], where + ".name")
    if fields["confine"] != "writes":
        _refuse(f"{where}.confine", "this verifier proves 'writes' only")
    window, writable = _window(fields["window"], where + ".window")
    stack = _object(fields["stack"], where + ".stack", "low high room")
    sandbox = Sandbox(
        name=name,
        code=_range(fields["code"], where + ".code"),
        slots=_range(fields["slots"], where + ".slots"),
        constants=_list(fields["constants"], where + ".constants", _range),
        window=window,
        writable=writable,
        stack=_range({"start": stack["low"], "end": stack["high"]}, where + ".stack", multiple=8),
        room=_number(stack["room"], where + ".stack.room", multiple=4),
        shadow_offset=_number(
            _object(fields["shadow"], where + ".shadow", "offset")["offset"], where + ".shadow.offset", multiple=4
        ),
        entries=_list(fields["entries"], where + ".entries", _entry),
        imports=_list(fields["imports"], where + ".imports", _import),
        mmio=_list(fields["mmio"], where + ".mmio", _mmio),
    )
    _check_sandbox(sandbox, where)
    return sandbox


def parse_policy(text: bytes) -> Policy:
    """Parse and check a policy by itself. Raises Rejected("policy", ...)."""
    if len(text) > _MAX_BYTES:
        _refuse("policy", "larger than 1 MiB")
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise Rejected("policy", f"not JSON: {error}") from error
    fields = _object(value, "policy", "version arch fpu ram host_ram sandboxes", "aliases")
    if fields["version"] != 1 or type(fields["version"]) is not int:
        _refuse("policy.version", "must be 1")
    if fields["arch"] != "armv7-m":
        _refuse("policy.arch", "this verifier knows 'armv7-m' only")
    if _flag(fields["fpu"], "policy.fpu"):
        _refuse("policy.fpu", "this verifier knows integer code only")
    policy = Policy(
        ram=_list(fields["ram"], "ram", _range),
        host_ram=_list(fields["host_ram"], "host_ram", _range),
        aliases=_list(fields.get("aliases", []), "aliases", _alias),
        sandboxes=_list(fields["sandboxes"], "sandboxes", _sandbox),
    )
    _check_policy(policy)
    return policy


# -- what must hold of the values --------------------------------------------------------------------------------


def _check_sandbox(s: Sandbox, where: str) -> None:
    if not s.entries:
        _refuse(where + ".entries", "a sandbox without an entry cannot be called")
    for kind, names in (("entries", [e.name for e in s.entries]), ("imports", [i.name for i in s.imports])):
        if len(set(names)) != len(names):
            _refuse(f"{where}.{kind}", "a name occurs twice")
    if len({i.address for i in s.imports}) < len({(i.address, i.returns, i.stack) for i in s.imports}):
        _refuse(where + ".imports", "two imports at one address contradict each other")
    if not s.code.covers(s.slots.start, s.slots.end):
        _refuse(where + ".slots", "must lie in the code")
    if not s.window.covers(s.stack.start, s.stack.end):
        _refuse(where + ".stack", "must lie in the window")
    if s.room < _EXCEPTION_FRAME or s.room > s.stack.end - s.stack.start:
        _refuse(where + ".stack.room", f"must hold an exception frame ({_EXCEPTION_FRAME} bytes) and fit the stack")
    if s.shadow.end > _LIMIT:
        _refuse(where + ".shadow", "the shadow stack wraps around the address space")
    for entry in s.entries:
        if not s.code.covers(entry.address, entry.address + 2):
            _refuse(f"{where}.entries.{entry.name}", "is not in the code")
    for key, r in (
        *((".mmio", m) for m in s.mmio),
        *((".constants", c) for c in s.constants),
        (".code", s.code),
        (".window", s.writable),
        (".shadow", s.shadow),
    ):
        if any(r.overlaps(Range(*special)) for special in (_PPB, *_BIT_BAND)):
            _refuse(where + key, f"{r} touches the private peripheral bus or a bit-band alias region")


def _check_policy(policy: Policy) -> None:
    if not policy.sandboxes:
        _refuse("sandboxes", "the policy declares none: nothing would be proved")
    names = [s.name for s in policy.sandboxes]
    if len(set(names)) != len(names):
        _refuse("sandboxes", "a name occurs twice")
    for owner, found in _ram_ranges(policy):
        if not any(r.covers(found.start, found.end) for r in policy.ram):
            _refuse(owner, f"{found} does not lie in declared RAM")
    ranges = sorted(_all_ranges(policy), key=lambda item: item[1].start)
    for (first, a), (second, b) in pairwise(ranges):
        if a.overlaps(b):
            _refuse(second, f"{b} overlaps {first} {a}")
    for owner, found in ranges:
        for alias in policy.aliases:
            if found.overlaps(alias):
                _refuse(owner, f"{found} lies in {alias}, where memory appears a second time")
    for s in policy.sandboxes:
        for i in s.imports:
            for owner, found in ranges:
                if found.covers(i.address, i.address + 2):
                    _refuse(f"{s.name}.imports.{i.name}", f"is not host code: it lies in {owner}")


def _ram_ranges(policy: Policy) -> list[tuple[str, Range]]:
    found = [("host RAM", r) for r in policy.host_ram]
    for s in policy.sandboxes:
        found += [(f"{s.name}: window and slack", s.writable), (f"{s.name}: shadow stack", s.shadow)]
    return found


def _all_ranges(policy: Policy) -> list[tuple[str, Range]]:
    found = _ram_ranges(policy)
    for s in policy.sandboxes:
        found += [(f"{s.name}: code", s.code)]
        found += [(f"{s.name}: constants", r) for r in s.constants]
        found += [(f"{s.name}: MMIO", r) for r in s.mmio]
    return found


def check_placement(policy: Policy, image: Image) -> None:
    """The policy against what the image loads, at run and at programming addresses. Raises Rejected."""
    for segment in image.segments:
        for start in (segment.address, segment.load_address):
            if any(alias.overlaps(Range(start, start + segment.size)) for alias in policy.aliases):
                raise Rejected("placement", "a segment lies where memory appears a second time", start)
    for s in policy.sandboxes:
        for what, r in (("code", s.code), *(("constants", c) for c in s.constants)):
            if not _stays_in_place(image, r):
                raise Rejected("placement", f"{s.name}: {what} {r} is not loaded there byte for byte", r.start)
    for s in policy.sandboxes:
        for segment in image.segments:
            run = Range(segment.address, segment.address + segment.size)
            load = Range(segment.load_address, segment.load_address + segment.size)
            in_window = s.writable.covers(run.start, run.end)
            for r in (s.writable, s.shadow, *s.mmio):
                if r.overlaps(run) and not in_window:
                    raise Rejected("placement", f"{s.name}: {r} may be written but holds a loaded segment", run.start)
                if r.overlaps(load) and not (in_window and load == run):
                    raise Rejected("placement", f"{s.name}: a segment is programmed into {r}", load.start)
            if any(r.overlaps(load) and load != run for r in (s.code, *s.constants)):
                raise Rejected("placement", f"{s.name}: a segment is programmed over its code", load.start)
        for i in s.imports:
            if image.read(i.address, 2) is None:
                raise Rejected("placement", f"{s.name}: import {i.name} is not in the image", i.address)


def _stays_in_place(image: Image, r: Range) -> bool:
    """All bytes of `r` come from the file, and run where they are programmed."""
    return any(
        s.address == s.load_address and s.address <= r.start and r.end <= s.address + len(s.data)
        for s in image.segments
    )
