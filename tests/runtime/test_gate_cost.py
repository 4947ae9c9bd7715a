"""What the gates cost, measured: instructions per call, flash and RAM, and how long interrupts are masked (never)."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from runtime.conftest import BOX, gate_firmware
from runtime.rig import DEVICE, M3, M4F, Placed, build, qemu

from ringfence.toolchain import gates
from ringfence.toolchain.spec import SandboxSpec

RUNTIME_FLASH = 1536  # bytes: runtime of a firmware with one sandbox whose exports take numbers
GATE_FLASH = 100  # bytes per export or import
ENTRY = 12  # bytes of an export's words in the descriptor's section
STATE_RAM = 64
CROSSING = 60  # instructions in plus out, on a core without FPU
CROSSING_FPU = 70  # s16-s31 and FPSCR are saved, cleared and restored as well

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
    assert stub["ringfence_small_gates.S.o .text.add"] + ENTRY <= GATE_FLASH


def _gates_flash(firmware: Path) -> dict[str, int]:
    """Bytes of each export's gate and of both halves of each import's, by name of the function."""
    pieces = flash(firmware, tuple(f"ringfence_{BOX.spec.name}_gates.{kind}.o" for kind in "cS"))
    by_name = {key.partition(" .text.")[2]: size for key, size in pieces.items()}
    prefix = f"__rf_{BOX.spec.name}_"
    return {p.name: by_name[p.name] + ENTRY for p in BOX.spec.exports} | {
        p.name: by_name[f"{prefix}import_{p.name}"] + by_name[f"{prefix}thunk_{p.name}"] for p in BOX.spec.imports}


def test_gates_with_buffers_and_imports_take_at_most_100_bytes_while_arguments_travel_in_registers(
        firmware: Callable[[str], Path]) -> None:
    found = _gates_flash(firmware("-Os"))
    in_registers = [p.name for p in (*BOX.spec.exports, *BOX.spec.imports) if not p.stack_words]
    assert {"upper", "twice", "give_pointer", "report", "fill"} <= set(in_registers)
    assert {name: found[name] for name in in_registers if found[name] > GATE_FLASH} == {}


def test_a_sandbox_takes_little_host_ram(small: Path) -> None:
    ram = {section: size for section, size, where in linked(small)
           if where in (*OBJECTS, "ringfence_small_gates.c.o") and section.startswith((".bss", ".data"))}
    assert 0 < sum(ram.values()) <= STATE_RAM + 4, ram


@pytest.mark.parametrize("around", ["", " psp"])
def test_an_integer_call_costs_at_most_60_instructions_more_than_a_plain_one(
        firmware: Callable[[str], Path], around: str) -> None:
    seen = qemu(firmware("-Os"), f"cost{around}")
    assert 0 < seen["cost.gate"] - seen["cost.host"] <= 1000 * CROSSING


def test_with_an_fpu_it_costs_ten_more(tmp_path: Path) -> None:
    seen = qemu(gate_firmware(tmp_path, "-Os", cpu=M4F), "cost", machine="mps2-an386")
    assert 0 < seen["cost.gate"] - seen["cost.host"] <= 1000 * CROSSING_FPU


@pytest.mark.parametrize("cpu", [M3, M4F], ids=["m3", "m4f"])
def test_no_instruction_of_the_runtime_masks_interrupts(tmp_path: Path, cpu: tuple[str, ...]) -> None:
    """Neither CPS nor a write of PRIMASK, BASEPRI or FAULTMASK occurs: interrupts are masked for 0 instructions."""
    for source in gates.HOST_SOURCES:
        subprocess.run(["arm-none-eabi-gcc", *cpu, "-Os", "-I", gates.RUNTIME_DIR, "-c", gates.RUNTIME_DIR / source, "-o",
                        tmp_path / "x.o"], check=True)
        text = subprocess.run(["arm-none-eabi-objdump", "-d", tmp_path / "x.o"], capture_output=True, text=True,
                              check=True).stdout
        assert not re.search(r"\tcps|\tmsr\s+(PRIMASK|BASEPRI|FAULTMASK)", text), source
