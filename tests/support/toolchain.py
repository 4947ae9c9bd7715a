"""Running the real cross tools in tests."""

from __future__ import annotations

import subprocess
from pathlib import Path


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command that must succeed; its standard output."""
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def assemble_and_link(source: str, script: str, folder: Path, name: str = "case") -> bytes:
    """Assemble Thumb source for Cortex-M3, link it with a script, give the ELF's bytes."""
    assembly, obj, ld, elf = (folder / f"{name}{end}" for end in (".s", ".o", ".ld", ".elf"))
    assembly.write_text(source)
    ld.write_text(script)
    run("arm-none-eabi-as", "-mcpu=cortex-m3", "-mthumb", "-o", obj, assembly)
    run("arm-none-eabi-ld", "--no-warn-rwx-segments", "-T", ld, "-o", elf, obj)
    return elf.read_bytes()
