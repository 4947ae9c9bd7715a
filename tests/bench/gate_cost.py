"""What a crossing of the gates costs: instructions, flash and RAM, measured as tests/runtime/test_gate_cost.py does.

    python -m bench.gate_cost

Writes build/bench/gates.json and prints it. Units: instructions for in plus out of one call, bytes.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from runtime.conftest import gate_firmware
from runtime.rig import DEVICE, Placed, build, qemu
from runtime.test_gate_cost import OBJECTS, flash, linked

from bench.programs import ROOT
from ringfence.toolchain.spec import SandboxSpec

_CALLS = 1000  # that the scenario makes


def measure(folder: Path) -> dict[str, int]:
    """Build two firmwares below `folder`, run one of them, and look at the other's map."""
    (folder / "calls").mkdir()
    (folder / "small").mkdir()
    seen = qemu(gate_firmware(folder / "calls", "-Os"), "cost")
    spec = SandboxSpec.from_options(name="small", exports=["add(int a, int b, int c, int d) -> int"], window="32K")
    sources = [DEVICE / "start.c", DEVICE / "small_host.c"]
    small = build(folder / "small", [(Placed(spec, 0x20100000), [DEVICE / "small_box.c"])], sources, optimise="-Os")
    own = (*OBJECTS, "ringfence_small_gates.c.o")
    ram = (size for section, size, where in linked(small) if where in own and section.startswith((".bss", ".data")))
    return {
        "instructions_in_and_out": (seen["cost.gate"] - seen["cost.host"]) // _CALLS,
        "runtime_flash": sum(flash(small, OBJECTS).values()),
        "export_stub_flash": flash(small, ("ringfence_small_gates.S.o",))["ringfence_small_gates.S.o .text.add"],
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
