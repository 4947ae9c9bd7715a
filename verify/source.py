"""From a code address to a source line, by DWARF and the rewriter's address map. For messages only."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from elftools.elf.elffile import ELFFile

from .symbols import printable


class AddressMap:
    """Which original address an instruction of the rewritten code came from; the identity where nothing is known."""

    def __init__(self, pairs: list[tuple[int, int]]) -> None:
        self._new = [n for n, _ in sorted(pairs)]
        self._old = [o for _, o in sorted(pairs)]

    @classmethod
    def read(cls, path: Path | None) -> AddressMap:
        """Read firmware.map.json, a list of [new, original]; empty without a file. Raises ValueError if malformed."""
        if path is None or not path.exists():
            return cls([])
        return cls([(int(new), int(old)) for new, old in json.loads(path.read_text())])

    def original(self, address: int) -> int:
        i = bisect_right(self._new, address) - 1
        return self._old[i] if i >= 0 and address - self._new[i] < 16 else address


@dataclass(frozen=True)
class Line:
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class SourceLines:
    """All line-number rows of a file, sorted by address; empty if it has no debug information."""

    def __init__(self, elf: bytes) -> None:
        rows: list[tuple[int, int, str, int]] = []
        try:
            file = ELFFile(BytesIO(elf))
            if file.has_dwarf_info():
                rows = _rows(file.get_dwarf_info(relocate_dwarf_sections=False))
        except Exception:  # pyelftools trusts what it reads (assertions, struct errors ...); a message then has no line
            rows = []
        self._rows = sorted(rows)
        self._starts = [r[0] for r in self._rows]

    def at(self, address: int) -> Line | None:
        i = bisect_right(self._starts, address) - 1
        if i < 0 or address >= self._rows[i][1]:
            return None
        return Line(self._rows[i][2], self._rows[i][3])


def _rows(dwarf: object) -> list[tuple[int, int, str, int]]:
    rows = []
    for unit in dwarf.iter_CUs():  # type: ignore[attr-defined]
        program = dwarf.line_program_for_CU(unit)  # type: ignore[attr-defined]
        if program is None:
            continue
        first = 0 if program.header["version"] >= 5 else 1
        names = [printable(f.name.decode(errors="replace")) for f in program["file_entry"]]
        previous = None
        for entry in program.get_entries():
            state = entry.state
            if state is None:
                continue
            if previous is not None and not previous.end_sequence and state.address > previous.address:
                index = previous.file - first
                if 0 <= index < len(names):
                    rows.append((previous.address, state.address, names[index], previous.line))
            previous = state
    return rows
