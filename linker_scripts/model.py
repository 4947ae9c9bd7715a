"""Frozen data of the linker-script room: regions, what is needed, what was decided. No behaviour beyond arithmetic.

All addresses are plain integers without the Thumb bit, all sizes are bytes, every `end` is exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.toolchain.errors import RingfenceError

SYMBOL_PREFIX = "__rf_"
SECTION_PREFIX = ".ringfence."
STACK_ALIGN = 8
LINK_PAGE = 32  # bytes; the page size that links are made with
# ld joins sections without bytes in the file that are nearer than this into one segment.
SEGMENT_GAP = 2 * LINK_PAGE


class LinkerScriptError(RingfenceError):
    """A linker script that cannot be read, understood or carved."""


class LayoutError(RingfenceError):
    """The sandboxes do not fit; the message says what is missing, the hint what would fit."""


@dataclass(frozen=True)
class Region:
    """One line of MEMORY: `flags` are the letters in its parentheses, "" where there are none."""

    name: str
    origin: int
    length: int
    flags: str = ""

    @property
    def end(self) -> int:
        return self.origin + self.length

    @property
    def writable(self) -> bool:
        """Declared writable; a region without flags may be anything, so it counts."""
        return self._has("w")

    @property
    def executable(self) -> bool:
        return self._has("x")

    def _has(self, letter: str) -> bool:
        wanted, _, unwanted = self.flags.lower().partition("!")
        return letter not in unwanted and (not wanted or letter in wanted)

    def contains(self, start: int, end: int) -> bool:
        return self.origin <= start and end <= self.end


Range = tuple[int, int]  # [start, end)


@dataclass(frozen=True)
class RegionUse:
    """What the host was measured to use of one region.

    need: bytes it cannot do without (the region without its largest hole). align: the largest alignment of a host
    section there. hole: the largest range that no host segment claims, by p_memsz in physical addresses too (loaders
    zero-fill it); None: the whole region. file_hole: the same when only bytes in the file count. loaded: something is
    programmed into it. code: host instructions are programmed there and run from there. ram: it holds data that are not
    programmed there. claiming: host sections without bytes that could be kept from having a load address here.
    """

    region: str
    need: int
    align: int = 8
    hole: Range | None = None
    file_hole: Range | None = None
    loaded: bool = False
    code: bool = False
    ram: bool = False
    claiming: tuple[str, ...] = ()


@dataclass(frozen=True)
class FixedAddress:
    """An address that the vendor's script writes as a number (`_estack = 0x20020000;`), so no edit moves it."""

    name: str
    address: int
    where: str


@dataclass(frozen=True)
class SandboxNeeds:
    """What one sandbox asks for; `code` is without the slots, `slots` is 0 or a power of two.

    window None: the solver chooses a power of two. heap is a minimum: what is left over in the window goes to it (when
    it is not 0). slack_below_min None: exactly slack_below; a smaller number allows the solver to shrink the slack
    where that saves RAM. const_in_window: constants are part of `data`, not of `const`.
    """

    name: str
    code: int
    const: int = 0
    slots: int = 0
    data: int = 0
    bss: int = 0
    heap: int = 0
    stack: int = 1024
    window: int | None = None
    pad_low: int = 64
    pad_high: int = 64
    slack_below: int = 256
    slack_above: int = 264
    slack_below_min: int | None = None
    region: str | None = None
    code_region: str | None = None
    code_align: int = 8
    const_align: int = 8
    data_align: int = 8
    bss_align: int = 8
    const_in_window: bool = False
    shadow: int | None = None  # bytes for return addresses; None: as many as the stack


@dataclass(frozen=True)
class LayoutRequest:
    """Everything that `solve` looks at. `host_reserve` adds bytes per region to what was measured (a stack that the
    vendor's script does not reserve, say)."""

    regions: tuple[Region, ...]
    host: tuple[RegionUse, ...]
    sandboxes: tuple[SandboxNeeds, ...]
    fixed: tuple[FixedAddress, ...] = ()
    host_reserve: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class SandboxLayout:
    """All addresses of one sandbox, named as in docs/architecture.md, "Window layout" and the list of symbols."""

    name: str
    code_start: int
    slots_start: int
    code_end: int
    const_start: int
    const_end: int
    data_load: int
    slack_below: int
    window_base: int
    window_end: int
    data_start: int
    data_end: int
    bss_start: int
    bss_end: int
    heap_start: int
    heap_end: int
    stack_low: int
    stack_high: int
    slack_above: int
    shadow_low: int
    shadow_high: int
    region: str
    code_region: str
    const_in_window: bool = False  # constants are initialised data

    @property
    def window_size(self) -> int:
        return self.window_end - self.window_base

    @property
    def slots_end(self) -> int:
        return self.code_end

    @property
    def shadow_offset(self) -> int:
        """shadow_low - stack_low: in a shadow stack, the return slot of a function entered with SP = s is the word at
        s - 4 + this."""
        return self.shadow_low - self.stack_low

    @property
    def load_end(self) -> int:
        """End of everything of the sandbox that is programmed into flash."""
        return self.data_load + self.data_end - self.data_start

    @property
    def extent(self) -> Range:
        """The RAM taken, slack and shadow stack included."""
        return self.window_base - self.slack_below, self.shadow_high


@dataclass(frozen=True)
class Carve:
    """A region before and after sandboxes were taken out of it: the two numbers that the script's copy differs in."""

    region: str
    at: str  # "bottom" or "top"
    old_origin: int
    old_length: int
    origin: int
    length: int
    unused: int  # bytes of it that no sandbox has a use for (alignment)

    @property
    def taken(self) -> Range:
        """The bytes that the host lost: [start, end)."""
        if self.at == "bottom":
            return self.old_origin, self.origin
        return self.origin + self.length, self.old_origin + self.old_length


@dataclass(frozen=True)
class Layout:
    """The solver's decision. `regions` are the host's after carving, `ram` names those that are RAM. `measuring`
    layouts are provisional: they serve the first link only, which learns sizes. `in_place`: host sections without
    bytes in the file (.bss) that would claim flash; the script's copy gives them their run address as load address."""

    sandboxes: tuple[SandboxLayout, ...]
    regions: tuple[Region, ...]
    ram: tuple[str, ...] = ()
    carves: tuple[Carve, ...] = ()
    notes: tuple[str, ...] = ()
    in_place: tuple[str, ...] = ()
    measuring: bool = False

    def sandbox(self, name: str) -> SandboxLayout:
        return next(box for box in self.sandboxes if box.name == name)

    @property
    def host_ram(self) -> tuple[Range, ...]:
        """RAM that stays the host's: for the policy."""
        return tuple((part.origin, part.end) for part in self.regions if part.name in self.ram and part.length)


def align_up(value: int, alignment: int) -> int:
    return -(-value // alignment) * alignment


def align_down(value: int, alignment: int) -> int:
    return value // alignment * alignment


def size_text(size: int) -> str:
    """Bytes as people write them, rounded down so that a suggested size fits: 17.2K, 64K, 200 bytes."""
    if size < 1024:
        return f"{size} bytes"
    unit, suffix = (1024, "K") if size < 1 << 20 else (1 << 20, "M")
    return f"{size * 10 // unit / 10:.1f}".removesuffix(".0") + suffix
