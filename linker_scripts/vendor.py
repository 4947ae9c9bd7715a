"""Reads a vendor's GNU ld script: its memory, what it writes as plain numbers, and whether it can be extended safely.

The text itself is never reprinted from a parse: `VendorScript.text` is the vendor's, with INCLUDEs put in place, and
an edit replaces the characters of one expression (ld manual, "MEMORY Command", "SECTIONS Command").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ringfence.linker_scripts.expression import NotConstant, Scope, evaluate
from ringfence.linker_scripts.model import FixedAddress, LinkerScriptError, Region
from ringfence.linker_scripts.parse import Assignment, InputPattern, MemoryLine, ParsedScript, parse
from ringfence.linker_scripts.source import Source, Token, read_source

_ADDRESS_SPACE = 1 << 32
_SIZE_NAME = re.compile(r"size|len", re.IGNORECASE)


@dataclass(frozen=True)
class VendorScript:
    """What was read.

    edits: per region, where in `text` its ORIGIN and LENGTH expressions stand. movable: output sections that have no
    load address of their own, with the place in `text` where one can be given.
    """

    path: Path
    text: str
    regions: tuple[Region, ...]
    fixed: tuple[FixedAddress, ...]
    files: tuple[Path, ...]
    edits: Mapping[str, tuple[tuple[int, int], tuple[int, int]]]
    aliases: Mapping[str, str]
    patterns: tuple[tuple[InputPattern, str], ...]
    depends: Mapping[str, frozenset[str]]
    movable: Mapping[str, int]

    def region_name(self, name: str) -> str:
        """The region called `name`, REGION_ALIAS followed. LinkerScriptError if there is none."""
        name = self.aliases.get(name, name)
        if name not in self.edits:
            known = ", ".join(region.name for region in self.regions)
            raise LinkerScriptError(f"{self.path}: no memory region is called {name}", f"it has: {known}")
        return name

    def edited(self, regions: Sequence[Region], in_place: Sequence[str] = ()) -> str:
        """The text with new ORIGIN and LENGTH numbers for those of `regions` that differ from the script's.

        in_place: `movable` sections that get their run address as load address.
        """
        old = {region.name: region for region in self.regions}
        changes: list[tuple[tuple[int, int], str]] = []
        for region in regions:
            if region == old[region.name]:
                continue
            self._refuse_dependents(region.name)
            spans = self.edits[region.name]
            changes += zip(spans, (f"0x{region.origin:08x}", f"0x{region.length:x}"), strict=True)
        changes += [((self.movable[name],) * 2, f" AT(ADDR({name}))") for name in in_place]
        text = self.text
        for (start, end), number in sorted(changes, reverse=True):
            text = text[:start] + number + text[end:]
        return text

    def refuse_capture(self, sections: Sequence[str], objects: Sequence[str]) -> None:
        """LinkerScriptError if a pattern of the vendor would take one of the named input sections before we can."""
        for pattern, where in self.patterns:
            taken = [name for name in sections if fnmatchcase(name, pattern.section)]
            if taken and any(fnmatchcase(name, pattern.file) for name in objects):
                raise LinkerScriptError(
                    f"{where}: the pattern {pattern.file}({pattern.section}) would also take the sandbox's {taken[0]}",
                    "narrow the pattern: the sandbox's sections begin with .ringfence",
                )

    def _refuse_dependents(self, name: str) -> None:
        for other, needed in self.depends.items():
            if other != name and name in needed:
                raise LinkerScriptError(
                    f"{self.path}: region {other} is defined by ORIGIN or LENGTH of {name}, which has to be carved",
                    f"write the numbers of {other} out, or carve another region (region=)",
                )


def read_vendor_script(
    script_file: Path | str | Sequence[Path | str],
    search_dirs: Sequence[Path | str] = (),
    symbols: Mapping[str, int] | None = None,
) -> VendorScript:
    """Read a GNU ld script, or several that belong together (`-T mem.ld -T sections.ld`).

    search_dirs: those of -L, for INCLUDE. symbols: those of --defsym. LinkerScriptError with file:line when the script
    is not understood.
    """
    paths = [Path(script_file)] if isinstance(script_file, str | Path) else [Path(name) for name in script_file]
    if not paths:
        raise LinkerScriptError("no linker script is given", "name the vendor's script (linker_script=)")
    path = paths[-1]
    source = read_source(paths, [Path(folder) for folder in search_dirs])
    script = parse(source)
    if not script.memory:
        raise LinkerScriptError(
            f"{path}: there is no MEMORY command, so nothing says where RAM and flash are",
            "name the script that describes the chip's memory",
        )
    if not script.sections:
        raise LinkerScriptError(f"{path}: there is no SECTIONS command", "name the complete script of the program")
    constants = _constants(script.assignments, symbols or {})
    regions, depends = _regions(source, script.memory, constants)
    _check_regions(source, script.memory, regions)
    return VendorScript(
        path=path,
        text=source.text,
        regions=regions,
        fixed=tuple(_fixed(source, script, constants)),
        files=source.files,
        edits={line.name: (_span(line.origin), _span(line.length)) for line in script.memory},
        aliases=dict(script.aliases),
        patterns=tuple((pattern, source.where(pattern.offset)) for pattern in script.patterns),
        depends=depends,
        movable={section.name: section.after_colon for section in script.sections if not section.own_load},
    )


def _span(tokens: Sequence[Token]) -> tuple[int, int]:
    return tokens[0].start, tokens[-1].end


def _constants(assignments: Sequence[Assignment], given: Mapping[str, int]) -> dict[str, int]:
    """Symbols whose one assignment is a constant expression, in any order; PROVIDE may be overridden, so it is none."""
    names = [assignment.name for assignment in assignments]
    pending = [a for a in assignments if names.count(a.name) == 1 and a.operator == "=" and not a.provided]
    known = dict(given)
    while True:
        unknown = [a for a in pending if a.name not in known]
        found = {a.name: value for a in unknown if (value := _value(a.value, known)) is not None}
        if not found:
            return known
        known.update(found)


def _value(tokens: Sequence[Token], symbols: Mapping[str, int]) -> int | None:
    try:
        return evaluate(tokens, Scope(symbols))
    except NotConstant:
        return None


def _regions(
    source: Source, memory: Sequence[MemoryLine], symbols: Mapping[str, int]
) -> tuple[tuple[Region, ...], dict[str, frozenset[str]]]:
    """Evaluate MEMORY from top to bottom; also which regions each region's numbers are made from."""
    values: dict[tuple[str, str], int] = {}
    regions: list[Region] = []
    depends: dict[str, frozenset[str]] = {}
    for line in memory:
        scope = Scope(symbols, values)
        numbers = [_number(source, line, which, tokens, scope) for which, tokens in line.parts()]
        region = Region(line.name, numbers[0], numbers[1], line.flags)
        values[line.name, "origin"], values[line.name, "length"] = numbers
        depends[line.name] = frozenset(scope.used_regions)
        regions.append(region)
    return tuple(regions), depends


def _number(source: Source, line: MemoryLine, which: str, tokens: Sequence[Token], scope: Scope) -> int:
    try:
        return evaluate(tokens, scope)
    except NotConstant as error:
        raise source.error(
            tokens[0].start,
            f"{which} of region {line.name} has no value before linking: {error}",
            "write a number there, or give the symbol's value with --defsym (spaces around operators matter to ld)",
        ) from error


def _check_regions(source: Source, memory: Sequence[MemoryLine], regions: Sequence[Region]) -> None:
    seen: set[str] = set()
    for line, region in zip(memory, regions, strict=True):
        if region.name in seen:
            raise source.error(line.offset, f"region {region.name} is defined twice", "keep one of the definitions")
        if region.end > _ADDRESS_SPACE:
            raise source.error(line.offset, f"region {region.name} ends beyond the 4 GB address space")
        seen.add(region.name)


def _fixed(source: Source, script: ParsedScript, constants: Mapping[str, int]) -> list[FixedAddress]:
    """Symbols and section addresses that are plain numbers, except sizes and symbols that only MEMORY uses."""
    found = [
        FixedAddress(a.name, constants[a.name], source.where(a.offset))
        for a in script.assignments
        if a.name in constants and not _SIZE_NAME.search(a.name) and not _only_for_memory(a.name, script)
    ]
    for section, tokens in script.addresses:
        value = _value(tokens, constants)
        if value:
            found.append(FixedAddress(section, value, source.where(tokens[0].start)))
    return found


def _only_for_memory(name: str, script: ParsedScript) -> bool:
    in_memory = any(token.text == name for line in script.memory for _, part in line.parts() for token in part)
    return in_memory and name not in script.referenced
