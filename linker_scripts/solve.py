"""The layout solver: where each sandbox's window, slack, shadow stack, code and constants go, and what the host keeps.

Code goes after what the host was measured to load, not to the end of flash, where many parts keep data (design.md,
section 3, "Place it").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence.linker_scripts.explain import code_too_large, no_room, window_too_small
from ringfence.linker_scripts.model import (
    STACK_ALIGN,
    Layout,
    LayoutError,
    LayoutRequest,
    Region,
    RegionUse,
    SandboxLayout,
    SandboxNeeds,
    align_down,
    align_up,
    size_text,
)
from ringfence.linker_scripts.pack import Packing, Shape, inside, pack, ram_regions, shadow_size


def solve(request: LayoutRequest) -> Layout:
    """Addresses of every sandbox and the host's carved regions.

    LayoutError: contradictory input, or no room; then it says how many bytes of which region are missing and for what,
    and its hint is the nearest layout that would fit.
    """
    _check(request)
    packed = pack(request)
    if isinstance(packed, list):
        raise no_room(request, packed)
    places, tight = _place_code(request, {packing.carve.region for packing in packed})
    return _layout(request, packed, places, tight)


# -- input --


def _check(request: LayoutRequest) -> None:
    names = [box.name for box in request.sandboxes]
    if len(set(names)) != len(names):
        raise LayoutError(f"two sandboxes are called {max(names, key=names.count)}", "every sandbox needs its own name")
    regions = {region.name for region in request.regions}
    for box in request.sandboxes:
        _check_numbers(box)
        _check_regions(box, regions)
        if box.window is not None and inside(box).total > box.window:
            raise window_too_small(box)


_MOST_FREE_BEFORE_SLOTS = 64
_COUNTS = (
    "code", "const", "slots", "data", "bss", "heap", "stack", "pad_low", "pad_high", "slack_below", "slack_above",
)  # fmt: skip


def _check_numbers(box: SandboxNeeds) -> None:
    negative = [name for name in _COUNTS if getattr(box, name) < 0]
    if negative:
        raise LayoutError(f"sandbox {box.name}: {negative[0]} is negative")
    powers = {"slots": box.slots, "window": box.window or 0} | {
        name: getattr(box, name) for name in ("code_align", "const_align", "data_align", "bss_align")
    }
    for name, value in powers.items():
        if value & (value - 1):
            below, above = size_text(1 << (value.bit_length() - 1)), size_text(1 << value.bit_length())
            raise LayoutError(
                f"sandbox {box.name}: {name} is {value} bytes, which is not a power of two",
                f"the nearest powers of two are {below} and {above}",
            )
    if box.slack_below_min is not None and not 0 <= box.slack_below_min <= box.slack_below:
        raise LayoutError(f"sandbox {box.name}: slack_below_min is not between 0 and slack_below")


def _check_regions(box: SandboxNeeds, regions: set[str]) -> None:
    for option, name in (("region", box.region), ("code_region", box.code_region)):
        if name is not None and name not in regions:
            known = ", ".join(sorted(regions))
            raise LayoutError(f"sandbox {box.name}: {option}={name}: no such memory region", f"the script has: {known}")


# -- flash --


@dataclass(frozen=True)
class CodePlace:
    """Where the parts of one sandbox that are programmed lie."""

    region: str
    code_start: int
    slots_start: int
    code_end: int
    const_start: int
    const_end: int
    data_load: int
    end: int


def _place_code(request: LayoutRequest, carved: set[str]) -> tuple[dict[str, CodePlace], list[RegionUse]]:
    """Where each sandbox is programmed, and the regions in which host sections must give up claims without bytes."""
    by_region: dict[str, list[SandboxNeeds]] = {}
    for box in request.sandboxes:
        by_region.setdefault(box.code_region or _code_region(request), []).append(box)
    places: dict[str, CodePlace] = {}
    tight: list[RegionUse] = []
    for name, boxes in by_region.items():
        if name in carved:
            raise LayoutError(
                f"region {name} would hold both the code and the window of sandbox {boxes[0].name}",
                "choose another region with code_region= or region=",
            )
        places |= _place_in(request, name, boxes, tight)
    return places, tight


def _place_in(
    request: LayoutRequest, name: str, boxes: Sequence[SandboxNeeds], tight: list[RegionUse]
) -> dict[str, CodePlace]:
    """Behind what the host claims; if that leaves too little, behind the host's bytes in the file."""
    region = next(region for region in request.regions if region.name == name)
    use = next((use for use in request.host if use.region == name), RegionUse(name, 0))
    whole = (region.origin, region.end)
    claimed, bytes_only = use.hole or whole, use.file_hole or whole
    for hole in (claimed, bytes_only):
        places = _sequence(name, boxes, hole[0])
        if all(place.end <= hole[1] for place in places.values()):
            if hole != claimed:
                tight.append(use)
            return places
    raise code_too_large(region, bytes_only, boxes, max(place.end for place in places.values()))


def _code_region(request: LayoutRequest) -> str:
    """The region that most of the host's instructions run from."""
    holding = [use for use in request.host if use.code]
    if not holding:
        raise LayoutError("no memory region holds code of the host", "name one with code_region=")
    return max(holding, key=lambda use: use.need).region


def _sequence(region: str, boxes: Sequence[SandboxNeeds], start: int) -> dict[str, CodePlace]:
    places: dict[str, CodePlace] = {}
    for box in boxes:
        places[box.name] = _place_one(region, box, start)
        start = places[box.name].end
    return places


def _place_one(region: str, box: SandboxNeeds, start: int) -> CodePlace:
    code_start = align_up(start, max(box.code_align, 8))
    slots_start = _slots_behind(code_start + box.code, box.slots)
    code_end = slots_start + box.slots
    const_start = align_up(code_end, max(box.const_align, 8))
    const_end = const_start + align_up(box.const, 4)
    data_load = align_up(const_end, 8)
    end = data_load + align_up(box.data, 4)
    return CodePlace(region, code_start, slots_start, code_end, const_start, const_end, data_load, end)


def _slots_behind(code: int, size: int) -> int:
    """Where the pointer table begins. The guard of a pointer sets the bits of its address, which takes an instruction
    less where those below the region's own (bits 24 to 31) are eight in a row at most, a constant of Thumb-2 (A5.3.2):
    a few bytes are left free for that."""
    first = align_up(code, max(size, 4))
    places = range(first, first + _MOST_FREE_BEFORE_SLOTS + 1, size) if size else ()
    return next((a for a in places if _bits_in_a_row(a & 0xFFFFFF) <= 8), first)


def _bits_in_a_row(number: int) -> int:
    """From the lowest bit that is set to the highest."""
    return (number // (number & -number)).bit_length() if number else 0


# -- the result --


def _layout(
    request: LayoutRequest, packed: Sequence[Packing], places: dict[str, CodePlace], tight: Sequence[RegionUse]
) -> Layout:
    bases = {name: (*found, packing.carve.region) for packing in packed for name, found in packing.bases.items()}
    carves = {packing.carve.region: packing.carve for packing in packed}
    ram = [region.name for region in ram_regions(request)]
    regions = tuple(
        Region(r.name, carves[r.name].origin, carves[r.name].length, r.flags) if r.name in carves else r
        for r in request.regions
    )
    return Layout(
        sandboxes=tuple(_sandbox(places[box.name], *bases[box.name]) for box in request.sandboxes),
        regions=regions,
        ram=tuple(region.name for region in request.regions if region.name in ram or region.name in carves),
        carves=tuple(carves[region.name] for region in request.regions if region.name in carves),
        notes=tuple(
            f"{use.region} is short: {', '.join(use.claiming) or 'nothing'} of the host has no load address there now"
            for use in tight
        ),
        in_place=tuple(name for use in tight for name in use.claiming),
    )


def _sandbox(place: CodePlace, shape: Shape, base: int, region: str) -> SandboxLayout:
    """Everything of one sandbox. The stack ends below the upper pad; the heap takes what is left under the stack."""
    box, offsets = shape.box, inside(shape.box)
    window_end = base + shape.window
    stack_high = align_down(window_end - box.pad_high, STACK_ALIGN)
    stack_low = stack_high - align_up(box.stack, STACK_ALIGN)
    heap_start = base + offsets.heap
    shadow_low = window_end + align_up(box.slack_above, STACK_ALIGN)
    return SandboxLayout(
        name=box.name, code_start=place.code_start, slots_start=place.slots_start, code_end=place.code_end,
        const_start=place.const_start, const_end=place.const_end, data_load=place.data_load,
        slack_below=shape.below, window_base=base, window_end=window_end,
        data_start=base + offsets.data, data_end=base + offsets.data + align_up(box.data, 4),
        bss_start=base + offsets.bss, bss_end=base + offsets.bss + align_up(box.bss, 4),
        heap_start=heap_start, heap_end=stack_low if box.heap else heap_start,
        stack_low=stack_low, stack_high=stack_high,
        slack_above=shadow_low - window_end, shadow_low=shadow_low, shadow_high=shadow_low + shadow_size(box),
        region=region, code_region=place.region, const_in_window=box.const_in_window,
    )  # fmt: skip
