"""Runs a firmware in QEMU with the counting plugin: exact counts for every instruction, of an unchanged program."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.programs import ROOT

_PLUGIN_SOURCE = ROOT / "tests" / "bench" / "harness" / "counts.c"
_MACHINE = ("qemu-system-arm", "-M", "mps2-an385", "-nographic", "-monitor", "none", "-serial", "none",
            "-semihosting-config", "enable=on,target=native")  # fmt: skip


class MeasureError(Exception):
    """A firmware did not run as it should."""


@dataclass(frozen=True)
class Executed:
    """One instruction: its bytes, how often it was executed, and how often control went elsewhere behind it."""

    raw: bytes
    times: int
    left: int


@dataclass(frozen=True)
class Counts:
    """What a run printed, and every instruction that it executed, by address."""

    output: tuple[str, ...]
    executed: dict[int, Executed]

    def inside(self, ranges: Iterable[tuple[int, int]]) -> dict[int, Executed]:
        spans = list(ranges)
        return {a: e for a, e in self.executed.items() if any(start <= a < end for start, end in spans)}

    def outside(self, ranges: Iterable[tuple[int, int]]) -> dict[int, Executed]:
        within = self.inside(ranges)
        return {a: e for a, e in self.executed.items() if a not in within}


def total(executed: dict[int, Executed]) -> int:
    return sum(e.times for e in executed.values())


def build_plugin(folder: Path) -> Path:
    """Compile the plugin with the machine's own compiler, unless it is there."""
    plugin = folder / "counts.so"
    if not plugin.exists() or plugin.stat().st_mtime < _PLUGIN_SOURCE.stat().st_mtime:
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", str(plugin), str(_PLUGIN_SOURCE)], check=True)
    return plugin


def run_counted(elf: Path, plugin: Path, extra: Iterable[str] = ()) -> Counts:
    """Run until the firmware exits. MeasureError if it fails or does not end within two minutes."""
    counts = elf.with_suffix(".counts")
    counts.unlink(missing_ok=True)
    command = [*_MACHINE, *extra, "-plugin", f"{plugin},out={counts}", "-kernel", str(elf)]
    try:
        done = subprocess.run(command, text=True, errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120, check=False)
    except subprocess.TimeoutExpired as error:
        raise MeasureError(f"{elf.name} did not end") from error
    if done.returncode or not counts.exists():
        raise MeasureError(f"{elf} ended with status {done.returncode}: {done.stdout[-500:]}")
    return Counts(tuple(done.stdout.splitlines()), _read(counts))


def _read(path: Path) -> dict[int, Executed]:
    result = {}
    for line in path.read_text().splitlines():
        address, raw, times, left = line.split()
        result[int(address, 16)] = Executed(bytes.fromhex(raw), int(times), int(left))
    return result
