"""Which instructions and which calling standard code is for, as object files say it: their build attributes.

The compiler is asked in the same way: what it makes of an empty file says what its flags mean. References are to
"Addenda to, and Errata in, the ABI for the Arm Architecture" (ADDENDA32), 3.3: tags of .ARM.attributes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ringfence.toolchain.attributes import (
    ABI_FP_NUMBER_MODEL,
    ABI_HARDFP_USE,
    ABI_VFP_ARGS,
    CPU_ARCH,
    CPU_ARCH_PROFILE,
    FP_ARCH,
    read_attributes,
)
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.image import ElfFile, read_elf
from ringfence.toolchain.spec import EXCEPTION_ROOM, FP_EXCEPTION_ROOM

Fpu = Literal[False, "fpv4-sp-d16", "fpv5-sp-d16", "fpv5-d16"]  # as in the policy; each has what those before it have
Attributes = dict[int, int]

_FPUS: tuple[Fpu, ...] = (False, "fpv4-sp-d16", "fpv5-sp-d16", "fpv5-d16")
_ARCHITECTURES = ("armv7-m", "armv7e-m")
_V7, _V6_M, _V6S_M, _V7E_M = 10, 11, 12, 13  # Tag_CPU_arch
_MICROCONTROLLER = ord("M")  # Tag_CPU_arch_profile
_LINKED = {_V7: "armv7-m", _V7E_M: "armv7e-m"}
_OBJECTS = _LINKED | {_V6_M: "armv7-m", _V6S_M: "armv7-m"}  # code for ARMv6-M runs on ARMv7-M
_OTHERS = {_V6_M: "ARMv6-M", _V6S_M: "ARMv6-M", 16: "ARMv8-M", 17: "ARMv8-M", 21: "ARMv8.1-M"}
_VFPV4_D16, _FPV5_D16 = 6, 8  # Tag_FP_arch
_SINGLE_ONLY = 1  # Tag_ABI_HardFP_use
_VFP_ARGUMENTS, _EITHER_ARGUMENTS = 1, 3  # Tag_ABI_VFP_args
SUPPORTED = "ARMv7-M and ARMv7E-M (Cortex-M3, M4, M7), without FPU or with fpv4-sp-d16, fpv5-sp-d16 or fpv5-d16"
SAME = "use the same -mcpu=, -mfpu= and -mfloat-abi= for host, sandboxes and link"


@dataclass(frozen=True)
class Target:
    """`hard`: floating-point arguments travel in the FPU's registers (-mfloat-abi=hard)."""

    arch: str
    fpu: Fpu
    hard: bool

    @property
    def exception_room(self) -> int:
        """Bytes below SP that an interrupt may use, whether or not the sandbox uses the FPU."""
        return FP_EXCEPTION_ROOM if self.fpu else EXCEPTION_ROOM

    def __str__(self) -> str:
        return f"{self.arch}, {f'FPU {self.fpu}' if self.fpu else 'no FPU'}, {_arguments(self.hard)}"


def target_of(elf: ElfFile) -> Target:
    """What a linked file, or an object that stands for all flags, is for. RingfenceError for a core that is not
    supported, or a file that does not say."""
    found, what = read_attributes(elf), elf.what
    if not found:
        raise RingfenceError(f"{what} does not say which core it is for (.ARM.attributes)", "keep this section")
    return Target(_architecture(found, _LINKED, what), _fpu(found, what), bool(_hard(found)))


def check_objects(target: Target, objects: Iterable[Path]) -> None:
    """Refuse object files that were compiled for more than `target` has, or for another calling standard.

    Archives are left to the link and to `check_linked_target`. RingfenceError names the first such object.
    """
    for path in objects:
        data = path.read_bytes()
        found = read_attributes(read_elf(data, str(path))) if data[:4] == b"\x7fELF" else {}
        if found.get(CPU_ARCH, 0) < _V7:
            continue  # assembled for no core in particular, or data
        arch, fpu, hard = _architecture(found, _OBJECTS, str(path)), _fpu(found, str(path)), _hard(found)
        if _exceeds(arch, fpu, target) or hard not in (None, target.hard):
            itself = Target(arch, fpu, target.hard if hard is None else hard)
            raise RingfenceError(f"{path} is compiled for {itself}; the firmware's flags say {target}", SAME)


def check_linked_target(target: Target, elf: ElfFile) -> None:
    """The linker joins what its inputs need: RingfenceError if that is not what the flags say."""
    linked = target_of(elf)
    if (linked.arch, linked.fpu) != (target.arch, target.fpu):
        raise RingfenceError(f"{elf.what} is linked from code for {linked}; the firmware's flags say {target}",
                             f"a library is for another core or FPU: {SAME}")


def _exceeds(arch: str, fpu: Fpu, target: Target) -> bool:
    return (_ARCHITECTURES.index(arch) > _ARCHITECTURES.index(target.arch)
            or _FPUS.index(fpu) > _FPUS.index(target.fpu))


def _architecture(found: Attributes, known: dict[int, str], what: str) -> str:
    number = found.get(CPU_ARCH, 0)
    if number not in known or found.get(CPU_ARCH_PROFILE) != _MICROCONTROLLER:
        name = _OTHERS.get(number, "another architecture")
        raise RingfenceError(f"{what} is for {name}: this core is not supported", f"supported: {SUPPORTED}")
    return known[number]


def _fpu(found: Attributes, what: str) -> Fpu:
    kind, single = found.get(FP_ARCH, 0), found.get(ABI_HARDFP_USE, 0) == _SINGLE_ONLY
    if kind == 0:
        return False
    if kind == _VFPV4_D16 and single:
        return "fpv4-sp-d16"
    if kind == _FPV5_D16:
        return "fpv5-sp-d16" if single else "fpv5-d16"
    raise RingfenceError(f"{what} is for an FPU that no supported core has", f"supported: {SUPPORTED}")


def _hard(found: Attributes) -> bool | None:
    """Where floating-point arguments travel; None if the code passes none, or suits both (as GNU ld judges it)."""
    arguments = found.get(ABI_VFP_ARGS, 0)
    if found.get(ABI_FP_NUMBER_MODEL, 0) == 0 or arguments == _EITHER_ARGUMENTS:
        return None
    return arguments == _VFP_ARGUMENTS


def _arguments(hard: bool) -> str:
    return "floating-point arguments in " + ("FPU registers (hard)" if hard else "core registers (soft, softfp)")
