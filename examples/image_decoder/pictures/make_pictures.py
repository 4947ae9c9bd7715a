"""Draws the two committed test pictures, pattern.png and pattern.jpg, next to this file (needs Pillow).

The pictures are committed, so that a build does not depend on the versions of zlib and libjpeg in Pillow.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 56, 48  # not multiples of the 16 pixels of a JPEG block: the edges are decoded too
HERE = Path(__file__).parent


def draw_pattern() -> Image.Image:
    """A colour gradient with shapes: smooth areas and sharp edges, as a photograph has."""
    picture = Image.new("RGB", (WIDTH, HEIGHT))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            picture.putpixel((x, y), (4 * x, 5 * y, (x * y) % 256))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((8, 8, 40, 40), fill=(250, 210, 40), outline=(10, 10, 10))
    draw.rectangle((28, 26, 50, 42), fill=(30, 90, 200))
    draw.line((0, HEIGHT - 1, WIDTH - 1, 0), fill=(255, 255, 255), width=2)
    return picture


def main() -> None:
    """Write both files."""
    pattern = draw_pattern()
    pattern.save(HERE / "pattern.png", optimize=True)
    pattern.save(HERE / "pattern.jpg", quality=85, subsampling="4:2:0")


if __name__ == "__main__":
    main()
