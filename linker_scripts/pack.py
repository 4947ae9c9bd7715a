"""Packs windows into RAM regions.

RAM is carved from one end of a region, so that the host's part stays one piece and the vendor's script differs in one
ORIGIN and one LENGTH. The bottom comes first: then ORIGIN + LENGTH, and with it an initial stack pointer that the
script writes as a number, stays what it was (design.md, "Memory layout of a window").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, permutations, product

from ringfence.linker_scripts.model import (
    SEGMENT_GAP,
    STACK_ALIGN,
    Carve,
    FixedAddress,
    LayoutRequest,
    Range,
    Region,
    RegionUse,
    SandboxNeeds,
    align_down,
    align_up,
    size_text,
)

CHEAP_WINDOW = 1 << 16  # one `movt` guards a 64 KiB window at a 64 KiB boundary
CHEAP_SHARE = 8  # `window=None` takes a cheap window where it costs at most this fraction of the region
SMALLEST_WINDOW = 256
_MOST_ORDERS = 120  # orders tried within one region
_MOST_ASSIGNMENTS = 1024  # of sandboxes to regions


@dataclass(frozen=True)
class Inside:
    """Offsets from the window's base."""

    data: int
    bss: int
    heap: int
    stack: int
    fixed: int  # bytes of the window without the heap

    @property
    def total(self) -> int:
        return self.fixed + self.stack - self.heap


@dataclass(frozen=True)
class Shape:
    """The outside of a sandbox in RAM: what packing looks at."""

    box: SandboxNeeds
    window: int
    below: int

    @property
    def above(self) -> int:
        """Slack and shadow stack above the window, in bytes."""
        return align_up(self.box.slack_above, STACK_ALIGN) + shadow_size(self.box)

    def extent(self, base: int) -> Range:
        return base - self.below, base + self.window + self.above


@dataclass(frozen=True)
class Packing:
    """Windows in one region: bases by sandbox name, and the region after carving."""

    carve: Carve
    bases: Mapping[str, tuple[Shape, int]]

    @property
    def cost(self) -> int:
        start, end = self.carve.taken
        return end - start


@dataclass(frozen=True)
class Misfit:
    """Why a packing was not possible: `missing` bytes of `region`, or a reason that bytes do not cure (missing 0)."""

    region: str
    missing: int
    reason: str


# -- the window from inside --


def inside(box: SandboxNeeds) -> Inside:
    """Where things are in the window when the heap gets exactly what was asked for."""
    data = align_up(box.pad_low, max(box.data_align, 8))
    bss = align_up(max(data + align_up(box.data, 4), SEGMENT_GAP), max(box.bss_align, 8))
    heap = align_up(bss + align_up(box.bss, 4), 8)
    stack = heap + align_up(box.heap, 8)
    return Inside(data, bss, heap, stack, heap + align_up(box.stack, STACK_ALIGN) + align_up(box.pad_high, 8))


def shadow_size(box: SandboxNeeds) -> int:
    """Bytes of the shadow stack, or of the words that serve instead."""
    return align_up(box.stack if box.shadow is None else box.shadow, STACK_ALIGN)


def smallest_window(box: SandboxNeeds) -> int:
    """The smallest power of two that holds everything of the sandbox that lies in its window."""
    return max(SMALLEST_WINDOW, 1 << (inside(box).total - 1).bit_length())


# -- packing --


def pack(request: LayoutRequest) -> tuple[Packing, ...] | list[Misfit]:
    """Carve regions for all windows; where that fails, why each attempt did."""
    misfits: list[Misfit] = []
    choices = [_candidate_regions(request, box) for box in request.sandboxes]
    for assignment in islice(product(*choices), _MOST_ASSIGNMENTS):
        per_region: dict[str, list[SandboxNeeds]] = {}
        for box, region in zip(request.sandboxes, assignment, strict=True):
            per_region.setdefault(region, []).append(box)
        results = [_pack_region(request, region, boxes) for region, boxes in per_region.items()]
        packings = [result for result in results if isinstance(result, Packing)]
        if len(packings) == len(results):
            return tuple(packings)
        misfits += [misfit for result in results if isinstance(result, list) for misfit in result]
    return misfits


def ram_regions(request: LayoutRequest) -> list[Region]:
    """Writable regions that are not flash, those that the host uses as RAM first: others may have to be switched on."""
    found = [region for region in request.regions if region.writable and region.length and _may_be_ram(request, region)]
    return sorted(found, key=lambda region: not _host_use(request, region.name).ram)


def _may_be_ram(request: LayoutRequest, region: Region) -> bool:
    use = _host_use(request, region.name)
    return not use.code and (use.ram or not use.loaded)


def _candidate_regions(request: LayoutRequest, box: SandboxNeeds) -> list[str]:
    return [box.region] if box.region else [region.name for region in ram_regions(request)]


def _pack_region(request: LayoutRequest, name: str, boxes: Sequence[SandboxNeeds]) -> Packing | list[Misfit]:
    """The best packing in one region: bottom before top; a cheap window where it costs little; then least RAM."""
    region = next(region for region in request.regions if region.name == name)
    misfits: list[Misfit] = []
    for at in ("bottom", "top"):
        fitting: list[Packing] = []
        for shapes in _shape_choices(boxes):
            result = _cheapest(region, at, shapes, _host_use(request, name).align)
            misfit = _judge(request, region, result) if result else _too_small(region, shapes)
            if misfit is None and result and (not _grown(shapes) or result.cost * CHEAP_SHARE <= region.length):
                fitting.append(result)
            elif misfit is not None and not _grown(shapes):
                misfits.append(misfit)
        if fitting:
            return min(fitting, key=lambda packing: (not _grown_packing(packing), packing.cost))
    return misfits


def _shape_choices(boxes: Sequence[SandboxNeeds]) -> Iterator[list[Shape]]:
    """Sandboxes with the slack that they wish and with their least; windows as small as can be, or cheap ones."""
    for cheap in (False, True):
        for least in (False, True):
            yield [
                Shape(
                    box,
                    box.window or (max(smallest_window(box), CHEAP_WINDOW) if cheap else smallest_window(box)),
                    box.slack_below_min if least and box.slack_below_min is not None else box.slack_below,
                )
                for box in boxes
            ]


def _grown(shapes: Sequence[Shape]) -> bool:
    return any(shape.box.window is None and shape.window > smallest_window(shape.box) for shape in shapes)


def _grown_packing(packing: Packing) -> bool:
    return _grown([shape for shape, _ in packing.bases.values()])


def _cheapest(region: Region, at: str, shapes: Sequence[Shape], alignment: int) -> Packing | None:
    """The order of windows that takes least from the region; None if they do not fit into it even without a host."""
    by_size = sorted(shapes, key=lambda shape: -shape.window)
    orders = islice(permutations(by_size), _MOST_ORDERS) if len(shapes) <= 5 else iter([tuple(by_size)])
    packings = [packing for order in orders if (packing := _pack_order(region, at, order)) is not None]
    if not packings:
        return None
    best = min(packings, key=lambda packing: packing.cost)
    return replace(best, carve=_aligned(best.carve, alignment))


def _pack_order(region: Region, at: str, order: Sequence[Shape]) -> Packing | None:
    """Place one after the other as near to the end of the region as alignment allows; holes may be filled later."""
    placed: list[Range] = []
    bases: dict[str, tuple[Shape, int]] = {}
    for shape in order:
        base = _lowest_base(region, shape, placed) if at == "bottom" else _highest_base(region, shape, placed)
        if base is None:
            return None
        placed.append(shape.extent(base))
        bases[shape.box.name] = (shape, base)
    used = sum(end - start for start, end in placed)
    if at == "bottom":
        origin, end = max(end for _, end in placed), region.end
    else:
        origin, end = region.origin, min(start for start, _ in placed)
    taken = region.length - (end - origin)
    return Packing(Carve(region.name, at, region.origin, region.length, origin, end - origin, taken - used), bases)


def _lowest_base(region: Region, shape: Shape, placed: Sequence[Range]) -> int | None:
    base = align_up(region.origin + shape.below, shape.window)
    while (clash := _clash(shape.extent(base), placed)) is not None:
        base = align_up(clash[1] + shape.below, shape.window)
    return base if region.contains(*shape.extent(base)) else None


def _highest_base(region: Region, shape: Shape, placed: Sequence[Range]) -> int | None:
    base = align_down(region.end - shape.above - shape.window, shape.window)
    while (clash := _clash(shape.extent(base), placed)) is not None:
        base = align_down(clash[0] - shape.above - shape.window, shape.window)
    return base if region.contains(*shape.extent(base)) else None


def _clash(extent: Range, placed: Sequence[Range]) -> Range | None:
    return next((other for other in placed if extent[0] < other[1] and other[0] < extent[1]), None)


def _judge(request: LayoutRequest, region: Region, packing: Packing) -> Misfit | None:
    """None if the host can live with what the packing leaves."""
    carve, need = packing.carve, host_need(request, region.name)
    if carve.length < need:
        taken = (
            f"the sandboxes would take {size_text(packing.cost)} from its {carve.at}, and the host needs {need} bytes"
        )
        return Misfit(region.name, need - carve.length, taken)
    for fixed in request.fixed:
        if _hit(fixed, carve):
            number = f"{fixed.name} is written as the number 0x{fixed.address:08x} ({fixed.where})"
            return Misfit(region.name, 0, f"{number}, inside what would be taken from the {carve.at}")
    return None


def _too_small(region: Region, shapes: Sequence[Shape]) -> Misfit:
    """Windows that fit into the region at no position: how far the first positions lie beyond its end."""
    endless = replace(region, length=1 << 32)
    packing = _pack_order(endless, "bottom", sorted(shapes, key=lambda shape: -shape.window))
    missing = packing.carve.origin - region.end if packing else 0
    each = ", ".join(
        f"{shape.box.name} needs a window of {size_text(shape.window)} at a multiple of its size, "
        f"with {shape.below} bytes below and {shape.above} above it"
        for shape in shapes
    )
    return Misfit(region.name, max(missing, 1), each)


def _aligned(carve: Carve, alignment: int) -> Carve:
    """The host's part begins aligned for its strictest section, so that its own layout does not grow, and apart from
    the sandboxes, so that its segments do not join theirs."""
    if carve.at == "bottom":
        origin = align_up(carve.origin + SEGMENT_GAP, alignment)
        length = max(carve.old_origin + carve.old_length - origin, 0)
        return replace(carve, origin=origin, length=length, unused=carve.unused + origin - carve.origin)
    length = align_down(carve.length, 8)
    return replace(carve, length=length, unused=carve.unused + carve.length - length)


def _hit(fixed: FixedAddress, carve: Carve) -> bool:
    """Would the address end up in a sandbox? The end of RAM may be a stack top, which needs the bytes below it."""
    start, end = carve.taken
    return start <= fixed.address < end or (carve.at == "top" and fixed.address == end)


def _host_use(request: LayoutRequest, region: str) -> RegionUse:
    return next((use for use in request.host if use.region == region), RegionUse(region, 0))


def host_need(request: LayoutRequest, region: str) -> int:
    """Bytes of the region that the host must keep: measured, and reserved on top by the user."""
    return _host_use(request, region).need + dict(request.host_reserve).get(region, 0)
