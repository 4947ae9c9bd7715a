"""From a fault record of the device (struct ringfence_fault, toolchain/runtime/ringfence.h) to words and a source line.

A record is five words: descriptor of the sandbox, kind, PC, CFSR, data address. It is read from the line that
`ringfence_fault_line` makes, or from a debugger's dump of the structure (`x/5wx ringfence_last_fault()`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from .explain import instruction_at
from .kernel.image import Image, read_image
from .kernel.policy import Policy, Sandbox
from .source import AddressMap, SourceLines
from .symbols import function_symbols, name_of

# enum ringfence_fault_kind: name, and what to do about it.
KINDS: tuple[tuple[str, str], ...] = (
    ("none", "there was no fault"),
    ("unreachable code", "control reached a place after a call that never returns, or a switch without its default"),
    ("stack limit", "enlarge stack=, or bound the recursion"),
    ("stray store", "the store's address is not the sandbox's: a wild pointer or an overrun"),
    ("bad function pointer", "a null function pointer, or one that points to no function"),
    ("exit or abort", "abort(), exit() or a failed assertion in the sandbox, or an import declared noreturn came back"),
    ("undefined instruction", "an instruction that this processor does not have"),
    ("usage fault", "see the fault status"),
    ("memory protection fault", "the MPU forbids the access, or the address cannot hold code"),
    ("bus fault", "nothing answers at the address: a wild pointer, or a device that is off"),
    ("bad pointer to an import", "the buffer given to the import is not (all of it) the sandbox's"),
    ("aborted", "the host ended the call: the time budget or a watchdog ran out"),
    ("stray load", "the load's address is not the sandbox's, whose reads are confined: a wild pointer, or host data"),
    ("other fault", "see the fault status"),
)

# Configurable Fault Status Register, ARMv7-M ARM B3.2.15: bit, name, meaning.
CFSR_BITS: tuple[tuple[int, str, str], ...] = (
    (0, "IACCVIOL", "instruction fetch from where code may not be"),
    (1, "DACCVIOL", "data access that the MPU forbids"),
    (3, "MUNSTKERR", "the MPU forbade popping an exception frame"),
    (4, "MSTKERR", "the MPU forbade pushing an exception frame: the PC is unknown"),
    (7, "MMARVALID", "the address is that of a memory protection fault"),
    (8, "IBUSERR", "bus error on an instruction fetch"),
    (9, "PRECISERR", "precise data bus error: the PC is that of the access"),
    (10, "IMPRECISERR", "imprecise data bus error: a buffered store before the PC caused it"),
    (11, "UNSTKERR", "bus error when popping an exception frame"),
    (12, "STKERR", "bus error when pushing an exception frame: the PC is unknown"),
    (15, "BFARVALID", "the address is that of a bus error"),
    (16, "UNDEFINSTR", "undefined instruction"),
    (17, "INVSTATE", "branch to an address without Thumb bit"),
    (18, "INVPC", "bad exception return"),
    (19, "NOCP", "coprocessor that is absent or disabled"),
    (24, "UNALIGNED", "unaligned access"),
    (25, "DIVBYZERO", "division by zero"),
)
_ADDRESS_VALID = 1 << 7 | 1 << 15
_FUNCTION, _POINTER = 4, 10  # RINGFENCE_FAULT_FUNCTION, RINGFENCE_FAULT_POINTER
_WORDS = 5
_WORD = re.compile(r"(?:0x)?([0-9a-fA-F]{1,8})\Z")


@dataclass(frozen=True)
class FaultRecord:
    """The words of struct ringfence_fault."""

    descriptor: int
    kind: int
    pc: int
    cfsr: int
    address: int

    @classmethod
    def parse(cls, text: str) -> FaultRecord:
        """Read five hexadecimal words; labels that end with a colon (as of gdb's lines) are skipped. ValueError."""
        words = [w for w in re.split(r"[\s,]+", re.sub(r"\s*<[^>]*>", "", text)) if w and not w.endswith(":")]
        found = [_WORD.match(w) for w in words]
        if len(words) != _WORDS or None in found:
            raise ValueError(f"a fault record has {_WORDS} words in hexadecimal; this is {text.strip()[:80]!r}")
        return cls(*(int(m[1], 16) for m in found if m is not None))

    @property
    def has_address(self) -> bool:
        return self.kind != _FUNCTION and (bool(self.cfsr & _ADDRESS_VALID) or self.kind == _POINTER)

    def kind_name(self) -> str:
        return KINDS[self.kind][0] if self.kind < len(KINDS) else f"unknown kind {self.kind}"

    def status(self) -> list[str]:
        """What the set bits of CFSR say."""
        return [f"{name}: {meaning}" for bit, name, meaning in CFSR_BITS if self.cfsr >> bit & 1]


def explain_fault(record: FaultRecord, elf: bytes, policy: Policy | None, addresses: AddressMap) -> str:
    """The record in words. Without a policy, addresses are not classified. Rejected if `elf` is no ELF file."""
    image, code = read_image(elf), _Code(elf, addresses)
    box = _sandbox(record, policy)
    name = _descriptor_name(elf, record.descriptor) or (box.name if box else None)
    lines = [f"sandbox {name or f'{record.descriptor:#010x} (not in this ELF)'}: {record.kind_name()}"]
    lines += _where(record, image, code, box)
    if record.has_address:
        lines.append(f"  data address: {record.address:#010x}{_place(record.address, policy)}")
    if record.cfsr:
        lines.append(f"  fault status: CFSR {record.cfsr:#010x}")
        lines += [f"    {text}" for text in record.status()]
    if record.kind < len(KINDS):
        lines.append(f"  what to do: {KINDS[record.kind][1]}")
    return "\n".join(lines)


class _Code:
    """Names of code addresses: function and, where debug information knows it, source line."""

    def __init__(self, elf: bytes, addresses: AddressMap) -> None:
        self._functions, self._lines, self._addresses = function_symbols(elf), SourceLines(elf), addresses

    def name(self, address: int, *, before: bool = False) -> str:
        """`address in function (file:line)`; `before`: the line is that of the call that returns to the address."""
        function = name_of(self._functions, address) or "no known function"
        line = self._lines.at(self._addresses.original(address - 2 if before else address))
        return f"{address:#010x} in {function}" + (f" ({line})" if line else "")


def _where(record: FaultRecord, image: Image, code: _Code, box: Sandbox | None) -> list[str]:
    """The PC: function, source line, instruction; and what is odd about it."""
    pc = record.pc & ~1
    lines = ["  at: unknown (the exception frame could not be written, or a jump went to 0)"]
    if pc:
        lines = [f"  at: {code.name(pc)}"]
        if instruction := instruction_at(image, pc):
            lines.append(f"  instruction: {instruction}")
    if record.kind == _FUNCTION and record.address:
        lines.append(f"  called from: {code.name(record.address, before=True)}")
    if pc and box is not None and box.slots.covers(pc, pc + 2):
        lines.append("  note: the PC is in the table of functions that pointers may lead to")
    return lines


def _sandbox(record: FaultRecord, policy: Policy | None) -> Sandbox | None:
    """The sandbox of the policy in whose code the PC lies."""
    boxes = () if policy is None else policy.sandboxes
    return next((s for s in boxes if s.code.covers(record.pc & ~1, (record.pc & ~1) + 2)), None)


def _descriptor_name(elf: bytes, descriptor: int) -> str | None:
    """NAME of the object ringfence_NAME at that address."""
    try:
        table = ELFFile(BytesIO(elf)).get_section_by_name(".symtab")
        if not isinstance(table, SymbolTableSection):
            return None
        names = (s.name for s in table.iter_symbols()
                 if s["st_value"] == descriptor and s["st_info"]["type"] == "STT_OBJECT")
        return next((str(n.removeprefix("ringfence_")) for n in names if n.startswith("ringfence_")), None)
    except (ELFError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None


def _place(address: int, policy: Policy | None) -> str:
    """Which range of the policy holds the address, in words; empty without a policy."""
    if policy is None:
        return ""
    for s in policy.sandboxes:
        for what, r in (("stack", s.stack), ("window", s.window), ("slack", s.writable), ("shadow stack", s.shadow),
                        ("code", s.code), *(("constants", c) for c in s.constants),
                        *(("device registers", m) for m in s.mmio)):
            if r.covers(address, address + 1):
                return f", in the {what} of sandbox {s.name}"
    if any(r.covers(address, address + 1) for r in policy.host_ram):
        return ", in the host's RAM"
    return ", in no range of the policy"
