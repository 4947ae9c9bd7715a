"""Fixtures of the link tests: closed sandbox objects once per session, a host with one or two of them per test."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from ringfence.linker_scripts import VendorScript, read_vendor_script

sys.path.insert(0, str(Path(__file__).parent))

from vendor_firmware import DATA, Firmware, closed_object


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the closed objects of two sandboxes, codec.o and filter.o."""
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.fail("arm-none-eabi-gcc is not installed")
    folder = tmp_path_factory.mktemp("closed")
    for name in ("codec", "filter"):
        closed_object(folder, name)
    return folder


def firmware(objects: Path, folder: Path, names: tuple[str, ...], *defines: str) -> Firmware:
    for name in names:
        shutil.copy(objects / f"{name}.o", folder)
    return Firmware(folder, names, (*defines, *(["TWO"] if len(names) > 1 else [])))


@pytest.fixture
def cubemx(objects: Path, tmp_path: Path) -> tuple[Firmware, VendorScript]:
    return firmware(objects, tmp_path, ("codec",)), read_vendor_script(DATA / "cubemx_style.ld")


@pytest.fixture
def cmsis(objects: Path, tmp_path: Path) -> tuple[Firmware, VendorScript]:
    return firmware(objects, tmp_path, ("codec",), "CMSIS_STYLE"), read_vendor_script(DATA / "cmsis_style.ld")


@pytest.fixture
def cubemx_two(objects: Path, tmp_path: Path) -> tuple[Firmware, VendorScript]:
    return firmware(objects, tmp_path, ("codec", "filter")), read_vendor_script(DATA / "cubemx_style.ld")


@pytest.fixture
def cmsis_two(objects: Path, tmp_path: Path) -> tuple[Firmware, VendorScript]:
    return firmware(objects, tmp_path, ("codec", "filter"), "CMSIS_STYLE"), read_vendor_script(DATA / "cmsis_style.ld")
