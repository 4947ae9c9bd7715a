"""The image reader takes only what a loader and a flash programmer would agree on."""

from __future__ import annotations

import struct

import pytest

from ringfence.verify.kernel.image import read_image
from ringfence.verify.kernel.rejected import Rejected


def elf(
    *segments: tuple[int, int, bytes, int], ident: bytes = b"\x01\x01\x01", kind: int = 2, machine: int = 40
) -> bytes:
    """An ELF with PT_LOADs given as (address, load address, bytes, size in memory)."""
    offset = 52 + 32 * len(segments)
    header = struct.pack(
        "<16sHHIIIIIHHHHHH", b"\x7fELF" + ident, kind, machine, 1, 0, 52, 0, 0x5000200, 52, 32, len(segments), 40, 0, 0
    )
    programs, body = b"", b""
    for address, load, data, size in segments:
        programs += struct.pack("<8I", 1, offset + len(body), address, load, len(data), size, 5, 4)
        body += data
    return header + programs + body


GOOD = (0x10000, 0x10000, b"abcd", 4)


def test_bytes_are_found_at_their_run_address() -> None:
    image = read_image(elf(GOOD, (0x20000000, 0x10004, b"data", 8)))
    assert image.read(0x10001, 2) == b"bc"
    assert image.read(0x20000000, 4) == b"data"
    assert image.read(0x20000004, 1) is None  # zero-initialised memory is not a fact
    assert image.read(0x10003, 2) is None
    assert image.read(0x10004, 4) is None


def test_the_digest_covers_addresses_sizes_and_bytes() -> None:
    variants = [
        (0x10000, 0x10000, b"abcd", 4),
        (0x10000, 0x10000, b"abce", 4),
        (0x10004, 0x10000, b"abcd", 4),
        (0x10000, 0x10004, b"abcd", 4),
        (0x10000, 0x10000, b"abcd", 8),
        (0x10000, 0x10000, b"abc", 4),
    ]
    assert len({read_image(elf(v)).sha256() for v in variants}) == len(variants)


@pytest.mark.parametrize(
    "data",
    {
        "nothing": b"",
        "garbage": b"\x00" * 100,
        "header only": elf(GOOD)[:52],
        "truncated segment": elf(GOOD)[:-1],
        "big endian": elf(GOOD, ident=b"\x01\x02\x01"),
        "64 bit": elf(GOOD, ident=b"\x02\x01\x01"),
        "relocatable": elf(GOOD, kind=1),
        "not ARM": elf(GOOD, machine=3),
        "no segment": elf(),
        "only empty segments": elf((0, 0, b"", 0)),
        "more in the file than in memory": elf((0x10000, 0x10000, b"abcd", 2)),
        "bytes in the file for no memory": elf(GOOD, (0x10000, 0x10000, b"evil", 0)),  # some programmers write them
        "number of segments elsewhere": elf(GOOD)[:44] + b"\xff\xff" + elf(GOOD)[46:] + b"\0" * (32 << 16),
        "wraps": elf((0xFFFFFFFC, 0, b"abcd", 8)),
        "load address wraps": elf((0, 0xFFFFFFFC, b"abcd", 8)),
        "overlap at run addresses": elf(GOOD, (0x10002, 0x20000, b"xy", 2)),
        "overlap at load addresses": elf(GOOD, (0x20000000, 0x10002, b"xy", 2)),
        "overlap of zero-initialised memory": elf((0x10000, 0x10000, b"abcd", 64), (0x10010, 0x30000, b"xy", 2)),
        "two contents at one address": elf(GOOD, GOOD),
    }.items(),
    ids=lambda item: item[0],
)
def test_refused(data: tuple[str, bytes]) -> None:
    with pytest.raises(Rejected):
        read_image(data[1])


def with_section(data: bytes, address: int, content: bytes, *, kind: int = 1, flags: int = 2, number: int = 1) -> bytes:
    """The file with one section header more, whose content lies behind everything else."""
    header = struct.pack("<10I", 0, kind, flags, address, len(data), len(content), 0, 0, 4, 0)
    start = len(data) + len(content)
    return (
        data[:32]
        + struct.pack("<I", start)
        + data[36:46]
        + struct.pack("<HH", 40, number)
        + data[50:]
        + content
        + header
    )


def test_sections_that_repeat_what_segments_load_are_accepted() -> None:
    assert read_image(with_section(elf(GOOD), 0x10001, b"bc"))
    assert read_image(with_section(elf(GOOD), 0, b"debug information", flags=0))
    assert read_image(with_section(elf(GOOD), 0x20000000, b"12345678", kind=8))  # SHT_NOBITS


@pytest.mark.parametrize(
    ("data", "rule"),
    {
        "other bytes than the segment": (with_section(elf(GOOD), 0x10000, b"evil"), "segments"),
        "bytes where no segment is": (with_section(elf(GOOD), 0x20000, b"evil"), "segments"),
        "bytes behind a segment's end": (with_section(elf(GOOD), 0x10002, b"cd!!"), "segments"),
        "headers outside the file": (with_section(elf(GOOD), 0x10000, b"abcd", number=2), "elf"),
        "number of sections elsewhere": (with_section(elf(GOOD), 0x10000, b"abcd", number=0), "elf"),
    }.values(),
)
def test_what_objcopy_would_program_must_be_what_is_checked(data: bytes, rule: str) -> None:
    """GNU objcopy and gdb take the sections' bytes; a certificate is for the segments'."""
    with pytest.raises(Rejected) as refused:
        read_image(data)
    assert refused.value.rule == rule
