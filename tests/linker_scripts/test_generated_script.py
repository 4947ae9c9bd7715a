"""The generated script: names, places of input sections, and what later steps read from a layout."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.linker_scripts import (
    LayoutRequest,
    LinkerScriptError,
    Region,
    RegionUse,
    SandboxNeeds,
    classify_input_section,
    layout_json,
    measuring_layout,
    read_vendor_script,
    render,
    solve,
)
from ringfence.linker_scripts.measure import largest_hole

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        (".text", "code"), (".text.decode", "code"), (".text.unlikely.f", "code"), (".rodata", "const"),
        (".rodata.str1.4", "const"), (".ARM.exidx.text.f", "const"), (".ARM.extab", "const"), (".init_array", "const"),
        (".init_array.00101", "const"), (".preinit_array", "const"), (".fini_array", "const"), (".data", "data"),
        (".data.rel.ro.local", "data"), (".bss", "bss"), (".bss.x", "bss"), (".noinit", None), (".tbss", None),
        ("foo", None), (".textual", None), (".init_arrays", None),
    ],
)  # fmt: skip
def test_each_input_section_has_at_most_one_place(section: str, kind: str | None) -> None:
    assert classify_input_section("codec", f".ringfence.codec{section}") == kind
    assert classify_input_section("codec", f".ringfence.codec2{section}") is None
    assert classify_input_section("codec", section) is None


def test_a_measuring_layout_stays_clear_of_every_region_and_near_the_code() -> None:
    vendor = read_vendor_script(DATA / "cubemx_style.ld")
    layout = measuring_layout(vendor, ["a", "b"])
    ranges = sorted(
        part
        for box in layout.sandboxes
        for part in ((box.code_start, box.data_load + 1), (box.window_base, box.window_end))
    )
    ranges += [(region.origin, region.end) for region in vendor.regions]
    assert all(low[1] <= high[0] for low, high in zip(sorted(ranges), sorted(ranges)[1:], strict=False))
    assert all(box.code_start - 0x08000000 < 8 << 20 for box in layout.sandboxes)
    assert layout.regions == vendor.regions


def test_a_measuring_layout_follows_the_code_region() -> None:
    vendor = read_vendor_script(DATA / "cubemx_style.ld")
    box = measuring_layout(vendor, ["a"], code_region="RAM").sandboxes[0]
    assert 0x20020000 <= box.code_start < 0x20400000 and box.code_region == "RAM"
    with pytest.raises(LinkerScriptError, match="no memory region is called NOPE"):
        measuring_layout(vendor, ["a"], code_region="NOPE")


def test_a_measuring_script_is_the_vendors_text_and_an_addition() -> None:
    vendor = read_vendor_script(DATA / "cubemx_style.ld")
    text = render(vendor, measuring_layout(vendor, ["codec"]))
    assert text.startswith(vendor.text) and text.count("SECTIONS\n{") == 2
    assert "outgrew" not in text


def test_constants_in_the_window_are_data_and_so_are_the_lists_of_constructors() -> None:
    vendor = read_vendor_script(DATA / "cubemx_style.ld")
    script = render(vendor, measuring_layout(vendor, ["a", "b"], const_in_window=["b"]))
    sections = {part.split(" ")[0]: part for part in script.split("\n  .ringfence.")}
    for box, kind in (("a", "const"), ("b", "data")):
        holding = [name for name in (f"{box}.const", f"{box}.data") if ".rodata.*" in sections[name]]
        assert holding == [f"{box}.{kind}"]
        assert f"__rf_{box}_init_array_start" in sections[f"{box}.{kind}"]


@pytest.mark.parametrize("name", ["", "my codec", "a-b", "1st", "a;b", "ä"])
def test_names_that_are_no_identifiers_are_refused(name: str) -> None:
    vendor = read_vendor_script(DATA / "cubemx_style.ld")
    with pytest.raises(LinkerScriptError, match="cannot name a sandbox"):
        render(vendor, measuring_layout(vendor, [name]))


def test_a_layout_as_json_has_every_address_and_the_hosts_ram() -> None:
    regions = (Region("FLASH", 0, 1 << 20, "rx"), Region("RAM", 0x20000000, 1 << 16, "rw"))
    host = (RegionUse("FLASH", 100, loaded=True, code=True), RegionUse("RAM", 100, ram=True))
    needs = SandboxNeeds("codec", code=100, stack=512, heap=64, data=8)
    layout = solve(LayoutRequest(regions, host, (needs,)))
    data = json.loads(json.dumps(layout_json(layout)))
    box = data["sandboxes"]["codec"]
    assert data["host_ram"] == [list(layout.host_ram[0])]
    assert box["shadow_offset"] == box["shadow_low"] - box["stack_low"]
    assert box["heap_end"] == layout.sandboxes[0].heap_end and box["region"] == "RAM"
    assert data["carved"] == [{"region": "RAM", "start": 0x20000000, "end": layout.host_ram[0][0]}]


def test_load_addresses_are_given_only_to_sections_without_one() -> None:
    vendor = read_vendor_script(DATA / "cmsis_style.ld")
    assert ".heap" in vendor.movable and not {".data", ".bss"} & set(vendor.movable)  # AT (...), AT > RAM
    assert "  .heap (COPY) : AT(ADDR(.heap))\n" in vendor.edited(vendor.regions, [".heap"])


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), max_size=6))
def test_the_largest_hole_is_free_and_no_larger_one_exists(spans: list[tuple[int, int]]) -> None:
    region = Region("R", 10, 40)
    used = [(start, start + size) for start, size in spans if size]
    busy = {at for start, end in used for at in range(start, end)}
    start, end = largest_hole(region, used)
    assert region.contains(start, end) and not busy & set(range(start, end))
    free = "".join("x" if at in busy else "." for at in range(region.origin, region.end))
    assert end - start == max(len(run) for run in free.split("x"))


def test_templates_reach_an_installed_package() -> None:
    from ringfence.linker_scripts import generate  # noqa: PLC0415

    assert (Path(generate.__file__).parent / "templates" / "sandbox.ld.j2").is_file()


def test_a_region_that_is_not_carved_is_not_edited() -> None:
    vendor = read_vendor_script(DATA / "cubemx_style.ld")
    layout = replace(measuring_layout(vendor, ["codec"]), regions=vendor.regions)
    assert vendor.edited(layout.regions) == vendor.text
