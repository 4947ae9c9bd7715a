"""Reads from a linked ELF what the host uses of each memory region and how large each sandbox's sections are.

Section addresses are run addresses; the load address of a section follows from the segment that holds it (ELF p_paddr).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section, SymbolTableSection
from elftools.elf.segments import Segment

from ringfence.linker_scripts.model import SECTION_PREFIX, LayoutError, Range, Region, RegionUse, SandboxNeeds
from ringfence.linker_scripts.vendor import VendorScript

_BOX_SECTION = re.compile(re.escape(SECTION_PREFIX) + r"(\w+)\.(code|const|data|bss)")
_OCCUPYING = frozenset({"SHT_PROGBITS", "SHT_NOBITS"})


@dataclass(frozen=True)
class ImageSection:
    """One section that has an address.

    load: where its bytes are programmed, None without bytes in the file. claim: the physical address that its segment
    gives it, bytes or not; None for COPY sections, which are in no segment.
    """

    name: str
    start: int
    end: int
    load: Range | None
    claim: int | None
    align: int
    executable: bool


@dataclass(frozen=True)
class Image:
    """The addresses of a linked ELF.

    segments: run addresses, by p_memsz, of what is loaded. claims: the physical ranges of the host's segments.
    stack_tops: vector 0 of each vector table. loads_header: a segment contains the ELF header.
    """

    sections: tuple[ImageSection, ...]
    segments: tuple[Range, ...]
    claims: tuple[Range, ...]
    symbols: dict[str, int]
    stack_tops: tuple[int, ...]
    loads_header: bool

    @property
    def host(self) -> tuple[ImageSection, ...]:
        return tuple(section for section in self.sections if not section.name.startswith(SECTION_PREFIX))


@dataclass(frozen=True)
class SandboxSizes:
    """Bytes and alignments of one sandbox's four output sections, as a measuring link produced them."""

    name: str
    code: int = 0
    const: int = 0
    data: int = 0
    bss: int = 0
    code_align: int = 8
    const_align: int = 8
    data_align: int = 8
    bss_align: int = 8

    def needs(self, **more: int | str | None) -> SandboxNeeds:
        """SandboxNeeds with these sizes and the given other fields (code=, slots=, stack=, heap=, window=, ...)."""
        base = SandboxNeeds(
            self.name, self.code, self.const, data=self.data, bss=self.bss, code_align=self.code_align,
            const_align=self.const_align, data_align=self.data_align, bss_align=self.bss_align,
        )  # fmt: skip
        return replace(base, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Measurement:
    host: tuple[RegionUse, ...]
    sandboxes: tuple[SandboxSizes, ...]

    def sandbox(self, name: str) -> SandboxSizes:
        """LayoutError if the link had no section of that sandbox."""
        for box in self.sandboxes:
            if box.name == name:
                return box
        raise LayoutError(f"the link contains nothing of sandbox {name}", "is its closed object on the link line?")


def measure(elf: Path | str, vendor: VendorScript) -> Measurement:
    """What an ELF linked with a `measuring_layout` uses of each region of the vendor's MEMORY.

    LayoutError: no readable ELF file.
    """
    image = read_image(Path(elf))
    return Measurement(
        tuple(_region_use(region, image, vendor) for region in vendor.regions), tuple(_sandbox_sizes(image.sections))
    )


def read_image(path: Path) -> Image:
    """The addresses in an ELF file. LayoutError if it is none."""
    try:
        with path.open("rb") as stream:
            return _image(ELFFile(stream))
    except OSError as error:
        raise LayoutError(f"{path}: cannot read: {error.strerror}") from error
    except ELFError as error:
        raise LayoutError(f"{path}: not a usable ELF file: {error}") from error


def _image(elf: ELFFile) -> Image:
    segments = [segment for segment in elf.iter_segments() if segment["p_type"] == "PT_LOAD"]
    raw = [section for section in elf.iter_sections() if _has_address(section)]
    claims = []
    for segment in segments:
        inside = [section.name for section in raw if segment.section_in_segment(section)]
        if not any(name.startswith(SECTION_PREFIX) for name in inside):
            claims.append((segment["p_paddr"], segment["p_paddr"] + segment["p_memsz"]))
    table = elf.get_section_by_name(".symtab")
    symbols = {s.name: s["st_value"] for s in table.iter_symbols()} if isinstance(table, SymbolTableSection) else {}
    sections = tuple(_section(section, segments) for section in raw)
    return Image(
        sections,
        tuple((segment["p_vaddr"], segment["p_vaddr"] + segment["p_memsz"]) for segment in segments),
        tuple(claims),
        symbols,
        tuple(_stack_tops(raw, elf["e_entry"])),
        loads_header=any(segment["p_offset"] == 0 and segment["p_filesz"] for segment in segments),
    )


def _stack_tops(sections: Iterable[Section], entry: int) -> Iterator[int]:
    """A section that begins with a word and the program's entry is a vector table (ARMv7-M ARM, B1.5.3)."""
    for section in sections:
        if section["sh_type"] != "SHT_NOBITS" and section["sh_size"] >= 8:
            stack, reset = struct.unpack("<II", section.data()[:8])
            if reset == entry | 1:
                yield stack


def _has_address(section: Section) -> bool:
    """Sections in memory: allocated ones, and COPY sections (not allocated, but with an address) that reserve room."""
    header = section.header
    if header["sh_size"] == 0:
        return False
    if header["sh_flags"] & SH_FLAGS.SHF_ALLOC:
        return True
    return header["sh_addr"] != 0 and header["sh_type"] in _OCCUPYING


def _section(section: Section, segments: Iterable[Segment]) -> ImageSection:
    header = section.header
    start, size = header["sh_addr"], header["sh_size"]
    holder = next((s for s in segments if s.section_in_segment(section)), None)
    claim = None if holder is None else holder["p_paddr"] + start - holder["p_vaddr"]
    has_bytes = header["sh_type"] != "SHT_NOBITS"
    return ImageSection(
        section.name,
        start,
        start + size,
        (claim, claim + size) if claim is not None and has_bytes else None,
        claim,
        max(header["sh_addralign"], 1),
        bool(header["sh_flags"] & SH_FLAGS.SHF_EXECINSTR),
    )


def _region_use(region: Region, image: Image, vendor: VendorScript) -> RegionUse:
    host = image.host
    run = [(s.start, s.end) for s in host]
    load = [s.load for s in host if s.load is not None]
    loaded = [part for part in load if region.origin <= part[0] < region.end]
    here = [s for s in host if region.origin <= s.start < region.end]
    file_hole = largest_hole(region, run + load)
    return RegionUse(
        region.name,
        need=region.length - (file_hole[1] - file_hole[0]),
        align=max([8, *(s.align for s in here)]),
        hole=largest_hole(region, run + load + list(image.claims)),
        file_hole=file_hole,
        loaded=bool(loaded),
        code=any(s.executable and s.load == (s.start, s.end) for s in here),
        ram=any(s.load != (s.start, s.end) for s in here),
        claiming=tuple(s.name for s in _movable(host, vendor) if s.claim and region.origin <= s.claim < region.end),
    )


def _movable(host: Sequence[ImageSection], vendor: VendorScript) -> list[ImageSection]:
    """Sections without bytes that inherited a load address from the one before (ld manual, "Output Section LMA").

    Only those behind all programmed data of their memory: a later section with bytes would inherit the new distance.
    """
    return [
        section
        for section in host
        if section.load is None
        and section.claim not in {None, section.start}
        and section.name in vendor.movable
        and not any(_follows(other, section, vendor.regions) for other in host)
    ]


def _follows(other: ImageSection, section: ImageSection, regions: Sequence[Region]) -> bool:
    """Has `other` bytes in the file, and does it come after `section` in the same region?"""
    home = next((region for region in regions if region.contains(section.start, section.end)), None)
    return home is None or (other.load is not None and section.start < other.start < home.end)


def largest_hole(region: Region, used: Iterable[Range]) -> Range:
    """The largest range of the region that none of `used` touches, the first of equals; empty at its end if none."""
    best = (region.end, region.end)
    at = region.origin
    for start, end in [*sorted(used), (region.end, region.end)]:
        stop = min(start, region.end)
        if stop - at > best[1] - best[0]:
            best = (at, stop)
        at = max(at, end)
    return best


def _sandbox_sizes(sections: Sequence[ImageSection]) -> list[SandboxSizes]:
    found: dict[str, SandboxSizes] = {}
    for section in sections:
        match = _BOX_SECTION.fullmatch(section.name)
        if match:
            name, kind = match.groups()
            box = found.get(name, SandboxSizes(name))
            size, align = section.end - section.start, max(section.align, 8)
            found[name] = replace(box, **{kind: size, f"{kind}_align": align})  # type: ignore[arg-type]
    return list(found.values())
