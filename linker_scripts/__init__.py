"""Linker scripts: the vendor's own, edited by two numbers and extended by the sandboxes' sections.

How the pieces are used (toolchain/link.py; two links at least):

    vendor = read_vendor_script("vendor.ld", search_dirs=[...])
    first  = measuring_layout(vendor, ["codec"])              # provisional addresses outside every region
    write(render(vendor, first)); link(-T it, *LINK_FLAGS)  # ONE complete script, INCLUDEs inlined, for -T
    seen   = measure(Path("first.elf"), vendor)               # host use per region, sizes of each sandbox's sections
    needs  = SandboxNeeds("codec", code=..., stack=..., ...)  # seen.sandbox("codec").needs(stack=..., heap=...) helps
    layout = solve(LayoutRequest(vendor.regions, seen.host, (needs,), vendor.fixed))
    write(render(vendor, layout)); link again
    check_linked(Path("second.elf"), layout)                  # host outside the carved RAM, vector 0, _estack, ...

Errors: LinkerScriptError (vendor script) and LayoutError (does not fit), both RingfenceError.
"""

from ringfence.linker_scripts.check import check_linked
from ringfence.linker_scripts.generate import (
    LINK_FLAGS,
    classify_input_section,
    layout_json,
    measuring_layout,
    render,
)
from ringfence.linker_scripts.measure import Measurement, SandboxSizes, measure
from ringfence.linker_scripts.model import (
    Carve,
    FixedAddress,
    Layout,
    LayoutError,
    LayoutRequest,
    LinkerScriptError,
    Region,
    RegionUse,
    SandboxLayout,
    SandboxNeeds,
)
from ringfence.linker_scripts.solve import solve
from ringfence.linker_scripts.vendor import VendorScript, read_vendor_script

__all__ = [
    "LINK_FLAGS",
    "Carve",
    "FixedAddress",
    "Layout",
    "LayoutError",
    "LayoutRequest",
    "LinkerScriptError",
    "Measurement",
    "Region",
    "RegionUse",
    "SandboxLayout",
    "SandboxNeeds",
    "SandboxSizes",
    "VendorScript",
    "check_linked",
    "classify_input_section",
    "layout_json",
    "measure",
    "measuring_layout",
    "read_vendor_script",
    "render",
    "solve",
]
