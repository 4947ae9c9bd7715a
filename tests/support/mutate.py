"""Mutants of sandbox code: small damage of the kinds that a broken rewriter, or an attacker, would do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from elftools.elf.elffile import ELFFile


@dataclass(frozen=True)
class Mutant:
    """A changed ELF and what was changed."""

    what: str
    elf: bytes


def file_offset(elf: bytes, address: int) -> int:
    """Where the byte loaded at `address` lies in the file."""
    for segment in ELFFile(BytesIO(elf)).iter_segments("PT_LOAD"):
        if segment["p_vaddr"] <= address < segment["p_vaddr"] + segment["p_filesz"]:
            return int(segment["p_offset"] + address - segment["p_vaddr"])
    raise ValueError(f"{address:#x} is not loaded")


def instructions(code: bytes, start: int) -> list[tuple[int, int]]:
    """(address, size) of a straight decoding of the bytes at `start`; data decodes as whatever it looks like."""
    found, at = [], 0
    while at + 2 <= len(code):
        wide = code[at + 1] >> 3 in (0b11101, 0b11110, 0b11111) and at + 4 <= len(code)
        found.append((start + at, 4 if wide else 2))
        at += found[-1][1]
    return found


def mutants(elf: bytes, start: int, end: int, seed: int, count: int) -> Iterator[Mutant]:
    """`count` random mutants of the code in [start, end)."""
    rng = random.Random(seed)
    first = file_offset(elf, start)
    code = instructions(elf[first : first + end - start], start)
    sizes = dict(code)
    nop = {2: b"\x00\xbf", 4: b"\xaf\xf3\x00\x80"}
    for _ in range(count):
        address, size = rng.choice(code)
        kind = rng.choice(["flip", "flip", "flip", "drop", "swap", "register", "random"])
        at = first + address - start
        old = elf[at : at + size]
        if kind == "flip":
            bit = rng.randrange(8 * size)
            new = (int.from_bytes(old, "little") ^ 1 << bit).to_bytes(size, "little")
        elif kind == "drop":
            new = nop[size]
        elif kind == "swap":
            follower = sizes.get(address + size)
            if follower is None:
                continue
            new = elf[at + size : at + size + follower] + old
        elif kind == "register":
            shift = rng.choice([0, 3, 6]) if size == 2 else rng.choice([0, 24, 28])
            new = (int.from_bytes(old, "little") ^ rng.randrange(1, 8) << shift).to_bytes(size, "little")
        else:
            new = rng.randbytes(size)
        yield Mutant(f"{kind} at {address:#x}: {old.hex()} -> {new.hex()}", elf[:at] + new + elf[at + len(new) :])
