"""Build attributes are read as readelf reads them; other bytes give an error, never a crash or an endless loop."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.toolchain.attributes import CPU_ARCH, FP_ARCH, read_attributes
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.image import ElfFile, Section, read_elf
from ringfence.toolchain.target import target_of


def file_with(content: bytes) -> ElfFile:
    section = Section(1, ".ARM.attributes", 0, 0, len(content), 0x70000003, 0, 0)
    return ElfFile("test.o", content, False, 0, (section,), ())


def vendor(name: bytes, *parts: bytes) -> bytes:
    body = name + b"\0" + b"".join(parts)
    return struct.pack("<I", len(body) + 4) + body


def part(scope: int, pairs: bytes) -> bytes:
    return struct.pack("<BI", scope, len(pairs) + 5) + pairs


CORTEX_M4 = part(1, b"\x05" b"7E-M\0" b"\x06\x0d" b"\x07\x4d")


def test_a_compiled_file_has_what_readelf_shows(tmp_path: Path) -> None:
    output = tmp_path / "empty.o"
    subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-x", "c", "-c", "/dev/null",
                    "-o", output], check=True)
    shown = subprocess.run(["arm-none-eabi-readelf", "-A", output], check=True, capture_output=True, text=True).stdout
    found = read_attributes(read_elf(output))
    assert ("v7E-M" in shown, "VFPv4-D16" in shown) == (True, True)
    assert (found[CPU_ARCH], found[FP_ARCH]) == (13, 6)
    assert len(found) == shown.count("Tag_") - shown.count("Tag_CPU_name")


def test_other_vendors_and_scopes_are_passed_over() -> None:
    data = b"A" + vendor(b"ARM", part(1, b"\x06\x11")) + vendor(b"aeabi", part(2, b"\x06\x11"), CORTEX_M4)
    assert read_attributes(file_with(data)) == {6: 13, 7: 77}
    assert target_of(file_with(data)).arch == "armv7e-m"


def test_texts_and_long_numbers_are_stepped_over() -> None:
    pairs = b"\x20\x01gnu\0" b"\x41text\0" b"\x44\x81\x01" b"\x0a\x06"
    assert read_attributes(file_with(b"A" + vendor(b"aeabi", part(1, pairs)))) == {32: 1, 68: 129, 10: 6}


@pytest.mark.parametrize("data", [
    b"B", b"A\1", b"A\0\0\0\0", b"A\xff\0\0\0aeabi\0", b"A" + vendor(b"aeabi", b"\1\0\0\0\0"),
    b"A" + vendor(b"aeabi", part(1, b"\x06")), b"A" + vendor(b"aeabi", part(1, b"\x06" + b"\x80" * 20 + b"\1")),
    b"A" + vendor(b"aeabi", part(1, b"\x05endless")),
])
def test_malformed_attributes_are_refused(data: bytes) -> None:
    with pytest.raises(RingfenceError, match=r"test\.o: its \.ARM\.attributes cannot be read"):
        read_attributes(file_with(data))


@given(st.binary(max_size=60), st.integers(0, 60), st.binary(min_size=1, max_size=4))
def test_any_bytes_are_read_or_refused(noise: bytes, at: int, change: bytes) -> None:
    whole = b"A" + vendor(b"aeabi", CORTEX_M4, part(1, noise)) + vendor(b"gnu", noise)
    for data in (noise, whole[:at], whole[:at] + change + whole[at + len(change) :]):
        try:
            assert all(isinstance(n, int) for n in read_attributes(file_with(data)).values())
        except RingfenceError as error:
            assert error.hint


def test_a_file_that_does_not_say_its_core_is_refused() -> None:
    with pytest.raises(RingfenceError, match="does not say which core"):
        target_of(file_with(b""))
