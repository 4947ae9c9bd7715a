"""Real links for the linker-script tests: a small host program and closed sandbox objects, made by the real toolchain."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from ringfence.linker_scripts import (
    LINK_FLAGS,
    Layout,
    LayoutRequest,
    Measurement,
    VendorScript,
    check_linked,
    measure,
    measuring_layout,
    read_vendor_script,
    render,
    solve,
)

DATA = Path(__file__).parent / "data"
FLAGS = ["-mcpu=cortex-m3", "-mthumb", "-O2", "-ffunction-sections", "-fdata-sections", "--specs=nano.specs"]
INNER = ("heap_start", "heap_end")


def run(*command: str | Path) -> str:
    """Output of a command that has to succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def closed_object(folder: Path, name: str) -> Path:
    """data/box.c with private copies of what it uses from newlib, its sections and symbols named as sandbox `name`."""
    source, joined, closed = folder / f"{name}.c.o", folder / f"{name}.joined.o", folder / f"{name}.o"
    run("arm-none-eabi-gcc", *FLAGS, "-c", DATA / "box.c", "-o", source)
    run(
        "arm-none-eabi-gcc", *FLAGS, "-r", "-nostdlib", "-Wl,--gc-sections,-d,--force-group-allocation,-u,work,-e,work",
        source, "-Wl,--start-group", "-lc_nano", "-lgcc", "-Wl,--end-group", "-o", joined,
    )  # fmt: skip
    renamed = {"work": "export_work", "twice": "import_twice"} | {f"__ringfence_{word}": word for word in INNER}
    run(
        "arm-none-eabi-objcopy", f"--prefix-alloc-sections=.ringfence.{name}",
        f"--keep-global-symbol=__rf_{name}_export_work",
        *(f"--redefine-sym={old}=__rf_{name}_{new}" for old, new in renamed.items()), joined, closed,
    )  # fmt: skip
    return closed


@dataclass(frozen=True)
class Firmware:
    """A host with sandboxes, ready to be linked with any script."""

    folder: Path
    names: tuple[str, ...]
    defines: tuple[str, ...]

    def link(self, text: str, name: str) -> Path:
        script, elf = self.folder / f"{name}.ld", self.folder / f"{name}.elf"
        script.write_text(text)
        run(
            "arm-none-eabi-gcc", *FLAGS, *(f"-D{word}" for word in self.defines), "-nostartfiles", f"-T{script}",
            "-Wl,--gc-sections,--emit-relocs", *LINK_FLAGS, DATA / "host.c",
            *(self.folder / f"{box}.o" for box in self.names), "-o", elf,
        )  # fmt: skip
        return elf

    def measured(self, vendor: VendorScript) -> Measurement:
        return measure(self.link(render(vendor, measuring_layout(vendor, self.names)), "measuring"), vendor)

    def placed(self, vendor: VendorScript, **needs: int | str | None) -> tuple[Path, Layout]:
        """Two links: the ELF file and its layout, checked as the build checks it."""
        seen = self.measured(vendor)
        extra = {"stack": 1024, "heap": 4096, "slots": 32} | needs
        boxes = []
        for name in self.names:
            sizes = seen.sandbox(name)
            boxes.append(sizes.needs(**({"code": sizes.code + 500} | extra)))
        layout = solve(LayoutRequest(vendor.regions, seen.host, tuple(boxes), vendor.fixed))
        elf = self.link(render(vendor, layout), "placed")
        check_linked(elf, layout)
        return elf, layout


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
def cmsis_two(objects: Path, tmp_path: Path) -> tuple[Firmware, VendorScript]:
    return firmware(objects, tmp_path, ("codec", "filter"), "CMSIS_STYLE"), read_vendor_script(DATA / "cmsis_style.ld")


def qemu(machine: str, elf: Path) -> int:
    """Exit code of the program: 0 when the host found everything as expected."""
    done = subprocess.run(
        ["qemu-system-arm", "-M", machine, "-nographic", "-monitor", "none", "-serial", "none",
         "-semihosting-config", "enable=on,target=native", "-kernel", str(elf)],
        capture_output=True, timeout=30, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode
