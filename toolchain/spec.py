"""What the user asks for: one `SandboxSpec` per sandbox, parsed and checked once.

    SandboxSpec.from_options(name="codec", exports=["decode(in data[size], size) -> int"], window="64K", heap="48K")

Everything later (closing, placing, gates, policy) reads the spec and never the user's strings again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.prototypes import MAX_ARGUMENT_WORDS, Parameter, Prototype, check_identifier

__all__ = ["MmioRange", "Mode", "Parameter", "Prototype", "SandboxSpec", "check_distinct", "parse_size"]

Mode = Literal["mask", "trap"]
Confine = Literal["writes", "reads"]
Shadow = Literal["stack", "words"]
Size = int | str

EXCEPTION_ROOM = 40  # bytes below SP that an interrupt may use: 8-word frame, 4 for alignment, rounded to 8
FP_EXCEPTION_ROOM = 112  # the same where an FPU is enabled: s0-s15, FPSCR and a reserved word more (ARMv7-M B1.5.7)
SMALLEST_WINDOW = 512
LARGEST_WINDOW = 1 << 28
_ALIGN = 8  # AAPCS stack alignment; heap and stack bounds share it
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20}


@dataclass(frozen=True)
class MmioRange:
    """Device registers [start, end) that the sandbox may write, and why."""

    start: int
    end: int
    why: str


@dataclass(frozen=True)
class SandboxSpec:
    """One sandbox as the user declared it. Sizes are bytes; `window` and `stack` are None for "auto".

    `confine`: "reads" confines loads too, and puts the constants into the window.
    `shadow`: return addresses are kept in a stack as large as the sandbox's own, or in a few words, which needs calls
    that never lead back to an active function.
    `pointers`: how functions whose addresses the sandbox gives out are called; written among the exports.
    """

    name: str
    exports: tuple[Prototype, ...]
    imports: tuple[Prototype, ...] = ()
    window: int | None = None
    stack: int | None = None
    heap: int = 0
    mode: Mode = "mask"
    confine: Confine = "writes"
    mmio: tuple[MmioRange, ...] = ()
    region: str | None = None
    code_region: str | None = None
    pointers: tuple[Prototype, ...] = ()
    shadow: Shadow = "stack"

    @property
    def stack_words(self) -> int:
        """Words that the gates need above the stack for arguments that do not travel in registers."""
        return max((p.stack_words for p in (*self.exports, *self.pointers)), default=0)

    @classmethod
    def from_options(cls, *, name: str, exports: Sequence[str] | str, imports: Sequence[str] | str = (),
                     window: Size | None = "auto", stack: Size | None = "auto", heap: Size = 0, mode: str = "mask",
                     confine: str = "writes", mmio: Iterable[Any] = (), region: str | None = None,
                     code_region: str | None = None, shadow: str = "stack") -> SandboxSpec:
        """The checked spec of what a build script says; RingfenceError names the sandbox and the bad option."""
        check_identifier(name, "sandbox name")
        entered = _prototypes(exports, f"sandbox {name!r}: exports")
        spec = cls(
            name=name,
            exports=tuple(p for p in entered if not p.by_pointer),
            pointers=tuple(p for p in entered if p.by_pointer),
            imports=_prototypes(imports, f"sandbox {name!r}: imports"),
            window=_auto_size(window, f"sandbox {name!r}: window"),
            stack=_aligned(_auto_size(stack, f"sandbox {name!r}: stack")),
            heap=_aligned(parse_size(heap, f"sandbox {name!r}: heap")) or 0,
            mode=_one_of(mode, ("mask", "trap"), f"sandbox {name!r}: mode"),
            confine=_one_of(confine, ("writes", "reads"), f"sandbox {name!r}: confine"),
            mmio=tuple(_mmio(entry, f"sandbox {name!r}: mmio") for entry in mmio),
            region=region, code_region=code_region,
            shadow=_one_of(shadow, ("stack", "words"), f"sandbox {name!r}: shadow"))
        spec._check()
        return spec

    def _check(self) -> None:
        """What can be wrong although every option alone is right."""
        where = f"sandbox {self.name!r}"
        if not self.exports:
            raise RingfenceError(f"{where} exports nothing, so the host could never call it", "give exports=[...]")
        _check_names(self, where)
        for prototype in (*self.exports, *self.pointers):
            _check_export(prototype, where)
        for prototype in self.imports:
            _check_import(prototype, where)
        _check_sizes(self, where)

    def to_json(self) -> str:
        """The spec as one JSON object; `from_json` gives the same spec back."""
        options: dict[str, Any] = {
            "name": self.name, "exports": [p.text for p in (*self.exports, *self.pointers)],
            "imports": [p.text for p in self.imports],
            "window": self.window, "stack": self.stack, "heap": self.heap, "mode": self.mode,
            "confine": self.confine, "mmio": [[r.start, r.end, r.why] for r in self.mmio],
            "region": self.region, "code_region": self.code_region, "shadow": self.shadow}
        return json.dumps(options, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> SandboxSpec:
        """The spec that `to_json` wrote; RingfenceError for anything else (unknown keys included)."""
        try:
            options = json.loads(text)
        except ValueError as error:
            raise RingfenceError(f"not a sandbox description: {error}") from None
        if not isinstance(options, dict) or not isinstance(options.get("name"), str):
            raise RingfenceError("not a sandbox description: no JSON object with a name")
        unknown = sorted(set(options) - (set(cls.__dataclass_fields__) - {"pointers"}))
        if unknown:
            raise RingfenceError(f"sandbox description has unknown keys: {', '.join(unknown)}")
        return cls.from_options(**options)


def check_distinct(specs: Iterable[SandboxSpec]) -> None:
    """Refuse two sandboxes of one firmware that share a name, or an export of the same name."""
    sandboxes: set[str] = set()
    exports: dict[str, str] = {}
    for spec in specs:
        if spec.name in sandboxes:
            raise RingfenceError(f"two sandboxes are called {spec.name!r}", "give each sandbox its own name")
        sandboxes.add(spec.name)
        for prototype in (*spec.exports, *spec.pointers):
            other = exports.setdefault(prototype.name, spec.name)
            if other != spec.name:
                raise RingfenceError(f"sandboxes {other!r} and {spec.name!r} both export {prototype.name!r}",
                                     "the host could not tell the two gates apart: rename one")


def parse_size(value: Size, what: str) -> int:
    """Bytes meant by 4096, "4096", "0x1000", "4K" or "1M"; RingfenceError begins with `what`."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise RingfenceError(f"{what}: {value!r} is not a size", 'write 4096, "0x1000" or "4K"')
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(0[xX][0-9a-fA-F]+|[0-9]+)\s*([KkMm]?)(?:i?[Bb])?\s*", value)
        if not match:
            raise RingfenceError(f"{what}: {value!r} is not a size", 'write 4096, "0x1000" or "4K"')
        number = match.group(1)
        value = int(number, 16 if number[:2] in ("0x", "0X") else 10) * _UNITS[match.group(2).upper()]
    if not 0 <= value < 1 << 32:
        raise RingfenceError(f"{what}: {value} bytes do not fit into a 32-bit address space")
    return value


def _auto_size(value: Size | None, what: str) -> int | None:
    return None if value is None or value == "auto" else parse_size(value, what)


def _aligned(size: int | None) -> int | None:
    return None if size is None else (size + _ALIGN - 1) & -_ALIGN


def _one_of(value: str, allowed: tuple[str, ...], what: str) -> Any:
    if value not in allowed:
        raise RingfenceError(f"{what} is {value!r}", "it can be " + " or ".join(repr(word) for word in allowed))
    return value


def _prototypes(texts: Sequence[str] | str, what: str) -> tuple[Prototype, ...]:
    if isinstance(texts, str):
        texts = [texts]
    for text in texts:
        if not isinstance(text, str):
            raise RingfenceError(f"{what}: {text!r} is not a prototype", 'write "f(int n) -> int"')
    return tuple(Prototype.parse(text) for text in texts)


def _mmio(entry: Any, what: str) -> MmioRange:
    if isinstance(entry, Mapping):
        entry = [entry.get("start"), entry.get("end"), entry.get("why")]
    if not isinstance(entry, list | tuple) or len(entry) != 3 or not isinstance(entry[2], str):
        raise RingfenceError(f"{what}: {entry!r} is not a range", 'write (0x40004000, 0x40004010, "UART0: why")')
    start, end = parse_size(entry[0], f"{what} start"), parse_size(entry[1], f"{what} end")
    if start >= end:
        raise RingfenceError(f"{what}: [{start:#x}, {end:#x}) is empty", "the end is exclusive")
    return MmioRange(start, end, entry[2])


def _check_names(spec: SandboxSpec, where: str) -> None:
    seen: set[str] = set()
    for prototype in (*spec.exports, *spec.pointers, *spec.imports):
        if prototype.name in seen:
            raise RingfenceError(f"{where} declares {prototype.name!r} twice")
        seen.add(prototype.name)


def _check_export(prototype: Prototype, where: str) -> None:
    if not prototype.returns:
        raise RingfenceError(f"{where}: export {prototype.name!r} cannot be noreturn", "only imports can")
    _check_words(prototype, f"{where}: export {prototype.name!r}")


def _check_import(prototype: Prototype, where: str) -> None:
    if prototype.by_pointer:
        raise RingfenceError(f"{where}: import {prototype.name!r} is written as a pointer, (*{prototype.name})(...)",
                             "that is how the host calls into the sandbox: list it in exports=[...]")
    _check_words(prototype, f"{where}: import {prototype.name!r}")


def _check_words(prototype: Prototype, what: str) -> None:
    words = sum(p.shape.words for p in prototype.parameters)
    if words > MAX_ARGUMENT_WORDS:
        raise RingfenceError(f"{what} has {words} words of arguments; at most {MAX_ARGUMENT_WORDS} are supported",
                             "pass a pointer to a structure: in request[200]")


def _check_sizes(spec: SandboxSpec, where: str) -> None:
    window = spec.window
    if window is not None and (window & (window - 1) or not SMALLEST_WINDOW <= window <= LARGEST_WINDOW):
        raise RingfenceError(
            f"{where}: window of {window} bytes is not a power of two from {SMALLEST_WINDOW} to {LARGEST_WINDOW}",
            'a window is masked, so write for example "16K" or "64K"')
    if spec.stack is not None and spec.stack < EXCEPTION_ROOM + _ALIGN:
        raise RingfenceError(f"{where}: stack of {spec.stack} bytes cannot hold the {EXCEPTION_ROOM} bytes that an "
                             "interrupt may push", 'give more, or stack="auto"')
    if window is not None and spec.heap + (spec.stack or 0) >= window:
        raise RingfenceError(f"{where}: heap and stack ({spec.heap + (spec.stack or 0)} bytes) do not fit into the "
                             f"window of {window} bytes", "enlarge window= or reduce heap=")
    copying = [p.name for p in (*spec.exports, *spec.pointers) if p.buffers or p.result.in_memory(hard=False)]
    if spec.heap < 2 * _ALIGN and copying:
        raise RingfenceError(f"{where}: export {copying[0]!r} takes buffers, or returns a structure, but heap= leaves "
                             "no room for copies", 'the gate copies to the top of the heap: give for example heap="4K"')
