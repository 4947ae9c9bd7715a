"""Prototypes that contradict the source, found in the debug information: for warnings only.

An address passed as a plain number is neither copied nor checked by the gate: a masked store through it would be
redirected silently, and the host would see an empty buffer. A structure declared with another size than it has is
passed wrongly, or its result copied over what lies behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from elftools.common.exceptions import DWARFError, ELFError
from elftools.elf.elffile import ELFFile

from ringfence.toolchain.prototypes import FUNCTION, POINTER, CType, Prototype
from ringfence.toolchain.spec import SandboxSpec

_TRANSPARENT = {"DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_restrict_type"}
_STRUCTURES = {"DW_TAG_structure_type", "DW_TAG_union_type", "DW_TAG_class_type"}
_POINTERS = {"DW_TAG_pointer_type", "DW_TAG_reference_type", "DW_TAG_rvalue_reference_type"}


@dataclass(frozen=True)
class Typed:
    """A parameter or result in the source: its name, whether it is an address, and the bytes of a structure."""

    name: str
    is_pointer: bool
    struct_bytes: int | None


def undeclared_pointers(elf: bytes, specs: Sequence[SandboxSpec]) -> list[str]:
    """One warning for each parameter that the source has as a pointer and the prototype as a number, and for each
    structure whose size is not the declared one.

    `elf`: the linked firmware. Nothing is said of functions without (readable) debug information.
    """
    wanted: dict[str, list[tuple[SandboxSpec, str, Prototype]]] = {}
    for spec in specs:
        for kind, prototypes in (("export", spec.exports), ("import", spec.imports)):
            for prototype in prototypes:
                wanted.setdefault(prototype.name, []).append((spec, kind, prototype))
    warnings: list[str] = []
    generated = {f"ringfence_{spec.name}_gates.c" for spec in specs}  # they have the exports' names
    for name, result, parameters in _functions(elf, set(wanted), generated):
        for spec, kind, prototype in wanted[name]:
            texts = [*_compare(prototype, parameters), *_compare_size("the result", prototype.result, result)]
            warnings += [f"sandbox {spec.name!r}: {kind} {name}: {text}" for text in texts]
    return list(dict.fromkeys(warnings))


def _compare(prototype: Prototype, parameters: list[Typed]) -> Iterator[str]:
    if len(parameters) != len(prototype.parameters):
        yield f"the source has {len(parameters)} parameters, the prototype {len(prototype.parameters)}"
        return
    for declared, found in zip(prototype.parameters, parameters, strict=True):
        if found.is_pointer and not declared.is_buffer and declared.type not in (POINTER, FUNCTION):
            yield (f"parameter {found.name or declared.name} is a pointer in the source, declared as a number: "
                   "say in, out or inout NAME[bytes], or `pointer NAME` if the sandbox never follows it")
        if not declared.is_buffer:
            yield from _compare_size(f"parameter {found.name or declared.name}", declared.type, found)


def _compare_size(what: str, declared: CType, found: Typed) -> Iterator[str]:
    if found.struct_bytes is not None and not declared.is_struct:
        yield f"{what} is a structure in the source: declare it as struct NAME[{found.struct_bytes}]"
    elif declared.is_struct and found.struct_bytes != declared.bytes:
        size = "no structure" if found.struct_bytes is None else f"of {found.struct_bytes} bytes"
        yield f"{what} is declared as a structure of {declared.bytes} bytes, and is {size} in the source"


def _functions(elf: bytes, names: set[str], without: set[str]) -> Iterator[tuple[str, Typed, list[Typed]]]:
    """Name, result and parameters of each function definition with one of the names, outside the files `without`."""
    try:
        file = ELFFile(BytesIO(elf))
        if not file.has_dwarf_info():
            return
        for unit in file.get_dwarf_info(relocate_dwarf_sections=False).iter_CUs():
            top = unit.get_top_DIE()
            if _name(top).rpartition("/")[2] in without:
                continue
            for die in top.iter_children():
                name = _name(die)
                if die.tag == "DW_TAG_subprogram" and name in names and "DW_AT_prototyped" in die.attributes:
                    yield name, _typed(die), [_typed(p) for p in die.iter_children()
                                              if p.tag == "DW_TAG_formal_parameter"]
    except (ELFError, DWARFError, ValueError, KeyError, IndexError, AttributeError, TypeError):
        return  # debug information that cannot be read gives no warnings


def _name(die: Any) -> str:
    attribute = die.attributes.get("DW_AT_name")
    return attribute.value.decode(errors="replace") if attribute is not None else ""


def _typed(owner: Any) -> Typed:
    """What a parameter is, or a function returns."""
    die = owner
    for _ in range(32):  # a chain of typedefs and qualifiers
        if "DW_AT_type" not in die.attributes:
            break
        die = die.get_DIE_from_attribute("DW_AT_type")
        if die.tag not in _TRANSPARENT:
            size = die.attributes.get("DW_AT_byte_size")
            structure = size.value if die.tag in _STRUCTURES and size is not None else None
            return Typed(_name(owner), die.tag in _POINTERS, structure)
    return Typed(_name(owner), False, None)
