"""An interrupt at every instruction of every gate and of a sandboxed function: nothing breaks, no register is lost.

The firmware (device/sweep_host.c) is built and certified as users' is. Which instructions a call executes is taken from
a trace of QEMU; that each of them was interrupted is asserted.
"""

from __future__ import annotations

import json
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from runtime.sandboxed import DEVICE, RTOS, Box, build, qemu, values

from ringfence.toolchain.spec import SandboxSpec

EXPORTS = [
    "add(int a, int b, int c, int d) -> int error -1",
    "upper(in char from[size], size, out char to[size]) -> int error -1",
    "talk(int low) -> uint64 error 0xabc00000def",
    "nested(int value) -> int error -1",
    "trap(int which) -> int error -5",
    "work(int rounds) -> unsigned error 99",
]
IMPORTS = ["report(in text[length], length) -> int", "wide(int low) -> uint64", "other(int value) -> int"]
# A call may be ended by the action "abort" or "fault" while the sandbox's own code runs.
PROBES = ["direct", "buffer", "import", "nested", "work", "trap", "bus_fault", "reset", "dead"]
# Entry points that a call must have gone through, or the trace was not understood.
_ENTER, _EXIT = "ringfence_enter", "ringfence_exit"
PASSES = {
    "direct": ["add", _ENTER, _EXIT], "buffer": ["upper", "ringfence_switch", _EXIT, "ringfence_copy_in"],
    "import": [_ENTER, _EXIT, "ringfence_import", "ringfence_check"], "nested": ["nested", "ringfence_import", _EXIT],
    "work": ["work", _ENTER, _EXIT], "trap": [_ENTER, "ringfence_fault", "ringfence_recover"],
    "bus_fault": [_ENTER, "ringfence_fault", "ringfence_recover"], "reset": ["ringfence_reset", "ringfence_switch"],
    "dead": [_ENTER, "ringfence_take"],
}
ENDS_CALLS = {"direct", "buffer", "import", "nested", "work", "reset"}
LONGEST_MASK = 12  # instructions
LONGEST_FAULT = 150  # instructions of a fault handler, which turns the fault into an error of the gate


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    box = SandboxSpec.from_options(name="box", exports=EXPORTS, imports=IMPORTS, heap="1K", window="4K")
    second = SandboxSpec.from_options(name="second", exports=["second_add(int a, int b) -> int error -7"], window="1K")
    boxes = [Box(box, (DEVICE / "sweep_box.c",)), Box(second, (DEVICE / "sweep_second.c",))]
    return build(folder, boxes, [DEVICE / "sweep_host.c", RTOS / "scheduler.c"])


@pytest.fixture(scope="module")
def symbols(firmware: Path) -> list[tuple[int, int, str]]:
    """(start, end, name) of each piece of host code between two symbols; the sandbox's code is one, called "box"."""
    text = subprocess.run(["arm-none-eabi-nm", "-n", str(firmware)], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in text.splitlines()]
    code = json.loads(firmware.with_suffix(".policy.json").read_text())["sandboxes"][0]["code"]
    start, end = int(code["start"], 16), int(code["end"], 16)
    found = [(int(r[0], 16) & ~1, r[2]) for r in rows if len(r) == 3 and r[1] in "tT" and not r[2].startswith("$")]
    host = [(a, n) for a, n in found if not start <= a < end]
    return [*((a, b, n) for (a, n), (b, _) in pairwise(host)), (start, end, "box")]


def is_gate(name: str) -> bool:
    """Ringfence's code on the device, generated or not, and the sandbox's."""
    return name == "box" or name.startswith(("ringfence_", "__rf_")) or name in {"add", "upper", "talk", "nested", "trap",
                                                                                 "work"}


def executed(firmware: Path, symbols: list[tuple[int, int, str]], probe: str, folder: Path) -> set[int]:
    """Addresses of gate and sandbox instructions that one call executes."""
    log = folder / f"{probe}.log"
    qemu(firmware, f"once {probe} low", "-singlestep", "-d", "exec,nochain", "-D", str(log))
    pcs = [int(m[1], 16) for m in re.finditer(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/", log.read_text(), re.MULTILINE)]
    inside = [(s, e) for s, e, n in symbols if is_gate(n)]
    last = len(pcs) - 1 - pcs[::-1].index(_start_of(symbols, f"probe_{probe}"))
    return {pc for pc in set(pcs[last:]) if any(s <= pc < e for s, e in inside)}


def _start_of(symbols: list[tuple[int, int, str]], name: str) -> int:
    return next(s for s, _, n in symbols if n.split(".")[0] == name)


def interrupted(lines: list[str]) -> set[int]:
    """Addresses at which the interrupt came."""
    found = set()
    for line in lines:
        if line.startswith("hits "):
            base, bits = (int(word, 16) for word in line.split()[1:])
            found |= {base + 2 * i for i in range(32) if bits >> i & 1}
    return found


@pytest.mark.parametrize("probe", PROBES)
def test_every_instruction_of_every_gate_and_of_the_sandbox_is_interrupted_without_harm(
    firmware: Path, symbols: list[tuple[int, int, str]], probe: str, tmp_path: Path
) -> None:
    lines = qemu(firmware, f"sweep {probe} nothing low")  # fault handlers are interrupted, too
    seen = values(lines)
    assert seen["wrong"] == seen["bad_context"] == 0, lines[:12]
    wanted = executed(firmware, symbols, probe, tmp_path)
    assert {_start_of(symbols, name) for name in PASSES[probe]} <= wanted
    assert sorted(map(hex, wanted - interrupted(lines))) == []


@pytest.mark.parametrize("probe", PROBES)
def test_a_context_switch_at_every_instruction_loses_nothing(firmware: Path, probe: str) -> None:
    """To a task that calls another sandbox and the same one, and spoils all registers."""
    lines = qemu(firmware, f"sweep {probe} switch task")
    seen = values(lines)
    assert seen["wrong_in_all"] == seen["bad_context"] == seen["stack_errors"] == 0, lines[:12]
    assert seen["switches"] >= 2 * (seen["steps"] - 1)
    if probe in ENDS_CALLS:
        assert seen["inside"] > 0
        assert seen["other_refused"] > 0
        assert seen["other_calls"] > 0


@pytest.mark.parametrize("around", ["", "task", "low"])
@pytest.mark.parametrize("probe", PROBES)
def test_an_abort_at_every_instruction_ends_the_call_or_does_nothing(firmware: Path, probe: str, around: str) -> None:
    lines = qemu(firmware, f"sweep {probe} abort {around}")
    seen = values(lines)
    assert seen["wrong"] == seen["bad_context"] == 0, lines[:12]
    if probe in ENDS_CALLS:
        assert 0 < seen["acted"] < seen["steps"]


@pytest.mark.parametrize("around", ["", "task"])
@pytest.mark.parametrize("probe", PROBES)
def test_a_fault_at_every_instruction_is_the_sandboxs_or_the_hosts(firmware: Path, probe: str, around: str) -> None:
    lines = qemu(firmware, f"sweep {probe} fault {around}")
    seen = values(lines)
    assert seen["wrong"] == seen["bad_context"] == 0, lines[:12]
    assert seen["acted"] + seen["faults_of_host"] >= seen["fired"]
    assert seen["faults_of_host"] > 0
    if probe in ENDS_CALLS:
        assert seen["acted"] > 0


def test_calls_from_the_interrupt_handler_are_refused_at_every_instruction(firmware: Path) -> None:
    lines = qemu(firmware, "sweep import call")
    seen = values(lines)
    assert seen["wrong"] == 0, lines[:12]
    assert seen["refused"] == seen["fired"]


@pytest.mark.parametrize("probe", PROBES)
def test_interrupts_are_never_held_off_for_more_than_twelve_instructions(firmware: Path, probe: str) -> None:
    """The spread between the soonest and the latest interrupt of a sweep; with fault handlers below the tick."""
    seen = values(qemu(firmware, f"sweep {probe} nothing low"))
    assert seen["wrong"] == 0
    assert seen["spread"] <= LONGEST_MASK


def test_a_fault_handler_above_the_tick_holds_it_off_no_longer_than_a_short_handler_takes(firmware: Path) -> None:
    assert LONGEST_MASK < values(qemu(firmware, "sweep trap nothing"))["spread"] <= LONGEST_FAULT


def test_nothing_on_the_device_masks_interrupts(firmware: Path) -> None:
    """No CPSID, and no write to PRIMASK, FAULTMASK or BASEPRI, in any of Ringfence's code."""
    text = subprocess.run(["arm-none-eabi-objdump", "-d", str(firmware)], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"\tcpsi[de]\b|\tmsr\t(PRIMASK|FAULTMASK|BASEPRI)", text)
    assert re.search(r"\tmsr\tCONTROL", text)  # this is how such an instruction would look
