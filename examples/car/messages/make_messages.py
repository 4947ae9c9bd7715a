"""Draws the animation, and makes the hostile messages: `python make_messages.py`. The results are in the repository.

The hostile ones exploit stb_image as Debian 12 ships it:

letter.txt  is no GIF, so that the rows of a null pointer are swapped (CVE-2023-45667);
deep.gif    has an LZW dictionary in which each entry extends the one before, and stbi__out_gif_code recurses once for
            each: some 4,000 frames deep;
slow.gif    has a shorter chain and repeats its last entry, after the picture is full: each code costs the whole chain.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
SIDE = 24
FRAMES = 3
COLOURS = [(16, 24, 48), (240, 200, 40), (220, 60, 40), (250, 250, 250)]
CODE_BITS = 2  # of a pixel
CLEAR, END, FIRST_FREE = 4, 5, 6
MOST_CODES = 4095
DEEP, SLOW_DEPTH, SLOW_CODES = 3900, 24, 3800


def packed(codes: Iterable[tuple[int, int]]) -> bytes:
    """(code, bits) pairs as GIF packs them: least significant bit first, in blocks of at most 255 bytes."""
    value = bits = 0
    for code, width in codes:
        value |= code << bits
        bits += width
    data = value.to_bytes((bits + 7) // 8, "little")
    blocks = [data[i : i + 255] for i in range(0, len(data), 255)]
    return b"".join(bytes([len(b)]) + b for b in blocks) + b"\0"


class Widths:
    """How many bits the next code has: the decoder's count of dictionary entries decides."""

    def __init__(self) -> None:
        self.available, self.bits, self.first = FIRST_FREE, CODE_BITS + 1, True

    def take(self, code: int) -> tuple[int, int]:
        """The code with its width; then the decoder adds an entry, unless it is the first after a clear code."""
        used = self.bits
        if not self.first:
            self.available += 1
        self.first = False
        if self.available == 1 << self.bits and self.available <= MOST_CODES:
            self.bits += 1
        return code, used


def plain_codes(pixels: list[int]) -> list[tuple[int, int]]:
    """Pixels without compression: the dictionary is cleared before its codes would need more bits."""
    codes = []
    for i, pixel in enumerate(pixels):
        if i % 2 == 0:
            codes.append((CLEAR, CODE_BITS + 1))
        codes.append((pixel, CODE_BITS + 1))
    return [*codes, (END, CODE_BITS + 1)]


def chain_codes(depth: int, repeats: int) -> list[tuple[int, int]]:
    """One pixel, then entries of which each extends the one before; then the last one again and again."""
    widths = Widths()
    codes = [(CLEAR, CODE_BITS + 1), widths.take(1)]
    for entry in range(FIRST_FREE, FIRST_FREE + depth):
        codes.append(widths.take(entry))
    codes += [widths.take(FIRST_FREE + depth - 1) for _ in range(repeats)]
    return [*codes, (END, widths.bits)]


def gif(frames: list[list[tuple[int, int]]]) -> bytes:
    """A GIF89a of SIDE x SIDE pixels (specification: CompuServe, 1990)."""
    out = b"GIF89a" + struct.pack("<HHBBB", SIDE, SIDE, 0x80 | CODE_BITS - 1, 0, 0)
    out += b"".join(bytes(c) for c in COLOURS)
    for codes in frames:
        out += b"\x21\xf9\x04" + struct.pack("<BHB", 4, 10, 0) + b"\0"  # delay 100 ms, leave the frame
        out += b"\x2c" + struct.pack("<HHHHB", 0, 0, SIDE, SIDE, 0) + bytes([CODE_BITS]) + packed(codes)
    return out + b"\x3b"


def drawing(phase: int) -> list[int]:
    """A wheel that turns, on a striped ground."""
    pixels = []
    for y in range(SIDE):
        for x in range(SIDE):
            dx, dy = 2 * x - SIDE + 1, 2 * y - SIDE + 1
            inside = dx * dx + dy * dy < SIDE * SIDE
            spoke = (dx * (phase - 1) + dy * (FRAMES - phase)) ** 2 < 60
            pixels.append((3 if spoke else 1) if inside else 2 * ((x + y + phase) // 4 % 2))
    return pixels


def main() -> None:
    """Write all files."""
    (HERE / "logo.gif").write_bytes(gif([plain_codes(drawing(i)) for i in range(FRAMES)]))
    (HERE / "letter.txt").write_text("Dear car, this is not an animation.\n")
    (HERE / "deep.gif").write_bytes(gif([chain_codes(DEEP, 0)]))
    (HERE / "slow.gif").write_bytes(gif([chain_codes(SLOW_DEPTH, SLOW_CODES)]))


if __name__ == "__main__":
    main()
