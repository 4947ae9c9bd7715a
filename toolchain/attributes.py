"""The build attributes of an ELF file: what the compiler and the assembler say of the code in it.

"Addenda to, and Errata in, the ABI for the Arm Architecture" (ADDENDA32), 3.2: .ARM.attributes is 'A', then one
subsection per vendor; that of "aeabi" holds the public tags. Any bytes may be given: every length is checked.
"""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.image import ElfFile

CPU_ARCH, CPU_ARCH_PROFILE, FP_ARCH, ABI_FP_NUMBER_MODEL, ABI_HARDFP_USE, ABI_VFP_ARGS = 6, 7, 10, 23, 27, 28
_SECTION = ".ARM.attributes"
_VERSION, _VENDOR = b"A", b"aeabi"
_FILE_SCOPE = 1
_LONGEST = 63  # bits of a number
_COMPATIBILITY, _TEXTS = 32, (4, 5)  # a number and a text; above 32, odd tags have a text, even ones a number


def read_attributes(elf: ElfFile) -> dict[int, int]:
    """The numbers among the attributes that hold for the whole file, by tag; none if there is no such section.

    RingfenceError for a section that is not well-formed.
    """
    section = elf.section(_SECTION)
    data = elf.content(section) if section is not None else b""
    if not data:
        return {}
    try:
        if data[:1] != _VERSION:
            raise ValueError("unknown version")
        return {tag: value for vendor, body in _vendors(data[1:]) if vendor == _VENDOR
                for scope, part in _parts(body) if scope == _FILE_SCOPE for tag, value in _pairs(part)}
    except (ValueError, IndexError) as error:
        raise RingfenceError(f"{elf.what}: its {_SECTION} cannot be read: {error}",
                             "it says which core and FPU the code is for: compile the file again") from error


def _vendors(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and bodies of the vendors' subsections: u32 length, name, 0, body."""
    while data:
        size = _size(data, 0, 4)
        name, _, body = data[4:size].partition(b"\0")
        yield name, body
        data = data[size:]


def _parts(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Scopes and bodies in a subsection: tag, u32 length, body."""
    while body:
        scope, at = _number(body, 0)
        size = _size(body, at, at + 4)
        yield scope, body[at + 4 : size]
        body = body[size:]


def _pairs(part: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(part):
        tag, at = _number(part, at)
        if tag in _TEXTS or (tag > _COMPATIBILITY and tag % 2):
            at = part.index(b"\0", at) + 1
            continue
        value, at = _number(part, at)
        if tag == _COMPATIBILITY:
            at = part.index(b"\0", at) + 1
        yield tag, value


def _size(data: bytes, at: int, least: int) -> int:
    """The u32 at `at`, which counts from the start of `data` and must lie in [least, len(data)]."""
    size = int.from_bytes(data[at : at + 4], "little")
    if not least <= size <= len(data):
        raise ValueError("a length is wrong")
    return size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A ULEB128 number and the place behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > _LONGEST:
            raise ValueError("a number is too long")
