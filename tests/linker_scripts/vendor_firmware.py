"""Real links for the linker-script tests: a small host program and closed sandbox objects, made by the real toolchain."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from ringfence.linker_scripts import (
    LINK_FLAGS,
    Layout,
    LayoutRequest,
    Measurement,
    VendorScript,
    check_linked,
    measure,
    measuring_layout,
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

    def link(self, text: str, name: str, *flags: str) -> Path:
        script, elf = self.folder / f"{name}.ld", self.folder / f"{name}.elf"
        script.write_text(text)
        run(
            "arm-none-eabi-gcc", *FLAGS, *(f"-D{word}" for word in self.defines), "-nostartfiles", f"-T{script}",
            "-Wl,--gc-sections,--emit-relocs", *(flags or LINK_FLAGS), DATA / "host.c",
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


def qemu(machine: str, elf: Path) -> int:
    """Exit code of the program: 0 when the host found everything as expected."""
    done = subprocess.run(
        ["qemu-system-arm", "-M", machine, "-nographic", "-monitor", "none", "-serial", "none",
         "-semihosting-config", "enable=on,target=native", "-kernel", str(elf)],
        capture_output=True, timeout=30, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode


def sections(elf: Path) -> dict[str, tuple[int, int, int]]:
    """(run address, load address, size) of each allocated section, as objdump reads them."""
    rows = [line.split() for line in run("arm-none-eabi-objdump", "-hw", elf).splitlines()]
    return {
        row[1]: (int(row[3], 16), int(row[4], 16), int(row[2], 16)) for row in rows if "ALLOC," in row or "ALLOC" in row
    }


def load_segments(elf: Path) -> list[tuple[int, int, int, int]]:
    """(run address, load address, bytes in the file, bytes in memory) of each PT_LOAD, as readelf reads them."""
    rows = [line.split() for line in run("arm-none-eabi-readelf", "-lW", elf).splitlines()]
    return [tuple(int(cell, 16) for cell in row[2:6]) for row in rows if row[:1] == ["LOAD"]]  # type: ignore[misc]


def symbols(elf: Path) -> dict[str, int]:
    rows = [line.split() for line in run("arm-none-eabi-nm", elf).splitlines()]
    return {row[2]: int(row[0], 16) for row in rows if len(row) == 3}
