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
    return _built("image_decoder", ".") / "build"


@pytest.fixture(scope="session")
def plain() -> Path:
    """The attacks without a sandbox."""
    return _built("attacks", "build/plain.elf")


@pytest.fixture(scope="session")
def mask() -> Path:
    """The attacks in a sandbox that redirects stray stores."""
    return _built("attacks", "build/mask.elf")


@pytest.fixture(scope="session")
def trap() -> Path:
    """The attacks in a sandbox that stops at stray stores."""
    return _built("attacks", "build/trap.elf")


def _built(example: str, target: str) -> Path:
    build: Build = scons(example, target)
    if build.status != 0:
        pytest.fail(f"examples/{example} does not build:\n{build.output}", pytrace=False)
    return ROOT / "examples" / example / target
