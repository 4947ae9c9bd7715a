"""Builds an example with SCons and runs firmware in QEMU, for the demo and for the tests."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent

# One instruction takes 2^6 ns, so that timers count instructions exactly (facts: 25 MHz timer, 40 ns a tick).
_MACHINE = ("qemu-system-arm", "-M", "mps2-an385", "-icount", "shift=6", "-nographic", "-monitor", "none",
            "-serial", "none")


@dataclass(frozen=True)
class Run:
    """What a firmware printed, line by line, and its exit status."""

    lines: tuple[str, ...]
    status: int


@dataclass(frozen=True)
class Build:
    """What SCons printed, and its exit status."""

    output: str
    status: int


def run_firmware(elf: Path, arguments: Sequence[str] = (), timeout: float = 60) -> Run:
    """Run `elf` on QEMU's MPS2 AN385 board; the first of `arguments` is the program's name, as usual.

    subprocess.TimeoutExpired when the firmware does not end within `timeout` seconds.
    """
    config = ["enable=on", "target=native", *(f"arg={a}" for a in arguments)]
    done = subprocess.run([*_MACHINE, "-semihosting-config", ",".join(config), "-kernel", str(elf)], text=True,
                          errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout, check=False)
    return Run(tuple(done.stdout.splitlines()), done.returncode)


def scons(example: str, *arguments: str) -> Build:
    """Run SCons in examples/`example`. Only one at a time: a second process waits, then finds everything built."""
    with (EXAMPLES / example / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run([sys.executable, "-m", "SCons", "-C", str(EXAMPLES / example), "-Q", *arguments],
                              text=True, errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
    return Build(done.stdout, done.returncode)
