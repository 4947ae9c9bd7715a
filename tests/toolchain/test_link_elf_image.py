"""Reading ELF files for the link steps: what is seen, and what is refused. Program headers state what is programmed."""

from __future__ import annotations

import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.image import ElfFile, read_elf, read_linked
from ringfence.toolchain.segments import load_only_bytes
from support.small_firmware import CPU, LINK_FLAGS, write_files

PT_LOAD = 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = write_files(tmp_path_factory.mktemp("elf"))
    for command in (
        ["-O1", "-c", "main.c", "box.c"],
        [*LINK_FLAGS, "-Wl,--emit-relocs", "-Tvendor.ld", "main.o", "box.o", "-o", "fw.elf"],
    ):
        subprocess.run(["arm-none-eabi-gcc", *CPU, *command], cwd=made, check=True)
    return made


@pytest.fixture(scope="module")
def linked(folder: Path) -> ElfFile:
    return read_linked(folder / "fw.elf")


def test_symbols_and_sections_are_those_of_nm(folder: Path, linked: ElfFile) -> None:
    text = subprocess.run(["arm-none-eabi-nm", "fw.elf"], cwd=folder, check=True, capture_output=True, text=True).stdout
    listed = {row[2]: int(row[0], 16) for row in map(str.split, text.splitlines()) if len(row) == 3}
    mine = {s.name: s.value & ~1 if s.type == "FUNC" else s.value for s in linked.symbols if s.name in listed}
    assert mine.keys() == listed.keys()
    assert mine == listed


def test_references_name_the_place_and_the_symbol(linked: ElfFile) -> None:
    table = next(s for s in linked.symbols if s.name == "vectors")
    found = {r.symbol for r in linked.references_in(table.value, table.value + table.size)}
    assert {"_estack", "Reset_Handler"} <= found
    assert linked.word(table.value + 4) == linked.globals["Reset_Handler"].value


def test_a_place_is_given_the_name_of_its_function(linked: ElfFile) -> None:
    handler = linked.globals["Reset_Handler"]
    assert linked.function_at(".text", handler.value + 5) == "Reset_Handler"
    assert linked.function_at(".text", 0x3FFFFF) is None


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_damage_to_the_headers_escapes_as_another_exception(folder: Path, data: st.DataObject) -> None:
    elf = bytearray((folder / "fw.elf").read_bytes())
    tables = [range(52), range(len(elf) - struct.unpack_from("<H", elf, 48)[0] * 40, len(elf))]
    for _ in range(data.draw(st.integers(1, 4))):
        elf[data.draw(st.sampled_from(data.draw(st.sampled_from(tables))))] = data.draw(st.integers(0, 255))
    try:
        read_linked(bytes(elf)).references  # noqa: B018  computed when asked for
    except RingfenceError as error:
        assert "Traceback" not in str(error)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3000))
def test_a_truncated_file_is_refused(folder: Path, cut: int) -> None:
    elf = (folder / "fw.elf").read_bytes()
    with pytest.raises(RingfenceError):
        read_elf(elf[: len(elf) - 1 - cut * 7])


def program_headers(elf: bytes) -> list[tuple[int, ...]]:
    offset, size, count = struct.unpack_from("<28xI10xHH", elf)
    return [struct.unpack_from("<8I", elf, offset + i * size) for i in range(count)]


def test_only_segments_with_bytes_are_loaded_and_no_two_are_programmed_to_one_place(folder: Path) -> None:
    elf = (folder / "fw.elf").read_bytes()
    before = [h for h in program_headers(elf) if h[0] == PT_LOAD]
    after = [h for h in program_headers(load_only_bytes(elf)) if h[0] == PT_LOAD]
    assert any(h[4] < h[5] for h in before), "the test needs a segment with .bss"
    ranges = sorted((h[3], h[3] + h[5]) for h in after)
    assert all(end <= start for (_, end), (start, _) in pairwise(ranges))
    assert [h[:5] for h in after] == [h[:5] for h in before]
    assert len(load_only_bytes(elf)) == len(elf)


def test_a_segment_without_bytes_is_not_loaded(folder: Path) -> None:
    elf = bytearray((folder / "fw.elf").read_bytes())
    offset, size = struct.unpack_from("<28xI10xH", elf)
    last = offset + (len(program_headers(bytes(elf))) - 1) * size
    struct.pack_into("<I", elf, last + 16, 0)  # p_filesz
    loads = [h for h in program_headers(bytes(elf)) if h[0] == PT_LOAD]
    kept = [h for h in program_headers(load_only_bytes(bytes(elf))) if h[0] == PT_LOAD]
    assert len(kept) == len(loads) - 1
    assert all(h[4] for h in kept)
