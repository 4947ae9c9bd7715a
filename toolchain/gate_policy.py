"""What the policy says of the gates: where their fixed code is, and each sandbox's descriptor, words and stubs.

All of it comes from the symbols that `gates.py` and `runtime/switch.S` define, and from the prototypes; the verifier
compares the bytes there with its own templates (verify/kernel/gates.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ringfence.toolchain.close import INITIALISER
from ringfence.toolchain.coincidences import explained
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gate_code import is_direct
from ringfence.toolchain.gates import cleared_registers
from ringfence.toolchain.image import ElfFile
from ringfence.toolchain.spec import SandboxSpec
from ringfence.verify.kernel.gates import past_the_gates
from ringfence.verify.kernel.image import read_image
from ringfence.verify.kernel.policy import parse_policy
from ringfence.verify.kernel.rejected import Rejected

_FIXED = ("enter", "switch", "exit", "take")
_OPTIONAL = ("switch_pointer", "recover", "import")  # the linker drops what nothing needs
_E_FLAGS, _ABI_FLOAT_HARD = 36, 0x400  # offset in the ELF header; ELF for the Arm architecture (AAELF32), 5.2


def declare_gates(policy: dict[str, Any], specs: Sequence[SandboxSpec], linked: ElfFile, rewritten: bytes) -> None:
    """Add to a policy (as JSON data) what it says of gates. `linked`: the file before rewriting, for its symbols.

    RingfenceError if the link lost one of the gates' symbols.
    """
    where = _addresses(linked)
    hard = bool(int.from_bytes(linked.data[_E_FLAGS : _E_FLAGS + 4], "little") & _ABI_FLOAT_HARD)
    runtime = {name: _code(where[f"ringfence_{name}"]) for name in _FIXED}
    runtime |= {name: _code(where[f"ringfence_{name}"]) for name in _OPTIONAL if f"ringfence_{name}" in where}
    for spec, sandbox in zip(specs, policy["sandboxes"], strict=True):
        _declare(spec, sandbox, where, fpu=bool(policy["fpu"]), hard=hard)
    policy["gates"] = {**runtime, "coincidences": []}
    policy["gates"]["coincidences"] = _coincidences(policy, rewritten)


class _Addresses(dict[str, int]):
    """Addresses of symbols, without Thumb bit; RingfenceError for one that is not there."""

    def __missing__(self, name: str) -> int:
        raise RingfenceError(f"the link lost the symbol {name}",
                             "link flags that hide or discard symbols cannot be used")


def _addresses(elf: ElfFile) -> _Addresses:
    return _Addresses({s.name: s.value & ~1 if s.type == "FUNC" else s.value for s in elf.symbols if s.defined})


def _declare(spec: SandboxSpec, sandbox: dict[str, Any], where: _Addresses, *, fpu: bool, hard: bool) -> None:
    prefix = f"__rf_{spec.name}_"
    sandbox["gate"] = {"descriptor": _hex(where[f"ringfence_{spec.name}"]), "state": _hex(where[f"{prefix}state"]),
                       "return": _code(where[f"{prefix}return"])}
    direct = {p.name: p for p in spec.exports if is_direct(p)}
    for entry in sandbox["entries"]:
        name = entry["name"]
        entry["word"] = _hex(where[f"{prefix}initial" if name == INITIALISER else f"{prefix}entry_{name}"])
        if name in direct:
            entry["stub"] = _code(where[name])
            entry["clears"] = cleared_registers(direct[name], fpu=fpu, hard=hard)
    for imported in sandbox["imports"]:
        imported["thunk"] = _code(where[f"{prefix}thunk_{imported['name']}"])


def _coincidences(policy: dict[str, Any], rewritten: bytes) -> list[dict[str, str]]:
    """Bytes that the verifier would take for references into sandboxes and that are none."""
    try:
        parsed, image = parse_policy(json.dumps(policy).encode()), read_image(rewritten)
    except Rejected:
        return []  # the verifier will say what is wrong
    return [{"address": _hex(c.address), "kind": c.kind, "target": _hex(c.target), "why": why}
            for c, why in explained(rewritten, past_the_gates(parsed, image))]


def _hex(value: int) -> str:
    return f"{value:#010x}"


def _code(address: int) -> str:
    return _hex(address | 1)
