"""The layout solver: golden layouts for real parts, what does not fit, and properties of every layout."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ringfence.linker_scripts import (
    FixedAddress,
    Layout,
    LayoutError,
    LayoutRequest,
    Region,
    RegionUse,
    SandboxNeeds,
    solve,
)
from ringfence.linker_scripts.solve import _slots_behind

K = 1024
RAM_AT = 0x20000000
FLASH_AT = 0x08000000


def flash(size: int, used: int) -> tuple[Region, RegionUse]:
    hole = (FLASH_AT + used, FLASH_AT + size)
    return Region("FLASH", FLASH_AT, size, "rx"), RegionUse("FLASH", used, 8, hole, hole, loaded=True, code=True)


def ram(size: int, need: int, name: str = "RAM", origin: int = RAM_AT) -> tuple[Region, RegionUse]:
    return Region(name, origin, size, "xrw"), RegionUse(name, need, ram=need > 0)


def request(parts: list[tuple[Region, RegionUse]], *boxes: SandboxNeeds, **more: object) -> LayoutRequest:
    regions = tuple(region for region, _ in parts)
    return LayoutRequest(regions, tuple(use for _, use in parts), boxes, **more)  # type: ignore[arg-type]


def box(name: str = "codec", **more: object) -> SandboxNeeds:
    plain = SandboxNeeds(name, code=12 * K, const=K, slots=64, data=100, bss=200, heap=2 * K, stack=K)
    return replace(plain, **more)  # type: ignore[arg-type]


def ram_numbers(layout: Layout, name: str = "codec") -> tuple[int, ...]:
    """Window, stack and shadow of a sandbox, then the host's RAM."""
    found, carve = layout.sandbox(name), layout.carves[0]
    return (
        found.window_base, found.window_end, found.stack_low, found.stack_high, found.shadow_low, found.shadow_high,
        carve.origin, carve.length,
    )  # fmt: skip


# -- golden layouts --


def test_stm32f103c8_20k_of_ram_keeps_its_stack_top() -> None:
    layout = solve(request([flash(64 * K, 20000), ram(20 * K, 6000)], box()))
    assert ram_numbers(layout) == (
        0x20001000, 0x20002000, 0x20001BC0, 0x20001FC0, 0x20002108, 0x20002508, 0x20002548, 0x2AB8,
    )  # fmt: skip
    assert layout.host_ram == ((0x20002548, 0x20005000),)


def test_stm32f103c8_without_slack_below_loses_half_as_much() -> None:
    layout = solve(request([flash(64 * K, 20000), ram(20 * K, 6000)], box(slack_below_min=0)))
    assert layout.sandbox("codec").slack_below == 0
    assert ram_numbers(layout)[:2] == (0x20000000, 0x20001000)
    assert layout.host_ram == ((0x20001548, 0x20005000),)


def test_stm32f103c8_flash_addresses() -> None:
    found = solve(request([flash(64 * K, 20001), ram(20 * K, 6000)], box())).sandbox("codec")
    assert (found.code_start, found.slots_start, found.code_end) == (0x08004E28, 0x08007E80, 0x08007EC0)
    assert (found.const_start, found.const_end, found.data_load, found.load_end) == (
        0x08007EC0, 0x080082C0, 0x080082C0, 0x08008324,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "slots", "expected"),
    [
        (0x7E40, 64, 0x7E80),  # 0b1111110010 does not fit eight bits, 0b11111101 does
        (0x08007E40, 64, 0x08007E80),  # whatever the region
        (0x7E80, 64, 0x7E80),
        (0x12345, 256, 0x12400),
        (0x2028, 8, 0x2040),
        (0x101004, 4, 0x101004),  # the next such place is too far away
        (0x7E44, 0, 0x7E44),  # no table
    ],
)
def test_the_pointer_table_begins_where_its_address_is_cheap_to_form(code: int, slots: int, expected: int) -> None:
    assert _slots_behind(code, slots) == expected


def test_32k_part_with_a_16k_window() -> None:
    layout = solve(request([flash(128 * K, 30 * K), ram(32 * K, 5 * K)], box(window=16 * K, slack_below=0)))
    assert ram_numbers(layout) == (
        0x20000000, 0x20004000, 0x20003BC0, 0x20003FC0, 0x20004108, 0x20004508, 0x20004548, 0x3AB8,
    )  # fmt: skip
    assert layout.sandbox("codec").heap_end - layout.sandbox("codec").heap_start == 14928  # all that is left over


def test_64k_part_with_a_16k_heap_has_no_room_for_slack_on_both_sides_of_a_32k_window() -> None:
    parts = [flash(256 * K, 60 * K), ram(64 * K, 20 * K)]
    assert ram_numbers(solve(request(parts, box(heap=16 * K, slack_below_min=0)))) == (
        0x20000000, 0x20008000, 0x20007BC0, 0x20007FC0, 0x20008108, 0x20008508, 0x20008548, 0x7AB8,
    )  # fmt: skip
    with pytest.raises(LayoutError) as caught:
        solve(request(parts, box(heap=16 * K)))
    assert "in region RAM (64K at 0x20000000) 1288 bytes are missing" in str(caught.value)
    assert "codec needs a window of 32K at a multiple of its size, with 256 bytes below and 1288" in str(caught.value)
    assert str(caught.value.hint).startswith("it fits with slack_below=0:")


def test_stm32f407_uses_its_main_ram_first() -> None:
    parts = [flash(1024 * K, 60 * K), ram(64 * K, 0, "CCMRAM", 0x10000000), ram(128 * K, 30 * K)]
    layout = solve(request(parts, box(heap=24 * K, stack=2 * K)))
    assert ram_numbers(layout) == (
        0x20008000, 0x20010000, 0x2000F7C0, 0x2000FFC0, 0x20010108, 0x20010908, 0x20010948, 0xF6B8,
    )  # fmt: skip
    assert layout.ram == ("CCMRAM", "RAM")


def test_stm32f407_puts_into_ccm_what_the_main_ram_cannot_spare() -> None:
    parts = [flash(1024 * K, 60 * K), ram(64 * K, 0, "CCMRAM", 0x10000000), ram(128 * K, 100 * K)]
    layout = solve(request(parts, box(heap=8 * K)))
    assert layout.sandbox("codec").region == "CCMRAM"
    assert layout.sandbox("codec").window_base == 0x10004000
    assert [carve.region for carve in layout.carves] == ["CCMRAM"]


def test_split_ram_takes_two_sandboxes_one_in_each_bank() -> None:
    parts = [flash(256 * K, K), ram(16 * K, 6 * K, "RAM1", 0x10000000), ram(16 * K, 5 * K, "RAM2")]
    layout = solve(request(parts, box("a", slack_below=0), box("b", slack_below=0)))
    assert {b.region for b in layout.sandboxes} == {"RAM1", "RAM2"}


def test_a_large_part_gets_the_window_with_the_cheapest_guard() -> None:
    layout = solve(request([flash(4096 * K, K), ram(4096 * K, 8 * K)], box()))
    assert (layout.sandbox("codec").window_base, layout.sandbox("codec").window_size) == (0x20010000, 0x10000)


def test_two_sandboxes_share_one_region_without_waste_between_them() -> None:
    layout = solve(request([flash(256 * K, K), ram(128 * K, 30 * K)], box("a"), box("b", heap=10 * K)))
    a, b = layout.sandbox("a"), layout.sandbox("b")
    assert (a.window_base, a.window_size, b.window_base, b.window_size) == (0x20001000, 4 * K, 0x20004000, 16 * K)
    assert b.code_start >= a.load_end
    assert layout.regions[1].end == RAM_AT + 128 * K


# -- which end, which region --


def test_a_stack_top_written_as_a_number_stays_with_the_host() -> None:
    fixed = (FixedAddress("_estack", RAM_AT + 20 * K, "v.ld:1"),)
    layout = solve(request([flash(64 * K, K), ram(20 * K, 4 * K)], box(), fixed=fixed))
    assert layout.carves[0].at == "bottom"


def test_a_number_at_the_bottom_makes_it_carve_at_the_top() -> None:
    fixed = (FixedAddress(".noinit", RAM_AT, "v.ld:9"),)
    layout = solve(request([flash(64 * K, K), ram(20 * K, 4 * K)], box(), fixed=fixed))
    assert layout.carves[0].at == "top"
    assert layout.host_ram[0][0] == RAM_AT


def test_numbers_at_both_ends_are_an_error_that_names_them() -> None:
    fixed = (FixedAddress(".noinit", RAM_AT, "v.ld:9"), FixedAddress("_estack", RAM_AT + 20 * K, "v.ld:1"))
    with pytest.raises(LayoutError, match=r"(?s)it cannot be carved.*(_estack|\.noinit) is written as the number"):
        solve(request([flash(64 * K, K), ram(20 * K, 4 * K)], box(), fixed=fixed))


def test_the_hosts_strictest_alignment_is_kept_at_its_new_origin() -> None:
    parts = [flash(64 * K, K), (Region("RAM", RAM_AT, 64 * K, "rw"), RegionUse("RAM", 4 * K, 512, ram=True))]
    assert solve(request(parts, box())).carves[0].origin % 512 == 0


def test_region_overrides_are_obeyed() -> None:
    parts = [flash(64 * K, K), ram(64 * K, K), ram(64 * K, 0, "CCM", 0x10000000), ram(64 * K, 0, "SRAM2", 0x2001C000)]
    parts += [(Region("FLASH2", 0x08100000, 64 * K, "rx"), RegionUse("FLASH2", 0))]
    found = solve(request(parts, box(region="SRAM2", code_region="FLASH2"))).sandbox("codec")
    assert (found.region, found.code_region, found.code_start) == ("SRAM2", "FLASH2", 0x08100000)


def test_flash_that_is_declared_writable_is_not_taken_for_ram() -> None:
    region, use = flash(256 * K, K)
    layout = solve(request([(replace(region, flags="rwx"), use), ram(64 * K, K)], box()))
    assert layout.sandbox("codec").region == "RAM"
    assert layout.ram == ("RAM",)


def test_a_reserve_for_the_host_is_kept_free() -> None:
    parts = [flash(64 * K, K), ram(20 * K, 4 * K)]
    solve(request(parts, box()))
    with pytest.raises(LayoutError, match="the host needs 16384 bytes"):
        solve(request(parts, box(), host_reserve=(("RAM", 12 * K),)))


# -- flash --


def test_code_goes_behind_the_host_even_if_it_claims_addresses_without_bytes() -> None:
    region, use = flash(64 * K, 8 * K)
    claimed = replace(use, hole=(FLASH_AT + 20 * K, region.end))
    layout = solve(request([(region, claimed), ram(64 * K, K)], box()))
    assert layout.sandbox("codec").code_start == FLASH_AT + 20 * K and layout.notes == ()


def test_a_short_flash_takes_the_claim_from_sections_without_bytes_and_says_so() -> None:
    region, use = flash(64 * K, 8 * K)
    claimed = replace(use, hole=(FLASH_AT + 60 * K, region.end), claiming=(".bss",))
    layout = solve(request([(region, claimed), ram(64 * K, K)], box()))
    assert layout.sandbox("codec").code_start == FLASH_AT + 8 * K
    assert layout.in_place == (".bss",) and "FLASH is short: .bss of the host" in layout.notes[0]


def test_code_that_does_not_fit_says_what_is_missing() -> None:
    with pytest.raises(LayoutError) as caught:
        solve(request([flash(64 * K, 60 * K), ram(64 * K, K)], box()))
    text = str(caught.value)
    assert "in region FLASH (64K at 0x08000000) 9380 bytes are missing" in text
    assert "codec: code 12K, const 1K, data 100 bytes, slots 64 bytes" in text


def test_no_code_of_the_host_means_that_the_code_region_must_be_named() -> None:
    with pytest.raises(LayoutError, match="no memory region holds code of the host"):
        solve(request([ram(64 * K, K)], box()))


def test_code_and_window_do_not_share_a_region() -> None:
    with pytest.raises(LayoutError, match="would hold both the code and the window of sandbox codec"):
        solve(request([flash(64 * K, K), ram(64 * K, K)], box(code_region="RAM")))


# -- what does not fit --


def test_a_heap_that_is_too_large_gets_the_largest_that_fits() -> None:
    with pytest.raises(LayoutError) as caught:
        solve(request([flash(64 * K, K), ram(20 * K, 6 * K)], box(heap=10 * K)))
    text = str(caught.value)
    assert "in region RAM (20K at 0x20000000) 13576 bytes are missing" in text
    assert "codec: heap 10K, stack 1K, bss 200 bytes, data 100 bytes" in text
    assert "it fits with heap=" in text and "window=8K for codec" in text
    assert "RAM: host 0x20" in text and "window 8K at 0x20" in text


def test_the_layout_that_a_failure_suggests_really_fits() -> None:
    parts = [flash(64 * K, K), ram(20 * K, 6 * K)]
    with pytest.raises(LayoutError) as caught:
        solve(request(parts, box(heap=10 * K)))
    words = caught.value.hint.split(":")[0]  # type: ignore[union-attr]
    heap = float(words.split("heap=")[1].split("K")[0])
    slack = 0 if "slack_below=0" in words else 256
    assert solve(request(parts, box(heap=int(heap * K), window=8 * K, slack_below=slack)))


def test_slack_below_is_what_the_hint_gives_up_first() -> None:
    parts = [flash(64 * K, K), ram(20 * K, 12 * K)]
    with pytest.raises(LayoutError, match="it fits with slack_below=0:"):
        solve(request(parts, box()))
    assert solve(request(parts, box(slack_below=0)))


def test_another_region_is_suggested_when_the_named_one_is_full() -> None:
    parts = [flash(64 * K, K), ram(16 * K, 14 * K), ram(64 * K, 0, "CCM", 0x10000000)]
    with pytest.raises(LayoutError, match=r"(?s)it fits with region= left to the solver.*CCM: codec 0x10000f00"):
        solve(request(parts, box(region="RAM")))


def test_a_hopeless_request_says_so() -> None:
    with pytest.raises(LayoutError, match="no smaller heap or window helps"):
        solve(request([flash(64 * K, K), ram(4 * K, 4 * K)], box()))


def test_a_declared_window_that_is_too_small_names_both_ways_out() -> None:
    with pytest.raises(LayoutError) as caught:
        solve(request([flash(64 * K, K), ram(64 * K, K)], box(window=2 * K)))
    assert "a window of 2K is 1" in str(caught.value) and "too small for heap 2K, stack 1K" in str(caught.value)
    assert caught.value.hint == "window=4K holds it; heap=592 bytes fits into 2K"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"window": 48 * K}, r"(?s)window is 49152 bytes, which is not a power of two.*32K and 64K"),
        ({"slots": 24}, "slots is 24 bytes, which is not a power of two"),
        ({"heap": -8}, "heap is negative"),
        ({"region": "SRAM9"}, r"(?s)region=SRAM9: no such memory region.*the script has: FLASH, RAM"),
        ({"code_region": "ROM"}, "code_region=ROM: no such memory region"),
        ({"slack_below_min": 512}, "slack_below_min is not between 0 and slack_below"),
    ],
)
def test_contradictory_needs_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        solve(request([flash(64 * K, K), ram(64 * K, K)], box(**wrong)))


def test_two_sandboxes_with_one_name_are_refused() -> None:
    with pytest.raises(LayoutError, match="two sandboxes are called codec"):
        solve(request([flash(64 * K, K), ram(64 * K, K)], box(), box()))


def test_a_script_without_ram_is_refused() -> None:
    with pytest.raises(LayoutError, match="no memory region of the linker script is RAM"):
        solve(request([flash(64 * K, K)], box()))


# -- properties --

BOXES = st.builds(
    lambda **fields: SandboxNeeds("", **fields),
    code=st.integers(0, 20000), const=st.integers(0, 3000), slots=st.sampled_from([0, 4, 64, 256]),
    data=st.integers(0, 500), bss=st.integers(0, 3000), heap=st.integers(0, 9000), stack=st.integers(40, 3000),
    window=st.sampled_from([None, None, 8 * K, 64 * K]), pad_low=st.integers(0, 70), pad_high=st.integers(0, 70),
    slack_below=st.integers(0, 300), slack_above=st.integers(0, 300), slack_below_min=st.just(0) | st.none(),
    data_align=st.sampled_from([4, 8, 32]), bss_align=st.sampled_from([4, 64]), const_align=st.sampled_from([4, 16]),
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> LayoutRequest:
    boxes = draw(st.lists(BOXES, min_size=1, max_size=3))
    named = [replace(needs, name=f"box{number}") for number, needs in enumerate(boxes)]
    odd = draw(st.sampled_from([0, 0x1000, 0x2348]))
    parts = [
        flash(draw(st.sampled_from([64, 256])) * K, draw(st.integers(100, 20000))),
        ram(draw(st.sampled_from([20, 32, 64, 256])) * K, draw(st.integers(0, 16000)), origin=RAM_AT + odd),
        ram(draw(st.sampled_from([16, 64])) * K, draw(st.integers(0, 4000)), "CCM", 0x10000000),
    ]
    align = draw(st.sampled_from([8, 256]))
    parts = [(region, replace(use, align=align)) for region, use in parts]
    fixed = draw(st.sampled_from([(), (FixedAddress("_estack", parts[1][0].end, "v.ld:1"),)]))
    return request(parts, *named, fixed=fixed)


def solved(wanted: LayoutRequest) -> Layout:
    try:
        return solve(wanted)
    except LayoutError:
        assume(False)
        raise


PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


@PROPERTY
@given(requests())
def test_no_two_ranges_overlap(wanted: LayoutRequest) -> None:
    layout = solved(wanted)
    ranges = [*layout.host_ram, *(box.extent for box in layout.sandboxes)]
    ranges += [(box.code_start, box.load_end) for box in layout.sandboxes]
    ranges += [(FLASH_AT, use.file_hole[0]) for use in wanted.host if use.file_hole]
    assert all(low[1] <= high[0] for low, high in pairwise(sorted(ranges)))


@PROPERTY
@given(requests())
def test_everything_lies_inside_its_region(wanted: LayoutRequest) -> None:
    layout = solved(wanted)
    regions = {region.name: region for region in wanted.regions}
    for found in layout.sandboxes:
        assert regions[found.region].contains(*found.extent)
        assert regions[found.code_region].contains(found.code_start, found.load_end)
    for carve in layout.carves:
        region = regions[carve.region]
        assert region.contains(carve.origin, carve.origin + carve.length)
        assert carve.length >= next(use.need for use in wanted.host if use.region == carve.region)


@PROPERTY
@given(requests())
def test_addresses_are_aligned_and_in_order(wanted: LayoutRequest) -> None:
    for needs, found in zip(wanted.sandboxes, solved(wanted).sandboxes, strict=True):
        size = found.window_size
        assert size & (size - 1) == 0 and found.window_base % size == 0
        assert found.slots_start % max(needs.slots, 4) == 0 and found.slots_end - found.slots_start == needs.slots
        assert all(a % 8 == 0 for a in (found.stack_low, found.stack_high, found.shadow_low, found.heap_start))
        assert found.data_start % needs.data_align == found.bss_start % needs.bss_align == 0
        assert found.window_base + needs.pad_low <= found.data_start <= found.data_end <= found.bss_start
        assert found.bss_end <= found.heap_start <= found.heap_end <= found.stack_low < found.stack_high
        assert found.stack_high + needs.pad_high <= found.window_end
        assert found.window_end + needs.slack_above <= found.shadow_low
        assert found.slots_start - found.code_start >= needs.code
        assert found.code_end <= found.const_start <= found.const_end <= found.data_load


@PROPERTY
@given(requests())
def test_sizes_are_what_was_asked_for_or_more(wanted: LayoutRequest) -> None:
    for needs, found in zip(wanted.sandboxes, solved(wanted).sandboxes, strict=True):
        assert found.stack_high - found.stack_low >= needs.stack
        assert found.shadow_high - found.shadow_low == found.stack_high - found.stack_low
        assert found.heap_end - found.heap_start >= needs.heap
        assert found.bss_end - found.bss_start >= needs.bss and found.data_end - found.data_start >= needs.data
        assert found.slack_below in {needs.slack_below, needs.slack_below_min}
        assert needs.window in {None, found.window_size}


@PROPERTY
@given(requests())
def test_fixed_stack_tops_stay_the_hosts(wanted: LayoutRequest) -> None:
    layout = solved(wanted)
    for fixed in wanted.fixed:
        assert any(start < fixed.address <= end for start, end in layout.host_ram)


@PROPERTY
@given(requests())
def test_the_same_request_gives_the_same_layout(wanted: LayoutRequest) -> None:
    assert solved(wanted) == solve(wanted)
