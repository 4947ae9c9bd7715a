"""The policy file of a firmware: what the user declared, where things were placed, and what rewriting settled.

The form is that of docs/architecture.md; `verify/kernel/policy.py` reads it and believes nothing that it can check.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ringfence.linker_scripts import Layout, Region, SandboxLayout
from ringfence.toolchain.close import INITIALISER
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.gate_policy import declare_gates
from ringfence.toolchain.image import ElfFile
from ringfence.toolchain.rewrite import RewriteRequest, RewriteResult
from ringfence.toolchain.spec import SandboxSpec
from ringfence.toolchain.target import Target

Alias = tuple[int, int, int]  # start, end (exclusive) and the address whose memory shows there

_MPS2: tuple[Alias, ...] = (  # Arm application notes 385, 386: 4 MB of ZBT RAM at each place, mirrored once
    (0x00400000, 0x00800000, 0x00000000),
    (0x20400000, 0x20800000, 0x20000000),
)
# Where parts and boards show memory a second time. Bit-band aliases are architectural: the kernel knows them.
KNOWN_ALIASES: dict[str, tuple[Alias, ...]] = {
    "mps2-an385": _MPS2,
    "mps2-an386": _MPS2,
    "stm32f1": ((0x00000000, 0x00080000, 0x08000000),),
    "stm32f4": ((0x00000000, 0x00100000, 0x08000000),),
}
_RAM_AREAS = ((0x10000000, 0x20000000), (0x20000000, 0x40000000), (0x60000000, 0xA0000000))  # ARMv7-M B3.1


def aliases_of(part: str | None) -> tuple[Alias, ...]:
    """The aliases of a known part; none for None. RingfenceError for an unknown name."""
    if part is None:
        return ()
    if part.lower() not in KNOWN_ALIASES:
        known = ", ".join(KNOWN_ALIASES)
        raise RingfenceError(f"unknown part {part!r}", f"known: {known}; or give aliases=[(start, end, shows), ...]")
    return KNOWN_ALIASES[part.lower()]


def make_policy(
    target: Target, specs: Sequence[SandboxSpec], memory: Sequence[Region], layout: Layout,
    linked: ElfFile, requests: Sequence[RewriteRequest], result: RewriteResult, aliases: Sequence[Alias] = (),
) -> dict[str, Any]:
    """The policy as JSON data. `memory`: the vendor's regions before carving; `linked`, `requests` and `result`: the
    rewriter's inputs and output, in the order of `specs`."""
    code_regions = {box.code_region for box in layout.sandboxes}
    policy = {
        "version": 1,
        "arch": target.arch,
        "fpu": target.fpu,
        "ram": [_range(r.origin, r.end) for r in memory if is_ram(r, code_regions)],
        "host_ram": [_range(r.origin, r.end) for r in layout.regions if r.length and is_ram(r, code_regions)],
        "aliases": [_range(start, end) | {"shows": _hex(shows)} for start, end, shows in aliases],
        "sandboxes": [
            _sandbox(spec, layout.sandbox(spec.name), request, result.exports[spec.name])
            for spec, request in zip(specs, requests, strict=True)
        ],
    }
    declare_gates(policy, specs, linked, result.elf)
    return policy


def policy_bytes(policy: dict[str, Any]) -> bytes:
    """The file form."""
    return (json.dumps(policy, indent=1) + "\n").encode()


def is_ram(region: Region, code_regions: set[str]) -> bool:
    """The script's flags say so; a region without flags counts by its address."""
    if region.name in code_regions:
        return False
    return region.writable and (bool(region.flags) or any(a <= region.origin < b for a, b in _RAM_AREAS))


def _sandbox(
    spec: SandboxSpec, box: SandboxLayout, request: RewriteRequest, entries: dict[str, int]
) -> dict[str, Any]:
    returns = {p.name: p.returns for p in spec.imports}
    return {
        "name": spec.name,
        "code": _range(box.code_start, box.code_end),
        "slots": _range(box.slots_start, box.slots_end),
        "constants": [_range(box.const_start, box.const_end)] if box.const_end > box.const_start else [],
        "window": {"base": _hex(box.window_base), "size": box.window_size,
                   "slack_below": box.slack_below, "slack_above": box.slack_above},
        "stack": {"low": _hex(box.stack_low), "high": _hex(box.stack_high), "room": request.room},
        "shadow": _shadow(spec, box),
        "entries": [{"name": n, "address": _hex(entries[n])} for n in (*(p.name for p in spec.exports), INITIALISER)],
        "imports": [{"name": n, "address": _hex(a), "returns": returns[n], "stack": 0}
                    for n, a in sorted(request.imports.items())],
        "mmio": [_range(m.start, m.end) | {"why": m.why} for m in spec.mmio],
        "confine": spec.confine,
        **({"pointers": True} if spec.pointers else {}),
    }


def _shadow(spec: SandboxSpec, box: SandboxLayout) -> dict[str, Any]:
    if spec.shadow == "words":
        return {"words": _range(box.shadow_low, box.shadow_high)}
    return {"offset": box.shadow_offset}


def _range(start: int, end: int) -> dict[str, str]:
    return {"start": _hex(start), "end": _hex(end)}


def _hex(value: int) -> str:
    return f"{value:#010x}"
