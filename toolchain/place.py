"""Link, measure, place, link again, rewrite: rounds until every sandbox has the room that its rewritten code needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ringfence.linker_scripts import (
    Layout,
    LayoutRequest,
    Measurement,
    RegionUse,
    SandboxLayout,
    VendorScript,
    check_linked,
    measure,
    measuring_layout,
    read_vendor_script,
    render,
    solve,
)
from ringfence.linker_scripts import SandboxNeeds as PlacementNeeds
from ringfence.toolchain.close import INITIALISER, ClosedSandbox, export_symbol, import_symbol
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gcc import Toolchain
from ringfence.toolchain.image import ElfFile, Section, read_linked
from ringfence.toolchain.link import HostInput, link_firmware
from ringfence.toolchain.remembered import Memory
from ringfence.toolchain.rewrite import RewriteRequest, RewriteResult, RoomNeeded, SandboxNeeds, rewrite
from ringfence.toolchain.segments import load_only_bytes
from ringfence.toolchain.slots import slot_table_size
from ringfence.toolchain.spec import SandboxSpec

MAX_ROUNDS = 4
FIRST_STACK = 8  # bytes above the room for interrupts
EXTRA_STACK = 1024  # with stack="auto": what recursive functions may use beyond their first round, and dynamic frames
_GAP = 8  # bytes between the host's programmed bytes and a sandbox's


@dataclass(frozen=True)
class Reserve:
    """What is reserved for one sandbox, in bytes; grows from round to round."""

    code: int
    slots: int
    slack_below: int
    slack_above: int
    stack: int
    words: int  # for return addresses, where there is no shadow stack

    @classmethod
    def first(cls, spec: SandboxSpec, seen: Measurement, room: int) -> Reserve:
        """As if rewriting added nothing: the rewriter then says exactly what is needed. `room`: for interrupts."""
        return cls(seen.sandbox(spec.name).code, slot_table_size(0), 8, 8, spec.stack or room + FIRST_STACK, 1)

    def grown(self, spec: SandboxSpec, needs: SandboxNeeds, room: int) -> Reserve:
        """Room for `needs`, with a margin for code that changes with its distance from the data."""
        return Reserve(
            code=max(self.code, needs.code_bytes + needs.code_bytes // 64 + 16),
            slots=max(self.slots, slot_table_size(needs.slots)),
            slack_below=max(self.slack_below, _round8(needs.slack_below)),
            slack_above=max(self.slack_above, _round8(needs.slack_above)),
            stack=max(self.stack, auto_stack(needs, room)) if spec.stack is None else spec.stack,
            words=max(self.words, needs.words),
        )


@dataclass(frozen=True)
class Placed:
    """A rewritten firmware, not verified yet. `linked` is the file before rewriting."""

    vendor: VendorScript
    layout: Layout
    linked: ElfFile
    requests: tuple[RewriteRequest, ...]
    result: RewriteResult
    rounds: int


def auto_stack(needs: SandboxNeeds, room: int) -> int:
    """Bytes for stack="auto": the computed need, the room for interrupts, some more for recursion and alloca."""
    return _round8(needs.stack + room + (EXTRA_STACK if needs.recursive or needs.dynamic else 0))


def place_and_rewrite(
    tools: Toolchain, host: HostInput, support: Sequence[Path], closed: Sequence[ClosedSandbox], workdir: Path,
    jobs: int = 1,
) -> Placed:
    """The rounds. RingfenceError when something does not link, does not fit or cannot be rewritten."""
    specs = [c.spec for c in closed]
    vendor, room = read_vendor_script(host.linker_script, host.script_directories), tools.target.exception_room

    def link(layout: Layout, name: str) -> ElfFile:
        script = workdir / f"{name}.ld"
        script.write_text(render(vendor, layout))
        output = link_firmware(tools, host, support, closed, script, workdir / f"{name}.elf")
        output.write_bytes(load_only_bytes(output.read_bytes()))
        return read_linked(output)

    elf = link(first_layout(vendor, specs), "measure")
    seen = measure(workdir / "measure.elf", vendor)
    reserves = {s.name: Reserve.first(s, seen, room) for s in specs}
    guarded: dict[str, frozenset[int]] = {}
    memories = {s.name: Memory() for s in specs}
    for number in range(1, MAX_ROUNDS + 1):
        needs = tuple(placement_needs(s, seen, reserves[s.name]) for s in specs)
        layout = solve(LayoutRequest(vendor.regions, host_use(seen), needs, vendor.fixed))
        previous, elf = elf, link(layout, f"round{number}")
        check_linked(workdir / f"round{number}.elf", layout)
        check_same_host(previous, elf)
        requests = tuple(rewrite_request(c, layout.sandbox(c.spec.name), elf, room) for c in closed)
        requests = tuple(
            replace(r, guarded=guarded.get(r.name, frozenset()), memory=memories[r.name], jobs=jobs) for r in requests
        )
        result, found = try_rewrite(elf, requests)
        guarded = {name: needs.guarded for name, needs in found.items()}
        check_declared_stacks(specs, found, room)
        enough = all(s.stack or auto_stack(found[s.name], room) <= reserves[s.name].stack for s in specs)
        if result is not None and enough:
            check_rewritten_host(elf, read_linked(result.elf, "the rewritten firmware"))
            return Placed(vendor, layout, elf, requests, result, number)
        reserves = {s.name: reserves[s.name].grown(s, found[s.name], room) for s in specs}
    raise RingfenceError(f"after {MAX_ROUNDS} links the rewritten code still did not fit the room reserved for it",
                         "this is a defect of Ringfence: please report it")


def first_layout(vendor: VendorScript, specs: Sequence[SandboxSpec]) -> Layout:
    """Of the link that measures. Where reads are confined, constants must be where they may be read."""
    in_window = [s.name for s in specs if s.confine == "reads"]
    return measuring_layout(vendor, [s.name for s in specs], const_in_window=in_window)


def try_rewrite(
    elf: ElfFile, requests: Sequence[RewriteRequest]
) -> tuple[RewriteResult | None, dict[str, SandboxNeeds]]:
    """The rewritten file, or None where the room did not suffice; and what is needed in either case."""
    try:
        result = rewrite(elf.data, requests)
    except RoomNeeded as short:
        return None, short.needs
    return result, result.needs


def host_use(seen: Measurement) -> tuple[RegionUse, ...]:
    """The host's use of memory, with some bytes left free behind what is programmed: the value of symbols such as
    `_etext` or `_sidata` may be the first free address, and must not be an address of sandbox code."""
    return tuple(
        replace(use, hole=_later(use.hole), file_hole=_later(use.file_hole)) if use.loaded else use
        for use in seen.host
    )


def _later(hole: tuple[int, int] | None) -> tuple[int, int] | None:
    return (hole[0] + min(_GAP, hole[1] - hole[0]), hole[1]) if hole else None


def placement_needs(spec: SandboxSpec, seen: Measurement, reserve: Reserve) -> PlacementNeeds:
    """The solver's input for one sandbox."""
    return seen.sandbox(spec.name).needs(
        code=reserve.code, slots=reserve.slots, heap=spec.heap, stack=reserve.stack, window=spec.window,
        slack_below=reserve.slack_below, slack_above=reserve.slack_above, region=spec.region,
        pad_high=PlacementNeeds.pad_high + _round8(4 * spec.stack_words),  # stack arguments lie above the stack
        code_region=spec.code_region, const_in_window=spec.confine == "reads",
        shadow=4 * reserve.words if spec.shadow == "words" else None,
    )


def rewrite_request(closed: ClosedSandbox, box: SandboxLayout, elf: ElfFile, room: int) -> RewriteRequest:
    """What the rewriter must know of a sandbox in the linked file `elf`. `room`: bytes for interrupts."""
    spec = closed.spec
    symbols = {p.name: export_symbol(spec.name, p.name) for p in spec.exports}
    symbols[INITIALISER] = f"__rf_{spec.name}_init"
    imports = {name: import_symbol(spec.name, name) for name in closed.imports}
    return RewriteRequest(
        name=spec.name, mode=spec.mode, code_start=box.code_start, code_end=box.code_end,
        slots_start=box.slots_start, slots_end=box.slots_end, window_base=box.window_base,
        window_size=box.window_size, slack_below=box.slack_below, slack_above=box.slack_above,
        stack_low=box.stack_low, stack_high=box.stack_high, room=room, shadow_offset=box.shadow_offset,
        exports={name: _address_of(elf, symbol) for name, symbol in symbols.items()},
        imports={name: _address_of(elf, symbol) for name, symbol in imports.items()},
        mmio=tuple((m.start, m.end) for m in spec.mmio), pointers=bool(spec.pointers), confine=spec.confine,
        words=(box.shadow_high - box.shadow_low) // 4 if spec.shadow == "words" else None,
        only_branches=any(p.with_functions for p in (*spec.exports, *spec.imports, *spec.pointers)),
    )


def _address_of(elf: ElfFile, name: str) -> int:
    symbol = elf.globals.get(name)
    if symbol is None:
        raise RingfenceError(f"{elf.what}: the link lost the symbol {name}",
                             "link flags that hide or discard symbols cannot be used")
    return symbol.value | 1


def check_declared_stacks(specs: Sequence[SandboxSpec], needs: dict[str, SandboxNeeds], room: int) -> None:
    """A declared stack must hold the computed need and `room`; RingfenceError says how much is missing."""
    for spec in specs:
        wanted = _round8(needs[spec.name].stack + room)
        if spec.stack is not None and wanted > spec.stack:
            raise RingfenceError(
                f"sandbox {spec.name!r}: its code needs {wanted} bytes of stack ({room} of them for "
                f"interrupts), stack= gives {spec.stack}", f'give stack={wanted} or more, or stack="auto"')


def check_same_host(before: ElfFile, after: ElfFile) -> None:
    """Between two links only addresses may change in the host: RingfenceError unless all bytes outside relocated
    places are the same, in sections of the same names, sizes and load order."""
    _check_host(before, after, ("", ), "between two links of the same input")


def check_rewritten_host(linked: ElfFile, rewritten: ElfFile) -> None:
    """Rewriting may change in the host only the words that hold addresses of sandbox code."""
    _check_host(linked, rewritten, ("__rf_",), "by the rewriter")


def _check_host(before: ElfFile, after: ElfFile, prefixes: tuple[str, ...], when: str) -> None:
    names = [(s.name, s.size) for s in _host_sections(before)]
    if names != [(s.name, s.size) for s in _host_sections(after)]:
        raise RingfenceError(f"the host's sections changed {when}", "is the host's link reproducible?")
    for old, new in zip(_host_sections(before), _host_sections(after), strict=True):
        one, two = (_masked(elf, section.address, elf.content(section), prefixes)
                    for elf, section in ((before, old), (after, new)))
        if one != two:
            at = next(i for i, (a, b) in enumerate(zip(one, two, strict=True)) if a != b)
            raise RingfenceError(f"the host's bytes changed {when}: {new.name} at {new.address + at:#010x}",
                                 "is the host's link reproducible?")


def _host_sections(elf: ElfFile) -> list[Section]:
    return [s for s in elf.sections if s.loaded and not s.name.startswith(".ringfence.")]


def _masked(elf: ElfFile, start: int, content: bytes, prefixes: tuple[str, ...]) -> bytes:
    """The bytes with zeros where a relocation against a symbol with such a prefix was applied, or a veneer lies."""
    masked = bytearray(content)
    for reference in elf.references_in(start, start + len(content)):
        if reference.symbol.startswith(prefixes):
            at = reference.offset - start
            masked[at : at + 4] = bytes(min(4, len(masked) - at))
    if prefixes == ("",):
        for symbol in elf.symbols:  # a veneer's literal has no relocation
            at = (symbol.value & ~1) - start
            if symbol.name.endswith("_veneer") and 0 <= at < len(masked):
                masked[at : at + symbol.size] = bytes(min(symbol.size, len(masked) - at))
    return bytes(masked)


def _round8(size: int) -> int:
    return -(-size // 8) * 8
