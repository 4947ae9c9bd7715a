"""Builds each example once, into the folder that `make demo` uses too, and runs firmware in QEMU."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples"))  # where emulator.py is

from emulator import Build, scons  # noqa: E402  (the path above must come first)


@pytest.fixture(scope="session")
def image_decoder() -> Path:
    """The folder with the image decoder's built firmware; fails with what SCons said."""
    return _built("image_decoder")


@pytest.fixture(scope="session")
def attacks() -> Path:
    """The folder with plain.elf, mask.elf and trap.elf; fails with what SCons said."""
    return _built("attacks")


def _built(example: str) -> Path:
    build: Build = scons(example)
    if build.status != 0:
        pytest.fail(f"examples/{example} does not build:\n{build.output}", pytrace=False)
    return ROOT / "examples" / example / "build"
