"""`make demo`: builds the image decoder with and without its sandbox, certifies it, runs both and compares them.

Ends with `demo: ok` and exit status 0 only if every step held.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from emulator import EXAMPLES, Run, run_firmware, scons

EXAMPLE = "image_decoder"
BUILD = EXAMPLES / EXAMPLE / "build"
PICTURES = ("png", "jpeg")
RAM_START = 0x20000000
PUBLISHED = ("firmware.elf", "firmware.bin", "firmware.hex", "firmware.policy.json", "firmware.cert.json.gz")


def fail(message: str) -> NoReturn:
    """Say what did not hold and end with exit status 1."""
    print(f"demo: FAILED: {message}")
    sys.exit(1)


def build() -> None:
    """Build both firmwares; the sandboxed one is published only if it is certified."""
    print("== scons: build, rewrite, verify, publish", flush=True)
    built = scons(EXAMPLE)
    print(built.output.rstrip())
    if built.status != 0:
        fail(f"scons ended with status {built.status}")
    missing = [name for name in PUBLISHED if not (BUILD / name).is_file()]
    if missing:
        fail(f"scons did not publish {', '.join(missing)}")


def verify() -> None:
    """Verify the published files once more, as whoever flashes them would."""
    print("== ringfence verify: the published ELF against its policy", flush=True)
    command = [Path(sys.executable).parent / "ringfence", "verify", BUILD / "firmware.elf",
               "--policy", BUILD / "firmware.policy.json"]
    done = subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    print(done.stdout.rstrip())
    if done.returncode != 0:
        fail(f"ringfence verify ended with status {done.returncode}")


def run(title: str, elf: Path) -> Run:
    """Run one firmware and show what it printed; it must say that all is well."""
    print(f"== qemu: {title}", flush=True)
    try:
        result = run_firmware(elf)
    except FileNotFoundError as error:
        fail(f"{error.filename} is not installed (make setup)")
    except subprocess.TimeoutExpired as error:
        fail(f"the {title} did not end within {error.timeout:.0f} seconds")
    print("\n".join(result.lines))
    if result.status != 0 or "image_decoder: ok" not in result.lines:
        fail(f"the {title} ended with status {result.status}")
    return result


def instructions(result: Run, picture: str) -> int:
    """How many instructions decoding `picture` took."""
    for line in result.lines:
        if match := re.fullmatch(rf"{picture}: instructions=(\d+)", line):
            return int(match[1])
    fail(f"no instruction count for {picture}")


def memory(elf: Path) -> tuple[int, int]:
    """Bytes of flash, and bytes of RAM that hold data: heaps, stacks and what lies around them are not counted."""
    with elf.open("rb") as file:
        sections = [s for s in ELFFile(file).iter_sections()
                    if s["sh_flags"] & SH_FLAGS.SHF_ALLOC and not s.name.endswith(("_heap_stack", ".window"))]
        in_ram = sum(s["sh_size"] for s in sections if s["sh_addr"] >= RAM_START)
        loaded = sum(s["sh_size"] for s in sections if s["sh_type"] != "SHT_NOBITS")
    return loaded, in_ram


def row(label: str, plain: int, sandboxed: int) -> str:
    """One line of the comparison."""
    return f"{label:<24}{plain:>12,}{sandboxed:>12,}{100 * (sandboxed - plain) / plain:>+10.1f} %"


def compare(plain: Run, sandboxed: Run) -> None:
    """Print what the sandbox costs."""
    print(f"== {'cost of the sandbox':<21}{'plain':>12}{'sandboxed':>12}{'change':>11}")
    for picture in PICTURES:
        print(row(f"{picture} instructions", instructions(plain, picture), instructions(sandboxed, picture)))
    sizes = zip(("flash bytes", "RAM bytes, data"), memory(BUILD / "firmware-plain.elf"),
                memory(BUILD / "firmware.elf"), strict=True)
    for label, before, after in sizes:
        print(row(label, before, after))
    print_reserved(json.loads((BUILD / "firmware.policy.json").read_text())["sandboxes"][0])


def print_reserved(box: dict[str, Any]) -> None:
    """What RAM the sandbox keeps to itself; only slack and shadow stack are not needed without a sandbox."""
    window, stack = box["window"], box["stack"]
    size = int(stack["high"], 16) - int(stack["low"], 16)
    print(f"RAM reserved: window {window['size']:,} (heap, stack of {size:,} and data), "
          f"slack {window['slack_below'] + window['slack_above']:,}, shadow stack {size:,}")


def main() -> None:
    """Every step in turn; the first that does not hold ends the demo."""
    build()
    verify()
    plain = run("plain firmware", BUILD / "firmware-plain.elf")
    sandboxed = run("sandboxed firmware", BUILD / "firmware.elf")
    compare(plain, sandboxed)
    print("demo: ok")


if __name__ == "__main__":
    main()
