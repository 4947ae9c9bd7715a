"""The linker script of one link: the vendor's text with edited numbers, then the sandboxes' sections from a template.

Only numbers and names are generated here; the structure is written by hand in templates/sandbox.ld.j2.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from jinja2 import Environment, PackageLoader, StrictUndefined

from ringfence.linker_scripts.model import (
    LINK_PAGE,
    SECTION_PREFIX,
    SYMBOL_PREFIX,
    Layout,
    LinkerScriptError,
    SandboxLayout,
    align_up,
)
from ringfence.linker_scripts.vendor import VendorScript

# What the link needs besides `-T`. With larger pages ld joins sections without bytes in the file into one segment,
# across a .data that lies between them, so that segments overlap. With smaller pages it loads the ELF header in front
# of the vector table; the header's size is 20 modulo 32, and ld loads it only if that suits the table's alignment.
LINK_FLAGS = (f"-Wl,-z,max-page-size={LINK_PAGE}",)

# Which input sections of a closed object go where; each name follows ".ringfence.NAME.".
INPUTS: Mapping[str, tuple[str, ...]] = {
    "code": ("text", "text.*"),
    "const": ("rodata", "rodata.*", "ARM.extab*", "ARM.exidx*", "eh_frame*"),
    "data": ("data", "data.*"),
    "bss": ("bss", "bss.*"),
}
ARRAYS = ("preinit_array", "init_array", "fini_array")
# Bytes as they lie in memory: `udf #0xF0` in the room that the rewriter did not use, `udf #0xF3` in slots.
_FILL_CODE = "0xF0DEF0DE"
_FILL_SLOTS = "0xF3DEF3DE"
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
# A measuring link puts each sandbox this far from the next, beyond every region, yet within reach of a `bl` (16 MB).
_MEASURING_STRIDE = 1 << 20
_NUMBERED = (
    "code_start", "code_end", "slots_start", "slots_end", "const_start", "const_end", "window_base", "window_end",
    "data_start", "data_load", "bss_start", "heap_start", "heap_end", "stack_low", "stack_high", "shadow_low",
    "shadow_high",
)  # fmt: skip


def classify_input_section(sandbox: str, section: str) -> str | None:
    """Where an input section of the closed object goes: code, const, data or bss. None: nowhere, so refuse it."""
    if not section.startswith(f"{SECTION_PREFIX}{sandbox}."):
        return None
    rest = section.removeprefix(f"{SECTION_PREFIX}{sandbox}.")
    if any(fnmatchcase(rest, pattern) for array in ARRAYS for pattern in (array, f"{array}.*")):
        return "const"
    return next((kind for kind, names in INPUTS.items() if any(fnmatchcase(rest, name) for name in names)), None)


def measuring_layout(
    vendor: VendorScript,
    sandboxes: Sequence[str],
    code_region: str | None = None,
    const_in_window: Collection[str] = (),
) -> Layout:
    """Provisional layout for the first link: every sandbox beyond the regions of the vendor's MEMORY, nothing carved.

    The host's own addresses are those of a link without sandboxes. `code_region`: the region that the sandboxes' code
    will be in, so that the linker needs the same veneers; None: the first executable one. `const_in_window`: the
    sandboxes whose constants are initialised data.
    """
    near = vendor.region_name(code_region) if code_region else _first_executable(vendor)
    code = _beyond(vendor, next(region.end for region in vendor.regions if region.name == near), len(sandboxes))
    ram = _beyond(vendor, code + len(sandboxes) * _MEASURING_STRIDE, 2 * len(sandboxes))
    boxes = tuple(
        replace(
            _provisional(name, code + i * _MEASURING_STRIDE, ram + 2 * i * _MEASURING_STRIDE, near),
            const_in_window=name in const_in_window,
        )
        for i, name in enumerate(sandboxes)
    )
    return Layout(boxes, vendor.regions, measuring=True)


def _first_executable(vendor: VendorScript) -> str:
    regions = [region for region in vendor.regions if region.executable]
    read_only = [region for region in regions if not region.writable]
    return (read_only or regions or list(vendor.regions))[0].name


def _beyond(vendor: VendorScript, start: int, count: int) -> int:
    """The first stride boundary from `start` on with room for `count` strides that no region occupies."""
    start = align_up(start, _MEASURING_STRIDE)
    end = start + count * _MEASURING_STRIDE
    blocking = [region.end for region in vendor.regions if region.origin < end and start < region.end]
    return _beyond(vendor, max(blocking), count) if blocking else start


def _provisional(name: str, code: int, ram: int, region: str) -> SandboxLayout:
    quarter = _MEASURING_STRIDE // 4
    top = ram + 2 * _MEASURING_STRIDE
    return SandboxLayout(
        name=name, code_start=code, slots_start=code + quarter, code_end=code + quarter,
        const_start=code + 2 * quarter, const_end=code + 3 * quarter, data_load=code + 3 * quarter,
        slack_below=0, window_base=ram, window_end=top, data_start=ram, data_end=ram + _MEASURING_STRIDE,
        bss_start=ram + _MEASURING_STRIDE, bss_end=top, heap_start=top, heap_end=top, stack_low=top, stack_high=top,
        slack_above=0, shadow_low=top, shadow_high=top, region="", code_region=region,
    )  # fmt: skip


def render(vendor: VendorScript, layout: Layout) -> str:
    """The complete linker script for `-T`, in place of the vendor's.

    It is the vendor's text with INCLUDEs put in place and two numbers changed for each carved region (and, where flash
    is short, a load address for .bss), and one more SECTIONS command after it. LinkerScriptError if a pattern of the
    vendor would take a sandbox's sections.
    """
    for box in layout.sandboxes:
        if not _NAME.fullmatch(box.name):
            raise LinkerScriptError(f"{box.name!r} cannot name a sandbox", "use letters, digits and _")
        vendor.refuse_capture(_samples(box.name), [f"{box.name}.o", f"build/{box.name}.o"])
    environment = Environment(
        loader=PackageLoader("ringfence.linker_scripts"), undefined=StrictUndefined, autoescape=False
    )
    sections = environment.get_template("sandbox.ld.j2").render(
        boxes=[_numbers(box) for box in layout.sandboxes],
        measuring=layout.measuring,
        arrays=ARRAYS,
        fill_code=_FILL_CODE,
        fill_slots=_FILL_SLOTS,
    )
    return vendor.edited(layout.regions, layout.in_place) + sections + "\n"


def _samples(name: str) -> list[str]:
    bases = [base.rstrip("*").rstrip(".") for names in INPUTS.values() for base in names] + list(ARRAYS)
    return [f"{SECTION_PREFIX}{name}.{base}{suffix}" for base in dict.fromkeys(bases) for suffix in ("", ".x")]


def _numbers(box: SandboxLayout) -> dict[str, object]:
    """What the template fills in for one sandbox: addresses and sizes as text."""
    prefix = f"{SECTION_PREFIX}{box.name}"
    numbers: dict[str, object] = {name: f"0x{getattr(box, name):08x}" for name in _NUMBERED}
    numbers |= {f"{kind}_inputs": " ".join(f"{prefix}.{name}" for name in names) for kind, names in INPUTS.items()}
    return numbers | {
        "name": box.name,
        "prefix": prefix,
        "symbol": f"{SYMBOL_PREFIX}{box.name}_",
        "symbols": [(name, numbers[name]) for name in _NUMBERED],
        "code_room": f"0x{box.slots_start - box.code_start:x}",
        "slots_size": f"0x{box.code_end - box.slots_start:x}",
        "const_in_window": box.const_in_window,
        "rest_size": f"0x{box.shadow_high - box.heap_start:x}",
        "checks": _checks(box, prefix),
    }


def _checks(box: SandboxLayout, prefix: str) -> list[dict[str, str]]:
    """What the solver computed, said again to the linker: a stale layout must not link."""
    rooms = {
        "code": (box.code_start, box.code_end),
        "const": (box.const_start, box.const_end),
        "data": (box.data_start, box.bss_start),
        "bss": (box.bss_start, box.heap_start),
    }
    checks = [
        {
            "condition": f"SIZEOF({prefix}.{kind}) <= 0x{end - start:x}",
            "message": f"its {kind} outgrew the {end - start} bytes that were laid out for it",
        }
        for kind, (start, end) in rooms.items()
    ]
    checks += [
        {
            "condition": f"SIZEOF({prefix}.{kind}) == 0 || 0x{start:08x} % ALIGNOF({prefix}.{kind}) == 0",
            "message": f"its {kind} must be aligned more strictly than it was laid out",
        }
        for kind, (start, _) in rooms.items()
    ]
    return checks


def layout_json(layout: Layout) -> dict[str, object]:
    """What later steps need, as JSON-able data: addresses are numbers, ranges are [start, end]."""
    return {
        "host_ram": [list(part) for part in layout.host_ram],
        "carved": [{"region": carve.region, "start": carve.taken[0], "end": carve.taken[1]} for carve in layout.carves],
        "notes": list(layout.notes),
        "sandboxes": {box.name: _box_json(box) for box in layout.sandboxes},
    }


def _box_json(box: SandboxLayout) -> dict[str, object]:
    addresses = {name: getattr(box, name) for name in (*_NUMBERED, "data_end", "bss_end")}
    more = ("slack_below", "slack_above", "shadow_offset", "region", "code_region")
    return addresses | {name: getattr(box, name) for name in more}
