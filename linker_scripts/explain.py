"""What the solver says when something does not fit: what is missing where, what dominates, and what would fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ringfence.linker_scripts.model import (
    LayoutError,
    LayoutRequest,
    Range,
    Region,
    SandboxNeeds,
    align_down,
    size_text,
)
from ringfence.linker_scripts.pack import SMALLEST_WINDOW, Misfit, Packing, Shape, inside, pack, smallest_window

_RAM_ITEMS = ("heap", "stack", "bss", "data", "pad_low", "pad_high")
_CODE_ITEMS = ("code", "const", "slots", "data")


def window_too_small(box: SandboxNeeds) -> LayoutError:
    """The declared window cannot hold what was asked for, wherever it lies."""
    window, needed = box.window or 0, inside(box).total
    heap = _heap_in(box, window)
    ways = [f"window={size_text(smallest_window(replace(box, window=None)))} holds it"]
    if box.heap and heap >= 8:
        ways.append(f"heap={size_text(heap)} fits into {size_text(window)}")
    return LayoutError(
        f"sandbox {box.name}: a window of {size_text(window)} is {needed - window} bytes too small for "
        f"{_listing(box, _RAM_ITEMS)}",
        "; ".join(ways),
    )


def no_room(request: LayoutRequest, misfits: Sequence[Misfit]) -> LayoutError:
    """No way to carve the windows was found; `misfits` are the reasons, of which the least is reported."""
    if not misfits:
        return LayoutError(
            "no memory region of the linker script is RAM for a sandbox's window",
            "name the region with region=; it has to be writable and must not hold the program",
        )
    least = min(misfits, key=lambda misfit: misfit.missing or 1 << 32)
    region = next(region for region in request.regions if region.name == least.region)
    missing = f"{least.missing} bytes are missing" if least.missing else "it cannot be carved"
    lines = [
        f"the sandboxes do not fit: in region {_region_text(region)} {missing}",
        f"  {least.reason}",
    ]
    lines += [f"  {box.name}: {_listing(box, _RAM_ITEMS)}" for box in request.sandboxes]
    return LayoutError("\n".join(lines), _nearest(request))


def code_too_large(region: Region, hole: Range, boxes: Sequence[SandboxNeeds], end: int) -> LayoutError:
    """Code, constants and initial data do not fit behind the host in flash."""
    names = "; ".join(f"{box.name}: {_listing(box, _CODE_ITEMS)}" for box in boxes)
    return LayoutError(
        f"the sandboxes do not fit: in region {_region_text(region)} "
        f"{end - hole[1]} bytes are missing; the host leaves {hole[1] - hole[0]} bytes from 0x{hole[0]:08x}\n  {names}",
        "compile the sandbox for size (-Os), or place its code elsewhere with code_region=",
    )


def _region_text(region: Region) -> str:
    return f"{region.name} ({size_text(region.length)} at 0x{region.origin:08x})"


def _listing(box: SandboxNeeds, items: Sequence[str]) -> str:
    """The items of one sandbox with their sizes, the largest first."""
    sizes = sorted(((getattr(box, item), item) for item in items), reverse=True)
    return ", ".join(f"{item} {size_text(size)}" for size, item in sizes if size)


def _heap_in(box: SandboxNeeds, window: int) -> int:
    """The largest heap that a window leaves; negative if it is too small without any heap."""
    return align_down(window - inside(replace(box, heap=0)).total, 8)


def _nearest(request: LayoutRequest) -> str:
    for what, changed in _alternatives(request):
        packed = pack(changed)
        if not isinstance(packed, list):
            return f"it fits with {what}:\n" + "\n".join(_picture(packed))
    return "no smaller heap or window helps; the host or the stacks have to shrink, or take a part with more RAM"


def _alternatives(request: LayoutRequest) -> Iterator[tuple[str, LayoutRequest]]:
    """Requests near to this one, the least change first."""
    boxes = request.sandboxes
    tight = tuple(replace(box, slack_below=0, slack_below_min=None) for box in boxes)
    if tight != boxes:
        yield "slack_below=0", replace(request, sandboxes=tight)
    if any(box.region for box in boxes):
        free = tuple(replace(box, region=None) for box in boxes)
        yield "region= left to the solver", replace(request, sandboxes=free)
    for box in sorted(boxes, key=lambda box: -box.heap):
        yield from _smaller_windows(request, box)


def _smaller_windows(request: LayoutRequest, box: SandboxNeeds) -> Iterator[tuple[str, LayoutRequest]]:
    """The same with half the window for one sandbox, a quarter, ..., and the heap that is left in it."""
    window = (box.window or smallest_window(box)) // 2
    while window >= SMALLEST_WINDOW and (heap := _heap_in(box, window)) >= (8 if box.heap else 0):
        smaller = replace(box, window=window, heap=min(heap, box.heap))
        changed = tuple(smaller if other == box else other for other in request.sandboxes)
        less = f"heap={size_text(smaller.heap)} and " if smaller.heap < box.heap else ""
        text = f"{less}window={size_text(window)} for {box.name}"
        yield text, replace(request, sandboxes=changed)
        tight = tuple(replace(other, slack_below=0, slack_below_min=None) for other in changed)
        yield f"{text}, and slack_below=0", replace(request, sandboxes=tight)
        window //= 2


def _picture(packed: Sequence[Packing]) -> Iterator[str]:
    for packing in packed:
        carve = packing.carve
        end = carve.origin + carve.length
        yield f"    {carve.region}: host 0x{carve.origin:08x}..0x{end:08x} ({size_text(carve.length)})"
        for name, (shape, base) in sorted(packing.bases.items(), key=lambda item: item[1][1]):
            yield f"    {carve.region}: {name} {_span(shape, base)}"


def _span(shape: Shape, base: int) -> str:
    low, high = shape.extent(base)
    return f"0x{low:08x}..0x{high:08x}, window {size_text(shape.window)} at 0x{base:08x}"
