"""Real links with vendor-style scripts: addresses, load addresses, segments, flat binaries, and the program in QEMU."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from vendor_firmware import DATA, Firmware, load_segments, qemu, run, sections, symbols

from ringfence.linker_scripts import (
    FixedAddress,
    Layout,
    LayoutError,
    LayoutRequest,
    VendorScript,
    check_linked,
    measure,
    measuring_layout,
    read_vendor_script,
    render,
    solve,
)

Built = tuple[Firmware, VendorScript]


@pytest.fixture(params=["cubemx", "cmsis"])
def either(request: pytest.FixtureRequest) -> Built:
    return request.getfixturevalue(request.param)


def flat_binary(elf: Path) -> bytes:
    run("arm-none-eabi-objcopy", "-O", "binary", elf, elf.with_suffix(".bin"))
    return elf.with_suffix(".bin").read_bytes()


def only(layout: Layout):
    return layout.sandboxes[0]


# -- the links --


def test_every_section_has_the_run_and_load_address_of_the_layout(either: Built) -> None:
    elf, layout = either[0].placed(either[1])
    box, found = only(layout), sections(elf)
    expected = {
        "code": (box.code_start, box.code_start, box.code_end - box.code_start),
        "const": (box.const_start, box.const_start, box.const_end - box.const_start),
        "data": (box.data_start, box.data_load, box.data_end - box.data_start),
        "bss": (box.bss_start, box.bss_start, box.bss_end - box.bss_start),
        "window": (box.heap_start, box.heap_start, box.shadow_high - box.heap_start),
    }
    assert {kind: found[f".ringfence.codec.{kind}"] for kind in expected} == expected


def test_symbols_are_the_addresses_of_the_layout(either: Built) -> None:
    elf, layout = either[0].placed(either[1])
    found = symbols(elf)
    for name in (
        "code_start", "code_end", "slots_start", "slots_end", "const_start", "const_end", "window_base", "window_end",
        "data_start", "data_end", "data_load", "bss_start", "bss_end", "heap_start", "heap_end", "stack_low",
        "stack_high", "shadow_low", "shadow_high",
    ):  # fmt: skip
        assert found[f"__rf_codec_{name}"] == getattr(only(layout), name), name
    assert found["__rf_codec_init_array_end"] - found["__rf_codec_init_array_start"] == 4
    assert only(layout).const_start <= found["__rf_codec_init_array_start"] < only(layout).const_end


def test_the_hosts_ram_begins_after_the_sandbox_and_its_end_is_unchanged(either: Built) -> None:
    elf, layout = either[0].placed(either[1])
    found, region = symbols(elf), next(r for r in either[1].regions if r.name == "RAM")
    assert layout.carves[0].at == "bottom" and layout.carves[0].origin >= only(layout).shadow_high
    assert found.get("_estack", found.get("__StackTop")) == region.end
    assert found["host_data"] >= layout.carves[0].origin


def test_the_hosts_sections_keep_their_sizes_and_flash_addresses(either: Built) -> None:
    firmware, vendor = either
    elf, _ = firmware.placed(vendor)
    before, after = sections(firmware.folder / "measuring.elf"), sections(elf)
    host = [name for name in before if not name.startswith(".ringfence")]
    assert ".text" in host and ".bss" in host
    assert [(name, before[name][2]) for name in host] == [(name, after[name][2]) for name in host]
    assert before[".text"] == after[".text"] and before[".data"][1] == after[".data"][1]


def test_load_segments_overlap_nowhere_and_hold_no_headers(either: Built) -> None:
    elf, _ = either[0].placed(either[1])
    segments = load_segments(elf)
    assert all(low[1] <= high[0] for low, high in pairwise(sorted((v, v + m) for v, _, _, m in segments)))
    assert all(low[1] <= high[0] for low, high in pairwise(sorted((p, p + f) for _, p, f, _ in segments if f)))
    flash = next(r for r in either[1].regions if r.name == "FLASH")
    assert all(flash.contains(p, p + f) for _, p, f, _ in segments if f)


def test_the_flat_binary_is_small_and_has_the_sandbox_at_its_flash_offset(either: Built) -> None:
    elf, layout = either[0].placed(either[1])
    flash = next(r for r in either[1].regions if r.name == "FLASH")
    image, box = flat_binary(elf), only(layout)
    assert len(image) == box.load_end - flash.origin < 8192
    run("arm-none-eabi-objcopy", "-O", "binary", "-j", ".ringfence.codec.code", elf, elf.with_suffix(".code"))
    code = elf.with_suffix(".code").read_bytes()
    assert image[box.code_start - flash.origin :][: len(code)] == code and len(code) == box.code_end - box.code_start


def test_code_and_constants_are_not_writable(either: Built) -> None:
    elf, layout = either[0].placed(either[1])
    rows = [line.split() for line in run("arm-none-eabi-readelf", "-lW", elf).splitlines()]
    holder = next(row for row in rows if row[:1] == ["LOAD"] and int(row[2], 16) == only(layout).code_start)
    assert "".join(holder[6:-1]) == "RE" and int(holder[4], 16) == only(layout).const_end - only(layout).code_start


def test_reserved_room_and_slots_are_filled_with_traps(either: Built) -> None:
    elf, layout = either[0].placed(either[1])
    flash = next(r for r in either[1].regions if r.name == "FLASH")
    image, box = flat_binary(elf), only(layout)
    room_end, end = box.slots_start - flash.origin, box.code_end - flash.origin
    assert image[room_end - 200 : room_end] == b"\xf0\xde" * 100  # udf #0xF0
    assert image[room_end:end] == b"\xf3\xde" * 16  # udf #0xF3


@pytest.mark.parametrize(("style", "machine"), [("cubemx", "netduinoplus2"), ("cmsis", "mps2-an385")])
def test_the_program_runs(style: str, machine: str, request: pytest.FixtureRequest) -> None:
    firmware, vendor = request.getfixturevalue(style)
    elf, _ = firmware.placed(vendor)
    assert qemu(machine, elf) == 0


def test_two_sandboxes_run_in_windows_of_their_own(cmsis_two: Built) -> None:
    firmware, vendor = cmsis_two
    elf, layout = firmware.placed(vendor)
    found = sections(elf)
    assert found[".ringfence.codec.data"][0] != found[".ringfence.filter.data"][0]
    for box in layout.sandboxes:
        holders = [s for s in load_segments(elf) if s[0] <= box.heap_start < s[0] + s[3]]
        assert len(holders) == 1 and holders[0][0] >= box.window_base
        assert holders[0][0] + holders[0][3] == box.shadow_high
    assert qemu("mps2-an385", elf) == 0


def test_windows_in_ccm_cost_the_main_ram_nothing(cubemx: Built) -> None:
    firmware, vendor = cubemx
    elf, layout = firmware.placed(vendor, region="CCMRAM")
    assert 0x10000000 <= only(layout).window_base < 0x10010000
    assert [carve.region for carve in layout.carves] == ["CCMRAM"]
    assert len(flat_binary(elf)) < 8192


def test_carving_at_the_top_moves_the_stack_with_it(cubemx: Built) -> None:
    firmware, vendor = cubemx
    vendor = replace(vendor, fixed=(FixedAddress(".noinit", 0x20000000, "x"),))
    elf, layout = firmware.placed(vendor)
    assert layout.carves[0].at == "top"
    assert symbols(elf)["_estack"] == layout.carves[0].origin + layout.carves[0].length <= only(layout).extent[0]
    assert qemu("netduinoplus2", elf) == 0


def test_a_second_solution_from_the_same_measurement_is_the_same(cmsis: Built) -> None:
    firmware, vendor = cmsis
    text = [render(vendor, firmware.placed(vendor)[1]) for _ in range(2)]
    assert text[0] == text[1]


def test_a_short_flash_is_used_although_bss_would_claim_it(cubemx: Built, tmp_path: Path) -> None:
    firmware, _ = cubemx
    text = (DATA / "cubemx_style.ld").read_text()
    start, end = text.index("  _siccmram"), text.index("  . = ALIGN(4);\n  .bss")
    small = tmp_path / "small.ld"  # without .ccmram in between, .bss inherits a load address from .data
    small.write_text((text[:start] + text[end:]).replace("LENGTH = 1024K", "LENGTH = 8K"))
    vendor = read_vendor_script(small)
    seen = firmware.measured(vendor)
    use = next(use for use in seen.host if use.region == "FLASH")
    assert use.claiming == (".bss", "._user_heap_stack") and use.hole != use.file_hole
    elf, layout = firmware.placed(vendor, code=seen.sandbox("codec").code + 2048)
    assert layout.in_place == use.claiming and len(flat_binary(elf)) < 8192
    assert "  .bss : AT(ADDR(.bss))\n" in render(vendor, layout)
    assert qemu("netduinoplus2", elf) == 0
    with pytest.raises(LayoutError, match=r"a host segment claims the load addresses .* needs AT\(ADDR"):
        check_linked(firmware.link(render(vendor, replace(layout, in_place=())), "claimed"), layout)


# -- what goes wrong --


def test_code_that_outgrew_its_room_does_not_link(cmsis: Built) -> None:
    firmware, vendor = cmsis
    _, layout = firmware.placed(vendor)
    box = only(layout)
    tight = replace(box, slots_start=box.code_start + 256, code_end=box.code_start + 288)
    with pytest.raises(AssertionError, match="ringfence: sandbox codec: its code outgrew the 288 bytes"):
        firmware.link(render(vendor, replace(layout, sandboxes=(tight,))), "tight")


def test_data_that_are_aligned_more_strictly_than_laid_out_do_not_link(cmsis: Built) -> None:
    firmware, vendor = cmsis
    _, layout = firmware.placed(vendor)
    skewed = replace(only(layout), bss_start=only(layout).bss_start + 8)
    with pytest.raises(AssertionError, match="sandbox codec: its bss must be aligned more strictly"):
        firmware.link(render(vendor, replace(layout, sandboxes=(skewed,))), "skewed")


def test_a_section_without_a_place_does_not_link(cmsis: Built, tmp_path: Path) -> None:
    firmware, vendor = cmsis
    odd = tmp_path / "odd.c"
    odd.write_text('__attribute__((section(".ringfence.codecodd"))) int odd = 1; int *__rf_odd(void) { return &odd; }')
    run("arm-none-eabi-gcc", "-mcpu=cortex-m3", "-c", odd, "-o", tmp_path / "odd.o")
    run("arm-none-eabi-ld", "-r", tmp_path / "codec.o", tmp_path / "odd.o", "-o", tmp_path / "both.o")
    (tmp_path / "both.o").replace(tmp_path / "codec.o")
    # --gc-sections would drop an unused section, which is harmless; this one is referred to.
    text = render(vendor, measuring_layout(vendor, ["codec"])) + "\nEXTERN(__rf_odd)\n"
    with pytest.raises(AssertionError, match=r"an input section of a sandbox has no place"):
        firmware.link(text, "odd")


def test_a_host_section_at_a_fixed_address_in_the_carved_ram_is_found(cmsis: Built, tmp_path: Path) -> None:
    firmware, vendor = cmsis
    _, layout = firmware.placed(vendor)
    fixed = "SECTIONS { .fixed 0x20000100 (NOLOAD) : { . = . + 16; } }\n"
    elf = firmware.link(render(vendor, layout) + fixed, "fixed")
    with pytest.raises(LayoutError, match=r"the host's section \.fixed at 0x20000100 overlaps a sandbox"):
        check_linked(elf, layout)


def test_a_stack_top_that_was_carved_away_is_found(cubemx: Built) -> None:
    firmware, vendor = cubemx
    vendor = replace(vendor, fixed=(FixedAddress(".noinit", 0x20000000, "x"),))
    _, layout = firmware.placed(vendor)
    text = render(vendor, layout).replace("_estack = ORIGIN(RAM) + LENGTH(RAM);", "_estack = 0x20020000;")
    with pytest.raises(LayoutError, match=r"the initial stack pointer \(vector 0\) is 0x20020000"):
        check_linked(firmware.link(text, "literal"), layout)


def test_a_heap_limit_inside_a_window_is_found(cmsis: Built) -> None:
    firmware, vendor = cmsis
    _, layout = firmware.placed(vendor)
    text = render(vendor, layout) + "__HeapLimit = __rf_codec_window_base + 64;\n"
    with pytest.raises(LayoutError, match=r"__HeapLimit is 0x20010040, which belongs to a sandbox now"):
        check_linked(firmware.link(text, "heap"), layout)


@pytest.mark.parametrize(("page", "message"), [("4", "the ELF header would be loaded"), ("65536", "segments overlap")])
def test_other_page_sizes_are_noticed(cubemx_two: Built, page: str, message: str) -> None:
    firmware, vendor = cubemx_two
    _, layout = firmware.placed(vendor)
    elf = firmware.link(render(vendor, layout), "pages", f"-Wl,-z,max-page-size={page}")
    with pytest.raises(LayoutError, match=message):
        check_linked(elf, layout)


def test_measuring_something_that_is_no_elf_is_one_clear_error(tmp_path: Path) -> None:
    vendor = read_vendor_script(DATA / "cubemx_style.ld")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "garbage").write_bytes(b"\x7fELF" + bytes(range(60)))
    for name in ("missing", "empty", "garbage"):
        with pytest.raises(LayoutError, match=name):
            measure(tmp_path / name, vendor)


# -- what is measured --


def test_host_use_is_measured_with_heap_stack_and_the_top_of_ram(either: Built) -> None:
    firmware, vendor = either
    use = {use.region: use for use in firmware.measured(vendor).host}
    assert use["FLASH"].code and use["FLASH"].loaded and not use["RAM"].loaded and use["RAM"].ram
    reserve = 0x600 if vendor.path.name.startswith("cubemx") else 0x1800
    assert 4096 + 4 + reserve <= use["RAM"].need < 4096 + reserve + 64
    assert use["FLASH"].file_hole is not None and use["FLASH"].file_hole[0] < use["FLASH"].file_hole[1]


def test_the_hosts_strictest_alignment_is_measured_and_kept(cmsis: Built) -> None:
    firmware, vendor = cmsis
    elf, layout = replace(firmware, defines=(*firmware.defines, "HOST_ALIGN=512")).placed(vendor)
    assert layout.carves[0].origin % 512 == 0
    before, after = sections(firmware.folder / "measuring.elf"), sections(elf)
    assert before[".bss"][0] - before[".data"][0] == after[".bss"][0] - after[".data"][0]


def test_sandbox_sizes_are_measured_with_their_alignment(either: Built) -> None:
    firmware, vendor = either
    sizes = firmware.measured(vendor).sandbox("codec")
    assert sizes.bss_align == 32 and sizes.code > 500 and sizes.data > 4 and sizes.const > 8
    with pytest.raises(LayoutError, match="the link contains nothing of sandbox other"):
        firmware.measured(vendor).sandbox("other")


def test_a_host_that_needs_too_much_ram_is_reported_with_numbers(cubemx: Built) -> None:
    firmware, vendor = cubemx
    seen = firmware.measured(vendor)
    needs = seen.sandbox("codec").needs(heap=100 * 1024, region="RAM", stack=1024)
    with pytest.raises(LayoutError, match=r"(?s)bytes are missing.*codec: heap 100K.*it fits with heap="):
        solve(LayoutRequest(vendor.regions, seen.host, (needs,)))
