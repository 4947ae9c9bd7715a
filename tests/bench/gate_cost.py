"""What a crossing of the gates costs: instructions, flash and RAM, measured as tests/runtime/test_gate_cost.py does.

    python -m bench.gate_cost

Writes build/bench/gates.json and prints it. Units: instructions for in plus out of one call, bytes.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from runtime.conftest import gate_firmware
from runtime.rig import DEVICE, M4F, Placed, build, qemu
from runtime.test_gate_cost import ENTRY, OBJECTS, flash, linked

from bench.programs import ROOT
from ringfence.toolchain.spec import SandboxSpec

_CALLS = 1000  # that the scenario makes


def measure(folder: Path) -> dict[str, int]:
    """Build three firmwares below `folder`, run two of them, and look at the third's map."""
    for name in ("calls", "calls_fpu", "small"):
        (folder / name).mkdir()
    seen = qemu(gate_firmware(folder / "calls", "-Os"), "cost")
    fpu = qemu(gate_firmware(folder / "calls_fpu", "-Os", cpu=M4F), "cost", machine="mps2-an386")
    spec = SandboxSpec.from_options(name="small", exports=["add(int a, int b, int c, int d) -> int"], window="32K")
    sources = [DEVICE / "start.c", DEVICE / "small_host.c"]
    small = build(folder / "small", [(Placed(spec, 0x20100000), [DEVICE / "small_box.c"])], sources, optimise="-Os")
    own = (*OBJECTS, "ringfence_small_gates.c.o")
    ram = (size for section, size, where in linked(small) if where in own and section.startswith((".bss", ".data")))
    stubs = flash(small, ("ringfence_small_gates.S.o",))
    export_stub = stubs["ringfence_small_gates.S.o .text.add"]
    return {
        "instructions_in_and_out": (seen["cost.gate"] - seen["cost.host"]) // _CALLS,
        "instructions_with_fpu": (fpu["cost.gate"] - fpu["cost.host"]) // _CALLS,
        "runtime_flash": sum(flash(small, OBJECTS).values()),
        "export_stub_flash": export_stub,
        "flash_per_sandbox": sum(stubs.values()) - export_stub - ENTRY,
        "host_ram_per_sandbox": sum(ram),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        figures = measure(Path(name))
    target = ROOT / "build" / "bench" / "gates.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(figures, indent=1) + "\n")
    print("gates (integer call, -Os): " + ", ".join(f"{name} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
