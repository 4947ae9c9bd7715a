"""Pointers that cross a sandbox's border undeclared, found in the debug information: for warnings only.

An address passed as a plain number is neither copied nor checked by the gate: a masked store through it would be
redirected silently, and the host would see an empty buffer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from elftools.common.exceptions import DWARFError, ELFError
from elftools.elf.elffile import ELFFile

from ringfence.toolchain.prototypes import POINTER, Prototype
from ringfence.toolchain.spec import SandboxSpec

_TRANSPARENT = {"DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_restrict_type"}
_POINTERS = {"DW_TAG_pointer_type", "DW_TAG_reference_type", "DW_TAG_rvalue_reference_type"}


def undeclared_pointers(elf: bytes, specs: Iterable[SandboxSpec]) -> list[str]:
    """One warning for each parameter that the source has as a pointer and the prototype as a number.

    `elf`: the linked firmware. Nothing is said of functions without (readable) debug information.
    """
    wanted: dict[str, list[tuple[SandboxSpec, str, Prototype]]] = {}
    for spec in specs:
        for kind, prototypes in (("export", spec.exports), ("import", spec.imports)):
            for prototype in prototypes:
                wanted.setdefault(prototype.name, []).append((spec, kind, prototype))
    warnings: list[str] = []
    for name, parameters in _functions(elf, set(wanted)):
        for spec, kind, prototype in wanted[name]:
            warnings += [f"sandbox {spec.name!r}: {kind} {name}: {text}" for text in _compare(prototype, parameters)]
    return list(dict.fromkeys(warnings))


def _compare(prototype: Prototype, parameters: list[tuple[str, bool]]) -> Iterator[str]:
    if len(parameters) != len(prototype.parameters):
        yield f"the source has {len(parameters)} parameters, the prototype {len(prototype.parameters)}"
        return
    for declared, (name, is_pointer) in zip(prototype.parameters, parameters, strict=True):
        if is_pointer and not declared.is_buffer and declared.type != POINTER:
            yield (f"parameter {name or declared.name} is a pointer in the source, declared as a number: "
                   "say in, out or inout NAME[bytes], or `pointer NAME` if the sandbox never follows it")


def _functions(elf: bytes, names: set[str]) -> Iterator[tuple[str, list[tuple[str, bool]]]]:
    """Name and parameters (name, whether it is a pointer) of each function definition with one of the names."""
    try:
        file = ELFFile(BytesIO(elf))
        if not file.has_dwarf_info():
            return
        for unit in file.get_dwarf_info(relocate_dwarf_sections=False).iter_CUs():
            for die in unit.get_top_DIE().iter_children():
                name = _name(die)
                if die.tag == "DW_TAG_subprogram" and name in names and "DW_AT_prototyped" in die.attributes:
                    yield name, [(_name(p), _is_pointer(p)) for p in die.iter_children()
                                 if p.tag == "DW_TAG_formal_parameter"]
    except (ELFError, DWARFError, ValueError, KeyError, IndexError, AttributeError, TypeError):
        return  # debug information that cannot be read gives no warnings


def _name(die: Any) -> str:
    attribute = die.attributes.get("DW_AT_name")
    return attribute.value.decode(errors="replace") if attribute is not None else ""


def _is_pointer(parameter: Any) -> bool:
    die = parameter
    for _ in range(32):  # a chain of typedefs and qualifiers
        if "DW_AT_type" not in die.attributes:
            return False
        die = die.get_DIE_from_attribute("DW_AT_type")
        if die.tag not in _TRANSPARENT:
            return die.tag in _POINTERS
    return False
