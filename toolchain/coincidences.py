"""Host bytes that look like references into a sandbox's code and are none, each with the reason why it is none.

The verifier refuses every byte of the host that could be read as an address in a sandbox's code, or as a branch into
it, unless the policy lists it (verify/kernel/gates.py). Where code lies at small addresses, text and numbers look like
that now and then. What really is a reference is never listed, so the verifier refuses it: this module goes by
relocations and mapping symbols, which say what every byte is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from ringfence.toolchain.elffile import SHF_ALLOC, SHF_EXECINSTR, LinkedElf, Relocation, Section
from ringfence.verify.kernel.policy import Coincidence

_SHN_ABS = 0xFFF1
_ABSOLUTE = {"ABS32", "TARGET1", "TARGET2"}  # relocations of words that hold an address
_RELATIVE = {"REL32", "PREL31"}


class HostBytes:
    """What the bytes of a linked ELF are, by its relocations and mapping symbols."""

    def __init__(self, elf: LinkedElf) -> None:
        self._relocations = {r.address: r for r in elf.relocations if r.kind != "NONE"}
        self._sections = [s for s in elf.sections if s.flags & SHF_ALLOC and s.kind != "SHT_NOBITS" and s.size]
        self._sandboxed = {s.index for s in elf.sections if s.name.startswith(".ringfence.")}
        executable = {s.index for s in self._sections if s.flags & SHF_EXECINSTR}
        mapping = [s for s in elf.symbols if s.is_mapping and s.section in executable]
        self._mapping = sorted({s.value: s.name[1] for s in mapping}.items())
        self._veneers = [(s.value & ~1, s.size) for s in elf.symbols if s.name.endswith("_veneer")]
        self._elf = elf

    def why_none(self, found: Coincidence) -> str | None:
        """Why this is no reference, in words; None if it is one, or if nothing says that it is not."""
        if any(start <= found.address < start + size for start, size in self._veneers):
            return None  # the linker's veneers hold addresses without relocations
        section = self._section(found.address)
        kind, start = self._region(found.address, section)
        if found.kind == "branch":
            if kind == "t" and section is not None:
                return self._why_no_branch(found.address, start)
            return {"d": "data, not an instruction", "": "fill between sections"}.get(kind)
        relocation = self._relocations.get(found.address)
        if relocation is not None and not relocation.kind.startswith("THM_"):
            return self._why_no_pointer(relocation, found.target)
        if kind == "t":
            return "part of instructions, not a literal"
        return {"d": "data that is no address: it has no relocation", "": "fill between sections"}.get(kind)

    def _section(self, address: int) -> Section | None:
        return next((s for s in self._sections if s.address <= address < s.end), None)

    def _region(self, address: int, section: Section | None) -> tuple[str, int]:
        """'t' (instructions), 'd' (data), '' (in no section) or '?' (nothing says), and where the region begins."""
        if section is None:
            return "", address
        if not section.flags & SHF_EXECINSTR:
            return "d", section.address
        n = bisect_right(self._mapping, (address, "~")) - 1
        if n < 0 or self._mapping[n][0] < section.address:
            return "?", section.address
        return self._mapping[n][1], self._mapping[n][0]

    def _why_no_branch(self, address: int, at: int) -> str | None:
        """Instructions follow each other without gaps from the start of their region."""
        while at < address:
            at += 4 if self._elf.read(at, 2)[1] >> 3 >= 0b11101 else 2
        return None if at == address else "the second half of an instruction"

    def _why_no_pointer(self, relocation: Relocation, target: int) -> str | None:
        """A word with a relocation holds the address of a symbol: a number if the user's script gave it as one, and a
        bound of one sandbox where another one's code begins."""
        symbol = relocation.symbol
        if relocation.kind in _RELATIVE and symbol.section not in (*self._sandboxed, _SHN_ABS):
            return "a distance, not an address"
        if relocation.kind in _ABSOLUTE and symbol.section == _SHN_ABS and not symbol.name.startswith("__rf_"):
            return f"the number that the linker script calls {symbol.name}"
        owner = self._section(target)
        if relocation.kind in _ABSOLUTE and symbol.section == _SHN_ABS and owner is not None:
            name = owner.name.removeprefix(".ringfence.").removesuffix(".code")
            if not symbol.name.startswith(f"__rf_{name}_"):
                return f"{symbol.name}, a bound of another sandbox, behind which this one begins"
        return None


def explained(elf: bytes, found: Iterable[Coincidence]) -> list[tuple[Coincidence, str]]:
    """Those of `found` that are no references, with the reasons, by address."""
    in_order = sorted(found, key=lambda c: (c.address, c.kind))
    if not in_order:
        return []
    host = HostBytes(LinkedElf(elf))
    reasons = [(c, host.why_none(c)) for c in in_order]
    return [(c, why) for c, why in reasons if why is not None]
