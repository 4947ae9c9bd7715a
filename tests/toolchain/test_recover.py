"""What is recovered from a linked ELF: everything that is reached, nothing else, and nothing by guessing."""

from __future__ import annotations

import dataclasses

import pytest

from ringfence.toolchain.elffile import LinkedElf
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.insn import Insn
from ringfence.toolchain.program import Program, Table, Word
from ringfence.toolchain.recover import Recovered, recover
from ringfence.toolchain.request import RoomNeeded
from ringfence.toolchain.rewrite import rewrite
from support import rewriter_lab as lab

SOURCE = """
extern void out(int);
static int one(int n) { return n + 1; }
static int two(int n) { return n + 2; }
int (*table[4])(int) = {one, two, one, two};
void (*volatile import)(int) = out;
__attribute__((used)) int unreached(int n) { return n * 77; }
int run(int n) { if (n > 100) n = unreached(n); import(n); return table[n & 3](n); }
"""


def recovered(image: lab.Image) -> Recovered:
    return recover(LinkedElf(image.elf), image.request)


def programmed(source: str, level: str = "-O2") -> Program:
    return recovered(lab.build(source, level)).program


def names(program: Program) -> set[str]:
    return {function.name for function in program.entries.values()}


def test_pointers_to_one_function_share_a_slot_and_imports_have_one_too() -> None:
    found = recovered(lab.build(SOURCE, "-O0"))
    assert len(found.program.slots) == 3
    assert lab.OUT in {slot.address for slot in found.program.slots}
    assert len(found.pointers) == 5
    assert {label.tag for label in found.pointers.values()} == {"slot"}


def test_slots_hold_branches_to_the_functions_and_the_rest_traps() -> None:
    image = lab.build(SOURCE, "-O0")
    result = lab.rewritten(image)
    slots = LinkedElf(result.elf).read(lab.SLOTS, lab.SLOT_BYTES)
    assert slots[12:] == bytes.fromhex("f3de") * ((lab.SLOT_BYTES - 12) // 2)
    assert all(slots[n + 1] >> 3 == 0b11110 and slots[n + 3] & 0xD0 == 0x90 for n in (0, 4, 8))


def test_pointers_in_data_point_to_slots_afterwards() -> None:
    image = lab.build(SOURCE, "-O0")
    result = lab.rewritten(image)
    for where in recovered(image).pointers:
        value = LinkedElf(result.elf).word(where)
        assert value & 1
        assert lab.SLOTS <= value < lab.SLOTS + 12


def test_code_that_nothing_reaches_is_left_out() -> None:
    source = """
    int run(int n) { return n; }
    __attribute__((section(".text.run"), used)) static int spare(int n) { return n * 3; }"""
    program = programmed(source)
    assert names(program) == {"__rf_t_export_run"}


def test_the_host_refers_to_entries_only_by_the_descriptor() -> None:
    image = lab.build(SOURCE)
    found = recovered(image)
    assert [label.address for label in found.entries.values()] == [image.request.exports["run"] & ~1]
    result = lab.rewritten(image)
    assert [LinkedElf(result.elf).word(where) for where in found.entries] == [result.exports["t"]["run"]]


def test_other_references_from_the_host_are_refused() -> None:
    image = lab.build(SOURCE)
    request = dataclasses.replace(image.request, exports={})
    with pytest.raises(RingfenceError, match="the host refers to '__rf_t_export_run' inside sandbox t"):
        recover(LinkedElf(image.elf), request)


def test_an_export_must_be_a_function() -> None:
    image = lab.build(SOURCE)
    exports = {**image.request.exports, "other": image.request.exports["run"] + 2}
    with pytest.raises(RingfenceError, match=r"export other at .* is not a function"):
        recover(LinkedElf(image.elf), dataclasses.replace(image.request, exports=exports))


def test_switches_become_tables_of_labels() -> None:
    source = """
    extern void out(int);
    int run(int n) { switch (n) { case 0: out(1); break; case 1: out(5); break; case 2: out(9); out(3); break;
    case 3: n = 7; break; case 4: out(n); out(4); break; case 5: return 3; case 6: out(8); } return n; }"""
    for level, width in (("-O2", 1), ("-O0", 4)):
        tables = [item.body for item in programmed(source, level).items if isinstance(item.body, Table)]
        assert [(table.width, len(table.targets)) for table in tables] == [(width, 7)]


def test_literals_are_words_and_their_loads_know_the_value() -> None:
    program = programmed("int run(int n) { return n ^ 0x12345678; }", "-O1")
    loads = [i.insn for i in program.items if i.insn is not None and i.insn.kind == "literal"]
    assert [load.value for load in loads if load is not None] == [0x12345678]
    assert [item.body for item in program.items if isinstance(item.body, Word)] == [Word(0x12345678)]


def test_it_blocks_become_conditions() -> None:
    program = programmed("int run(int n) { return n > 5 ? n * 3 : -1; }")
    insns = [item.body for item in program.items if isinstance(item.body, Insn)]
    assert not any(insn.name.startswith("it") for insn in insns)
    assert any(insn.conditional and insn.kind == "plain" for insn in insns)


def test_every_item_comes_from_its_original_address() -> None:
    image = lab.build(SOURCE)
    elf = LinkedElf(image.elf)
    for item in recovered(image).program.items:
        if item.insn is not None and item.insn.raw:
            assert elf.read(item.origin, len(item.insn.raw)) == item.insn.raw


def test_missing_room_is_reported_with_all_needs() -> None:
    image = lab.build(SOURCE)
    tight = dataclasses.replace(
        image.request,
        slots_start=lab.SLOTS,
        slots_end=lab.SLOTS + 4,
        code_end=lab.SLOTS + 4,
        code_start=image.request.code_start,
    )
    with pytest.raises(RoomNeeded, match="needs 3 slots and has 1") as caught:
        rewrite(image.elf, [tight])
    assert caught.value.needs["t"].slots == 3
    assert caught.value.needs["t"].code_bytes > 20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window_size": 0x3000}, "not a power of two"),
        ({"window_base": 0x20041000}, "not aligned to its size"),
        ({"slots_end": 0x60000 + 48}, "slot table's size is not a power of two"),
        ({"mode": "other"}, "unknown mode"),
    ],
)
def test_a_bad_request_is_refused(change: dict[str, object], message: str) -> None:
    image = lab.build(SOURCE)
    with pytest.raises(RingfenceError, match=message):
        rewrite(image.elf, [dataclasses.replace(image.request, **change)])


@pytest.mark.parametrize("size", [0, 3, 20, 51, 200, 5000])
def test_a_truncated_elf_is_refused(size: int) -> None:
    with pytest.raises(RingfenceError, match=r"not a readable ELF|truncated|no symbol table|no relocations"):
        LinkedElf(lab.build(SOURCE).elf[:size])


def test_elfs_of_other_kinds_are_refused() -> None:
    elf = bytearray(lab.build(SOURCE).elf)
    for place, value in ((4, 2), (5, 2), (18, 3), (16, 1)):
        changed = bytearray(elf)
        changed[place] = value
        with pytest.raises(RingfenceError):
            LinkedElf(bytes(changed))
