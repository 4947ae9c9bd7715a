"""Builds each example once, into the folder that `make demo` uses too, and runs firmware in QEMU."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples"))  # where emulator.py is

from attack_suite import build  # noqa: E402  (the path above must come first)
from emulator import Build, scons  # noqa: E402


@pytest.fixture(scope="session")
def image_decoder() -> Path:
    """The folder with the image decoder's built firmware; fails with what SCons said."""
    return _built("image_decoder", ".") / "build"


@pytest.fixture(scope="session")
def plain() -> Path:
    """The attacks without a sandbox."""
    return _attacks("-O2") / "plain.elf"


@pytest.fixture(scope="session")
def mask() -> Path:
    """The attacks in a sandbox that redirects stray stores."""
    return _attacks("-O2") / "mask.elf"


@pytest.fixture(scope="session")
def trap() -> Path:
    """The attacks in a sandbox that stops at stray stores."""
    return _attacks("-O2") / "trap.elf"


@pytest.fixture(scope="session")
def unoptimised() -> Path:
    """The folder of the attacks compiled with -O0."""
    return _attacks("-O0")


@pytest.fixture(scope="session")
def car() -> Path:
    """The folder with the car's built firmware."""
    return _built("car", ".") / "build"


@pytest.fixture(scope="session")
def rtos() -> Path:
    """The folder with the RTOS example's built firmware."""
    return _built("rtos", ".") / "build"


def _attacks(level: str) -> Path:
    try:
        return build(level)
    except SystemExit as error:
        pytest.fail(str(error), pytrace=False)


def _built(example: str, target: str) -> Path:
    built: Build = scons(example, target)
    if built.status != 0:
        pytest.fail(f"examples/{example} does not build:\n{built.output}", pytrace=False)
    return ROOT / "examples" / example / target
