"""Builds test firmware with sandboxes through the whole of Ringfence, certified, and runs it in QEMU.

Unlike rig.py, which tests gates around code that is not rewritten. The board's files are those of the examples.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ringfence.toolchain.build import FirmwareRequest, build_firmware
from ringfence.toolchain.close import SandboxInput
from ringfence.toolchain.gates import RUNTIME_DIR, generate
from ringfence.toolchain.gcc import Toolchain
from ringfence.toolchain.link import HostInput
from ringfence.toolchain.policy import aliases_of
from ringfence.toolchain.spec import SandboxSpec
from support.toolchain import run

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BOARD = EXAMPLES / "board"
RTOS = EXAMPLES / "rtos"
DEVICE = Path(__file__).parent / "device"
_FLAGS = ["-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror", "-ffunction-sections", "-fdata-sections"]
_LINK = ("--specs=nano.specs", "-nostartfiles", "-Wl,--gc-sections")
_BOARD_SOURCES = tuple(BOARD / f"{name}.c" for name in ("startup", "board", "syscalls"))


@dataclass(frozen=True)
class Core:
    """What the compiler is told of a processor, QEMU's board that has it, and the part whose aliases of RAM are known."""

    flags: tuple[str, ...]
    machine: str
    part: str | None


M3 = Core(("-mcpu=cortex-m3", "-mthumb"), "mps2-an385", "mps2-an385")
M4F = Core(("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"), "mps2-an386", "mps2-an386")
M7 = Core(("-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-d16"), "mps2-an500", None)


@dataclass(frozen=True)
class Box:
    """A sandbox and its sources; `defines` for the compiler, such as "NAME=one"."""

    spec: SandboxSpec
    sources: tuple[Path, ...]
    defines: tuple[str, ...] = ()


def build(
    folder: Path, boxes: Sequence[Box], host: Sequence[Path], *, optimise: str = "-O2",
    runtime_defines: Sequence[str] = (), core: Core = M3,
) -> Path:
    """fw.elf in `folder`, certified, with policy, map and certificate beside it. RingfenceError if it is refused.

    `runtime_defines` are for the compilation of Ringfence's runtime alone.
    """
    tools = Toolchain.find("arm-none-eabi-gcc", core.flags)
    for box in boxes:
        for name, text in generate(box.spec).files().items():
            if name.endswith(".h"):
                (folder / name).write_text(text)
    inputs = tuple(SandboxInput(b.spec, tuple(_compile(folder, s, b.spec.name, (*core.flags, optimise), b.defines) for s in b.sources))
                   for b in boxes)
    objects = tuple(_compile(folder, s, "host", (*core.flags, optimise), ()) for s in (*host, *_BOARD_SOURCES))
    tools = replace(tools, cpu_flags=(*tools.cpu_flags, *(f"-D{d}" for d in runtime_defines)))
    request = FirmwareRequest(folder / "fw.elf", tools, HostInput(objects, BOARD / "mps2_an385.ld", _LINK), inputs,
                              aliases=aliases_of(core.part))
    build_firmware(request, folder / "work")
    return folder / "fw.elf"


def _compile(folder: Path, source: Path, owner: str, flags: Sequence[str], defines: Sequence[str]) -> Path:
    output = folder / f"{owner}-{source.name}.o"
    includes = [f"-I{path}" for path in (folder, RUNTIME_DIR, BOARD, DEVICE, RTOS)]
    run("arm-none-eabi-gcc", *flags, *_FLAGS, *includes, *(f"-D{d}" for d in defines), "-c", source, "-o", output)
    return output


def qemu(elf: Path, arguments: str, *options: str, machine: str = M3.machine, timeout: float = 60) -> list[str]:
    """The lines that the firmware prints, given words on its command line; it must end with status 0 and "done"."""
    config = ",".join(["enable=on", "target=native", *(f"arg={word}" for word in ("fw", *arguments.split()))])
    done = subprocess.run(
        ["qemu-system-arm", "-M", machine, "-icount", "shift=6", "-nographic", "-monitor", "none", "-serial", "none",
         *options, "-semihosting-config", config, "-kernel", str(elf)],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 0, f"exit {done.returncode}: {lines}"
    assert lines[-1] == "done", lines
    return lines


def values(lines: Sequence[str]) -> dict[str, int]:
    """All `key=number` lines."""
    return {k: int(v, 0) for k, _, v in (line.partition("=") for line in lines) if v}
