"""The GNU cross tools as found on this machine: where they are, and how to run one and report its failure."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ringfence.toolchain.errors import RingfenceError

DEFAULT_COMPILER = "arm-none-eabi-gcc"
SUPPORTED_CPUS = {"cortex-m3": "armv7-m"}
_SUPPORTED_ARCHITECTURES = {"armv7-m": "armv7-m"}
_INSTALL = "install it (Debian: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi) or put it on PATH"


@dataclass(frozen=True)
class Toolchain:
    """A compiler driver with its binutils, and the flags that choose the core (`-mcpu=`, `-mthumb`, `-mfloat-abi=`)."""

    compiler: str
    objcopy: str
    nm: str
    cpu_flags: tuple[str, ...]
    arch: str

    @classmethod
    def find(cls, compiler: str, cpu_flags: Sequence[str], path: str | None = None) -> Toolchain:
        """Locate `compiler` (a name or a path) and its objcopy; `path` replaces $PATH.

        RingfenceError when one is missing or when the flags choose a core that is not supported.
        """
        arch = architecture_of(cpu_flags)
        found = _which(compiler, path)
        name = Path(found).name
        for driver in ("gcc", "g++", "cc", "c++"):
            stem, match, _ = name.rpartition(driver)
            if match and stem.endswith("-"):
                objcopy, nm = (_sibling(found, stem + tool, path) for tool in ("objcopy", "gcc-nm"))
                return cls(found, objcopy, nm, tuple(core_flags(cpu_flags)), arch)
        raise RingfenceError(f"the compiler {compiler!r} is not a GNU Arm cross compiler",
                             f"use {DEFAULT_COMPILER} or another PREFIX-gcc")

    def compile(self, source: Path, output: Path, flags: Sequence[str] = ()) -> Path:
        """Compile one C or assembly file with the core's flags."""
        run([self.compiler, *self.cpu_flags, *flags, "-c", str(source), "-o", str(output)], f"compiling {source.name}")
        return output


def core_flags(flags: Sequence[str]) -> list[str]:
    """Those of a compiler's flags that decide which core and ABI the code is for."""
    wanted = ("-mcpu=", "-march=", "-mfpu=", "-mfloat-abi=", "-mtune=")
    return [f for f in flags if f.startswith(wanted) or f in ("-mthumb", "-mlittle-endian", "-mbig-endian")]


def architecture_of(flags: Sequence[str]) -> str:
    """The architecture's name in the policy for these flags; RingfenceError where Ringfence does not know the core."""
    if "-mbig-endian" in flags:
        raise RingfenceError("-mbig-endian: only little-endian firmware is supported")
    if any(f.startswith("-mfloat-abi=") and f != "-mfloat-abi=soft" for f in flags):
        raise RingfenceError("floating-point registers are not supported yet", "use -mfloat-abi=soft")
    for prefix, known in (("-mcpu=", SUPPORTED_CPUS), ("-march=", _SUPPORTED_ARCHITECTURES)):
        for flag in reversed(flags):
            if flag.startswith(prefix):
                name = flag[len(prefix) :].lower()
                if name not in known:
                    raise RingfenceError(f"{flag}: this core is not supported", "supported: " + ", ".join(known))
                return known[name]
    raise RingfenceError("the compiler flags do not say which core the firmware is for",
                         'give for example CCFLAGS=["-mcpu=cortex-m3", "-mthumb"]')


def run(command: Sequence[str], doing: str, cwd: Path | None = None) -> str:
    """Run a tool and return what it printed; RingfenceError with its messages when it fails."""
    try:
        done = subprocess.run(
            list(command), cwd=cwd, text=True, errors="replace", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )
    except OSError as error:
        raise RingfenceError(f"{doing}: cannot run {command[0]}: {error.strerror}", _INSTALL) from error
    if done.returncode:
        raise RingfenceError(f"{doing}: {Path(command[0]).name} failed\n{_tail(done.stdout)}")
    return done.stdout


def _which(program: str, path: str | None) -> str:
    found = shutil.which(program, path=path)
    if found is None:
        raise RingfenceError(f"the compiler {program!r} was not found", _INSTALL)
    return found


def _sibling(compiler: str, name: str, path: str | None) -> str:
    beside = shutil.which(str(Path(compiler).parent / name)) or shutil.which(name, path=path)
    if beside is None:
        raise RingfenceError(f"{name!r} was not found beside {compiler}", _INSTALL)
    return beside


def _tail(text: str, lines: int = 40) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])
