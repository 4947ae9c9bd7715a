"""The GNU cross tools as found on this machine: where they are, and how to run one and report its failure."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.image import read_elf
from ringfence.toolchain.target import SAME, Target, target_of

DEFAULT_COMPILER = "arm-none-eabi-gcc"
_INSTALL = "install it (Debian: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi) or put it on PATH"


@dataclass(frozen=True)
class Toolchain:
    """A compiler driver with its binutils, and the flags that choose the core (`-mcpu=`, `-mthumb`, `-mfloat-abi=`)."""

    compiler: str
    objcopy: str
    nm: str
    cpu_flags: tuple[str, ...]
    target: Target

    @classmethod
    def find(cls, compiler: str, cpu_flags: Sequence[str], path: str | None = None) -> Toolchain:
        """Locate `compiler` (a name or a path) and its objcopy; `path` replaces $PATH.

        RingfenceError when one is missing or when the flags choose a core that is not supported.
        """
        found = _which(compiler, path)
        name = Path(found).name
        for driver in ("gcc", "g++", "cc", "c++"):
            stem, match, _ = name.rpartition(driver)
            if match and stem.endswith("-"):
                objcopy, nm = (_sibling(found, stem + tool, path) for tool in ("objcopy", "gcc-nm"))
                flags = core_flags(cpu_flags)
                target = target_of_flags(found, flags)
                if not target.fpu:  # -mfpu= means nothing to the compiler then, but the assembler would note it
                    flags = [f for f in flags if not f.startswith("-mfpu=")]
                return cls(found, objcopy, nm, tuple(flags), target)
        raise RingfenceError(f"the compiler {compiler!r} is not a GNU Arm cross compiler",
                             f"use {DEFAULT_COMPILER} or another PREFIX-gcc")

    def compile(self, source: Path, output: Path, flags: Sequence[str] = ()) -> Path:
        """Compile one C or assembly file with the core's flags."""
        run([self.compiler, *self.cpu_flags, *flags, "-c", str(source), "-o", str(output)], f"compiling {source.name}")
        return output

    def check_agrees(self, flags: Sequence[str], what: str) -> None:
        """RingfenceError if further flags, which come after the core's, choose another target; `what` names them."""
        more = core_flags(flags)
        other = target_of_flags(self.compiler, [*self.cpu_flags, *more]) if more else self.target
        if other != self.target:
            said = f"the firmware's flags say {self.target}"
            raise RingfenceError(f"{what} {' '.join(more)} choose {other}; {said}", SAME)


def core_flags(flags: Sequence[str]) -> list[str]:
    """Those of a compiler's flags that decide which core and ABI the code is for."""
    wanted = ("-mcpu=", "-march=", "-mfpu=", "-mfloat-abi=", "-mtune=")
    return [f for f in flags if f.startswith(wanted) or f in ("-mthumb", "-mlittle-endian", "-mbig-endian")]


def target_of_flags(compiler: str, flags: Sequence[str]) -> Target:
    """What the compiler makes code for with these flags, asked with an empty file.

    RingfenceError where the flags choose no core, or one that Ringfence does not know.
    """
    if "-mbig-endian" in flags:
        raise RingfenceError("-mbig-endian: only little-endian firmware is supported")
    if not any(f.startswith(("-mcpu=", "-march=")) for f in flags):
        raise RingfenceError("the compiler flags do not say which core the firmware is for",
                             'give for example CCFLAGS=["-mcpu=cortex-m3", "-mthumb"]')
    what = f"code compiled with {' '.join(flags)}"
    with tempfile.TemporaryDirectory(prefix="ringfence-") as folder:
        source, output = Path(folder) / "empty.c", Path(folder) / "empty.o"
        source.write_text("")
        run([compiler, *flags, "-c", str(source), "-o", str(output)], f"checking the flags {' '.join(flags)}")
        return target_of(read_elf(output, what))


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
