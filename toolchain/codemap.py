"""What is where in one sandbox's code: functions, code and data regions, relocations."""

from __future__ import annotations

from bisect import bisect_right

from .elffile import STT_FUNC, LinkedElf
from .program import Function, Refused, place
from .request import RewriteRequest


class CodeMap:
    """The static facts of the ELF; addresses without Thumb bit."""

    def __init__(self, elf: LinkedElf, request: RewriteRequest) -> None:
        self.elf = elf
        self.request = request
        self.functions = _functions(elf, request)
        self.starts = frozenset(f.start for f in self.functions)
        self.imports = {address & ~1: name for name, address in request.imports.items()}
        self.own = _own_sections(elf, request.name)
        self.relocations = {r.address: r for r in elf.relocations if r.section in self.own and r.kind != "NONE"}
        self._map_addresses, self._map_kinds = _mapping(elf, request)
        self._content_end = _content_end(elf, request)

    def in_code(self, address: int) -> bool:
        return self.request.code_start <= address < self.request.slots_start

    def region(self, address: int) -> tuple[str, int, int]:
        """'t' (code) or 'd' (data) by mapping symbols, where the region begins, and where it ends."""
        n = bisect_right(self._map_addresses, address)
        if n == 0 or not self.in_code(address):
            return "", address, address
        end = self._map_addresses[n] if n < len(self._map_addresses) else self._content_end
        return self._map_kinds[n - 1], self._map_addresses[n - 1], end

    def is_code(self, address: int) -> bool:
        return address % 2 == 0 and self.region(address)[0] == "t"

    def is_data(self, address: int) -> bool:
        return self.region(address)[0] == "d"

    def is_last_call(self, address: int, following: int) -> bool:
        """Whether nothing is behind a call at `address`: its function ends there, so the callee does not return."""
        if following in self.starts:
            return True
        caller = next((f for f in reversed(self.functions) if f.start <= address), None)
        return caller is not None and address < caller.end <= following

    def refuse(self, address: int, why: str, hint: str | None = None) -> Refused:
        """The error for something at an address."""
        return Refused(address, f"sandbox {self.request.name}: {place(self.functions, address)}: {why}", hint)


def _functions(elf: LinkedElf, request: RewriteRequest) -> tuple[Function, ...]:
    """STT_FUNC symbols in the code, one for each address; those without size end at the next one."""
    names: dict[int, tuple[str, int]] = {}
    for symbol in elf.symbols:
        start = symbol.value & ~1
        if symbol.kind == STT_FUNC and symbol.section and request.code_start <= start < request.slots_start:
            known = names.get(start)
            names[start] = (symbol.name, symbol.size) if known is None else (known[0], max(symbol.size, known[1]))
    starts = sorted(names)
    result = []
    for start, following in zip(starts, [*starts[1:], request.slots_start], strict=True):
        name, size = names[start]
        result.append(Function(name, start, start + size if size else following))
    return tuple(result)


def _content_end(elf: LinkedElf, request: RewriteRequest) -> int:
    """Where the original code and its constants end and the reserved room begins, as far as symbols tell."""
    inside = [s for s in elf.symbols if s.section and request.code_start <= s.value < request.slots_start]
    ends = [(s.value & ~1 if s.kind == STT_FUNC else s.value) + s.size for s in inside if s.size]
    return max([request.code_start, *ends])


def _own_sections(elf: LinkedElf, name: str) -> set[int]:
    prefix = f".ringfence.{name}."
    return {s.index for s in elf.sections if s.name.startswith(prefix) and s.allocated}


def _mapping(elf: LinkedElf, request: RewriteRequest) -> tuple[list[int], list[str]]:
    """Mapping symbols of the code, sorted by address; of several at one address the last in the file counts."""
    kinds = {
        s.value: s.name[1]
        for s in elf.symbols
        if s.is_mapping and request.code_start <= s.value < request.slots_start and elf.sections[s.section].allocated
    }
    return sorted(kinds), [kinds[a] for a in sorted(kinds)]
