"""Arithmetic of the rounds, and the policy that a layout becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.linker_scripts import Region
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.image import ElfFile, Section, Symbol
from ringfence.toolchain.place import (
    Reserve,
    auto_stack,
    check_declared_stacks,
    check_rewritten_host,
    check_same_host,
    slot_table_size,
)
from ringfence.toolchain.policy import aliases_of, is_ram
from ringfence.toolchain.rewrite import SandboxNeeds
from ringfence.toolchain.spec import EXCEPTION_ROOM, SandboxSpec

sizes = st.integers(0, 1 << 20)
needs = st.builds(SandboxNeeds, code_bytes=sizes, slots=st.integers(0, 5000), slack_below=st.integers(0, 4000),
                  slack_above=st.integers(0, 4000), stack=sizes, recursive=st.sampled_from([(), ("f",)]),
                  words=st.integers(0, 200))


def spec(**options: object) -> SandboxSpec:
    return SandboxSpec.from_options(name="box", exports=["f() -> int"], **options)  # type: ignore[arg-type]


@given(st.integers(0, 10_000))
def test_a_slot_table_is_a_power_of_two_that_holds_its_slots(slots: int) -> None:
    size = slot_table_size(slots)
    assert size & (size - 1) == 0
    assert 4 * slots <= size < max(16, 8 * slots)


@given(needs, needs)
def test_a_reserve_only_grows_and_suffices(one: SandboxNeeds, two: SandboxNeeds) -> None:
    start = Reserve(0, 8, 8, 8, 48, 1)
    first = start.grown(spec(), one, EXCEPTION_ROOM)
    second = first.grown(spec(), two, EXCEPTION_ROOM)
    for need, reserve in ((one, first), (one, second), (two, second)):
        assert reserve.code >= need.code_bytes
        assert reserve.slots >= 4 * need.slots
        assert reserve.slack_below >= need.slack_below
        assert reserve.slack_above >= need.slack_above
        assert reserve.stack >= need.stack + EXCEPTION_ROOM
        assert reserve.words >= max(need.words, 1)
        assert reserve.stack % 8 == reserve.slack_below % 8 == reserve.slack_above % 8 == 0


def test_recursion_gets_more_than_one_round_of_stack() -> None:
    plain, recursive = (SandboxNeeds(0, 0, 0, 0, 64, names) for names in ((), ("f",)))
    assert auto_stack(recursive, EXCEPTION_ROOM) > auto_stack(plain, EXCEPTION_ROOM) == 64 + EXCEPTION_ROOM


def test_a_declared_stack_is_kept_and_checked() -> None:
    need = SandboxNeeds(0, 0, 0, 0, 200, ())
    assert Reserve(0, 8, 8, 8, 512, 1).grown(spec(stack=512), need, EXCEPTION_ROOM).stack == 512
    check_declared_stacks([spec(stack=240)], {"box": need}, EXCEPTION_ROOM)
    with pytest.raises(RingfenceError, match=r"needs 240 bytes of stack.*stack= gives 232"):
        check_declared_stacks([spec(stack=232)], {"box": need}, EXCEPTION_ROOM)


def host(content: bytes, name: str = ".text", symbols: tuple[Symbol, ...] = (), relocated: int | None = None) -> ElfFile:
    """A linked file with one section at address 0, and perhaps a relocation against symbol 0."""
    sections = [Section(0, "", 0, 0, 0, 0, 0, 0), Section(1, name, 0, 0, len(content), 1, 6, 0)]
    data = content
    if relocated is not None:
        data += relocated.to_bytes(4, "little") + (2).to_bytes(4, "little")
        sections.append(Section(2, ".rel" + name, 0, len(content), 8, 9, 0, 1))
    return ElfFile("test", data, True, 0, tuple(sections), symbols)


GATE = Symbol("__rf_box_export_f", 1, 2, "FUNC", "GLOBAL", ".ringfence.box.code")
OTHER = Symbol("printf", 1, 2, "FUNC", "GLOBAL", ".text")


def test_host_bytes_may_differ_between_links_only_where_an_address_was_filled_in() -> None:
    check_same_host(host(b"abcd1111", symbols=(OTHER,), relocated=4), host(b"abcd2222", symbols=(OTHER,), relocated=4))
    with pytest.raises(RingfenceError, match=r"bytes changed.*\.text at 0x00000000"):
        check_same_host(host(b"abcd1111", symbols=(OTHER,), relocated=4),
                        host(b"Xbcd1111", symbols=(OTHER,), relocated=4))


def test_host_sections_may_not_change_size_between_links() -> None:
    with pytest.raises(RingfenceError, match="sections changed"):
        check_same_host(host(b"abcd"), host(b"abcd1111"))


def test_the_rewriter_may_change_host_words_that_hold_sandbox_addresses_only() -> None:
    check_rewritten_host(host(b"abcd1111", symbols=(GATE,), relocated=4), host(b"abcd2222", symbols=(GATE,), relocated=4))
    with pytest.raises(RingfenceError, match="by the rewriter"):
        check_rewritten_host(host(b"abcd1111", symbols=(OTHER,), relocated=4),
                             host(b"abcd2222", symbols=(OTHER,), relocated=4))


def test_sandbox_sections_are_free_to_change() -> None:
    check_same_host(host(b"abcd", ".ringfence.box.code"), host(b"efghijkl", ".ringfence.box.code"))


@pytest.mark.parametrize(("region", "expected"), [
    (Region("RAM", 0x20000000, 0x1000, "xrw"), True), (Region("CCMRAM", 0x10000000, 0x1000, "rw"), True),
    (Region("FLASH", 0x08000000, 0x1000, "rx"), False), (Region("ROM", 0x08000000, 0x1000, "rx!w"), False),
    (Region("FLASH", 0x08000000, 0x1000, ""), False), (Region("RAM", 0x20000000, 0x1000, ""), True),
    (Region("CODE", 0x00000000, 0x1000, "rwx"), False),
])
def test_ram_is_told_from_flash(region: Region, expected: bool) -> None:
    assert is_ram(region, {"CODE"}) is expected


def test_a_known_part_lists_its_mirrors_and_an_unknown_one_is_refused() -> None:
    assert aliases_of(None) == ()
    assert all(start < end <= 1 << 32 for part in ("mps2-an385", "STM32F4") for start, end, _ in aliases_of(part))
    with pytest.raises(RingfenceError, match="unknown part 'nope'"):
        aliases_of("nope")
