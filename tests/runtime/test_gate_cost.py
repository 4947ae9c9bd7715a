"""What the gates cost, measured: instructions per call, flash and RAM, and how long interrupts are masked (never)."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from runtime.rig import DEVICE, M3, M4F, Placed, build, qemu

from ringfence.toolchain import gates
from ringfence.toolchain.spec import SandboxSpec

RUNTIME_FLASH = 1536  # bytes: runtime of a firmware with one sandbox whose exports take numbers
GATE_FLASH = 100  # bytes per export or import
STATE_RAM = 64
CROSSING = 60  # instructions in plus out, on a core without FPU

OBJECTS = tuple(f"{name}.o" for name in (*gates.HOST_SOURCES, gates.HANDLER_SOURCE, gates.REGISTRY_NAME))
_PLACED = re.compile(r"^ (\.[\w.$]+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S+)$", re.M)


def _small(exports: list[str]) -> Placed:
    return Placed(SandboxSpec.from_options(name="small", exports=exports, window="32K"), 0x20100000)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the toolchain compiles it: -Os, sections collected."""
    return build(tmp_path_factory.mktemp("small"),
                 [(_small(["add(int a, int b, int c, int d) -> int"]), [DEVICE / "small_box.c"])], [DEVICE / "start.c", DEVICE / "small_host.c"], optimise="-Os")


def linked(firmware: Path) -> list[tuple[str, int, str]]:
    """Input section, size and object file of all that is linked, from the linker's map."""
    text = (firmware.parent / "firmware.map").read_text()
    text = re.sub(r"\n (\.[\w.$]+)\n\s+0x", r"\n \1 0x", text[text.index("Linker script and memory map"):])
    return [(m[1], int(m[3], 16), m[4]) for m in _PLACED.finditer(text) if int(m[3], 16)]


def flash(firmware: Path, objects: tuple[str, ...]) -> dict[str, int]:
    wanted = (".text", ".rodata", ".data")
    return {f"{where} {section}": size for section, size, where in linked(firmware)
            if where in objects and section.startswith(wanted)}


def test_the_smallest_firmware_works(small: Path) -> None:
    seen = qemu(small, "")
    assert (seen["add"], seen["done"]) == (1, 1)


def test_the_runtime_of_a_firmware_with_numbers_only_is_small(small: Path) -> None:
    found = flash(small, OBJECTS)
    assert any("ringfence_enter" in name for name in found)
    assert sum(found.values()) <= RUNTIME_FLASH, found


def test_what_is_not_used_is_not_linked(small: Path) -> None:
    names = " ".join(flash(small, OBJECTS))
    for unused in ("ringfence_import", "ringfence_check", "ringfence_copy_in", "ringfence_reset", "ringfence_abort",
                   "ringfence_switch_pointer", "ringfence_fault_name"):
        assert unused not in names


def test_a_gate_takes_at_most_100_bytes(small: Path) -> None:
    """Its stub, and its entry in the descriptor's section."""
    stub = flash(small, ("ringfence_small_gates.S.o",))
    entry = 12
    assert stub["ringfence_small_gates.S.o .text.add"] + entry <= GATE_FLASH


def test_a_sandbox_takes_little_host_ram(small: Path) -> None:
    ram = {section: size for section, size, where in linked(small)
           if where in (*OBJECTS, "ringfence_small_gates.c.o") and section.startswith((".bss", ".data"))}
    assert 0 < sum(ram.values()) <= STATE_RAM + 4, ram


@pytest.mark.parametrize("around", ["", " psp"])
def test_an_integer_call_costs_at_most_60_instructions_more_than_a_plain_one(
        firmware: Callable[[str], Path], around: str) -> None:
    seen = qemu(firmware("-Os"), f"cost{around}")
    assert 0 < seen["cost.gate"] - seen["cost.host"] <= 1000 * CROSSING


@pytest.mark.parametrize("cpu", [M3, M4F], ids=["m3", "m4f"])
def test_no_instruction_of_the_runtime_masks_interrupts(tmp_path: Path, cpu: tuple[str, ...]) -> None:
    """Neither CPS nor a write of PRIMASK, BASEPRI or FAULTMASK occurs: interrupts are masked for 0 instructions."""
    for source in gates.HOST_SOURCES:
        subprocess.run(["arm-none-eabi-gcc", *cpu, "-Os", "-I", gates.RUNTIME_DIR, "-c", gates.RUNTIME_DIR / source, "-o",
                        tmp_path / "x.o"], check=True)
        text = subprocess.run(["arm-none-eabi-objdump", "-d", tmp_path / "x.o"], capture_output=True, text=True,
                              check=True).stdout
        assert not re.search(r"\tcps|\tmsr\s+(PRIMASK|BASEPRI|FAULTMASK)", text), source
