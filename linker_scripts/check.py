"""After a link: is everything of the host where the layout says that the host is?

The linker checks regions and overlaps; it does not check numbers that start-up code relies on, nor sections that a
vendor's script puts at fixed addresses without a region.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from ringfence.linker_scripts.generate import LINK_FLAGS
from ringfence.linker_scripts.measure import Image, read_image
from ringfence.linker_scripts.model import Layout, LayoutError, Range

# Symbols that start-up files and C libraries take for ends of the heap or tops of the stack (CMSIS, CubeMX, newlib).
_STACK_AND_HEAP = (
    "_estack", "__StackTop", "__stack", "__StackLimit", "__HeapBase", "__HeapLimit", "__heap_start", "__heap_end",
    "end", "_end", "__end__", "_sstack", "__stack_limit", "__bss_end__", "_ebss",
)  # fmt: skip


def check_linked(elf: Path | str, layout: Layout) -> None:
    """Raise LayoutError unless no host section, vector 0, stack or heap symbol lies in RAM that sandboxes have.

    Run and load addresses of host sections are looked at, COPY sections included. Segments must not overlap, and none
    may hold the ELF header.
    """
    path = Path(elf)
    image = read_image(path)
    if image.loads_header or _overlapping(image.segments):
        wrong = "the ELF header would be loaded" if image.loads_header else "load segments overlap"
        raise LayoutError(f"{path}: {wrong}", f"link with {' '.join(LINK_FLAGS)} and without other page sizes")
    for problem in _problems(image, layout):
        raise LayoutError(f"{path}: {problem}", "what has a fixed address must stay in the RAM that the host keeps")


def _problems(image: Image, layout: Layout) -> Iterator[str]:
    taken = [carve.taken for carve in layout.carves]
    programmed = [(box.code_start, box.load_end) for box in layout.sandboxes]
    for section in image.host:
        ranges = [(section.start, section.end), *([section.load] if section.load else [])]
        if any(_overlap(part, other) for part in ranges for other in taken + programmed):
            yield f"the host's section {section.name} at 0x{section.start:08x} overlaps a sandbox"
    for start, end in image.claims:
        if any(_overlap((start, end), other) for other in programmed):
            yield (
                f"a host segment claims the load addresses 0x{start:08x}..0x{end:08x}, where a sandbox is programmed: "
                f"a section without bytes in the file (.bss) needs AT(ADDR(...)) in the linker script"
            )
    for name in _STACK_AND_HEAP:
        if name in image.symbols and _inside(image.symbols[name], taken):
            yield f"{name} is 0x{image.symbols[name]:08x}, which belongs to a sandbox now"
    for stack_top in image.stack_tops:
        if any(start < stack_top <= end for start, end in taken):
            yield f"the initial stack pointer (vector 0) is 0x{stack_top:08x}, on top of a sandbox's RAM"


def _overlapping(ranges: Sequence[Range]) -> bool:
    ordered = sorted(part for part in ranges if part[0] < part[1])
    return any(low[1] > high[0] for low, high in pairwise(ordered))


def _overlap(one: Range, other: Range) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _inside(address: int, ranges: list[Range]) -> bool:
    """Strictly inside: the end of a sandbox's RAM may be the start of the host's, and the reverse."""
    return any(start < address < end for start, end in ranges)
