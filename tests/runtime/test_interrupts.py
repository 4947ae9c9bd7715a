"""An interrupt at every instruction of every gate and of a sandboxed function: nothing breaks, no register is lost.

The firmware (device/sweep_*.c) is built and certified as users' is, for a core without FPU and for one with it. Which
instructions a call executes is taken from a trace of QEMU; that each of them was interrupted is asserted.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from runtime.sandboxed import DEVICE, M3, M4F, M7, RTOS, Box, Core, build, qemu, values
from runtime.test_gate_abi import FUNCTIONS

from ringfence.toolchain import gates
from ringfence.toolchain.spec import SandboxSpec

EXPORTS = [
    "add(int a, int b, int c, int d) -> int error -1",
    "upper(in char from[size], size, out char to[size]) -> int error -1",
    "talk(int low) -> uint64 error 0xabc00000def",
    "nested(int value) -> int error -1",
    "trap(int which) -> int error -5",
    "work(int rounds) -> unsigned error 99",
    *FUNCTIONS,
    "imports_differ() -> unsigned error 0xFFFFFFFF", "give(which) -> function", "offer(which) -> int error -1",
    "(*calculate)(int x, int64 y) -> int error -77", "(*look_at)(in text[size], size) -> int error -1",
    "(*weigh)(float x, double y) -> double", "waves(rounds) -> float", "fail_floating(float x) -> float",
]
IMPORTS = ["report(in text[length], length) -> int", "wide(int low) -> uint64", "other(int value) -> int",
           *(f"host_{text}" for text in FUNCTIONS), "host_keeps(function f) -> int"]
BOX = SandboxSpec.from_options(name="box", exports=EXPORTS, imports=IMPORTS, heap="1K", window="4K")
SECOND = SandboxSpec.from_options(name="second", exports=["second_add(int a, int b) -> int error -7"], window="1K")

# Each kind of call, with functions that it must have gone through, or the trace was not understood.
_ENTER, _EXIT, _SWITCH, _IMPORT = "ringfence_enter", "ringfence_exit", "ringfence_switch", "ringfence_import"
_POINTER, _RECOVER = "ringfence_switch_pointer", "ringfence_recover"
_MARSHALLED = (_SWITCH, _EXIT)
PROBES = {
    "direct": ("add", _ENTER, _EXIT), "buffer": ("upper", *_MARSHALLED, "ringfence_copy_in"),
    "import": (_ENTER, _EXIT, _IMPORT, "ringfence_check"), "nested": ("nested", _IMPORT, _EXIT),
    "work": ("work", _ENTER, _EXIT), "trap": (_ENTER, "ringfence_fault", _RECOVER),
    "bus_fault": (_ENTER, "ringfence_fault", _RECOVER), "reset": ("ringfence_reset", _SWITCH),
    "dead": (_ENTER, "ringfence_take"),
    # abi.h: arguments on the stack, pairs of registers, structures in registers, on the stack, in both and in memory
    "stacked": ("stacked", *_MARSHALLED, "ringfence_stack_argument"),
    "stacked64": ("stacked64", *_MARSHALLED, "ringfence_stack_argument"), "hole": ("hole", _ENTER, _EXIT),
    "points": ("points", *_MARSHALLED), "split": ("split", *_MARSHALLED, "ringfence_stack_argument"),
    "colour": ("colour", *_MARSHALLED), "when": ("when", *_MARSHALLED, "ringfence_end_memory"),
    "floats": ("floats", _EXIT), "doubles": ("doubles", _EXIT), "spilled": ("spilled", *_MARSHALLED),
    "vectors": ("vectors", *_MARSHALLED), "complex_": ("complex_", *_MARSHALLED), "single": ("single", _EXIT),
    "imports": (_IMPORT, _EXIT, "ringfence_stack_word", "ringfence_give_result"),
    # functions that the sandbox gives out
    "pointer": ("give", "calculate", _POINTER, "ringfence_end_function"), "pointer_buffer": ("look_at", _POINTER),
    "pointer_float": ("weigh", _POINTER), "pointer_forged": ("calculate", "ringfence_run_pointer"),
    "pointer_import": ("offer", _IMPORT, "ringfence_check_function"),
    "waves": ("waves", _EXIT), "trap_floating": ("fail_floating", "ringfence_fault", _RECOVER),
}
FAULTING = ("trap", "bus_fault", "trap_floating")
# A call may be ended by the action "abort" or "fault" while the sandbox's own code runs; not of these.
NOT_ENDED = {*FAULTING, "dead", "pointer_forged"}
LONGEST_MASK = 12  # instructions
LONGEST_FAULT = 80  # instructions of a fault handler, which makes the fault the sandbox's and goes on in Thread mode


@dataclass(frozen=True)
class Firmware:
    elf: Path
    core: Core

    def run(self, arguments: str, *options: str) -> list[str]:
        return qemu(self.elf, arguments, *options, machine=self.core.machine)


@pytest.fixture(scope="module")
def firmware_for(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Core], Firmware]:
    @functools.cache
    def make(core: Core) -> Firmware:
        boxes = [Box(BOX, (DEVICE / "sweep_box.c", DEVICE / "sweep_abi_box.c")), Box(SECOND, (DEVICE / "sweep_second.c",))]
        host = [DEVICE / f"sweep_{name}.c" for name in ("host", "probes", "abi", "fp")]
        return Firmware(build(tmp_path_factory.mktemp("sweep"), boxes, [*host, RTOS / "scheduler.c"], core=core), core)

    return make


@pytest.fixture(params=[M3, M4F], ids=["m3", "m4f"])
def firmware(request: pytest.FixtureRequest, firmware_for: Callable[[Core], Firmware]) -> Firmware:
    return firmware_for(request.param)


@pytest.fixture
def with_fpu(firmware_for: Callable[[Core], Firmware]) -> Firmware:
    return firmware_for(M4F)


every_probe = pytest.mark.parametrize("probe", PROBES)


def each_with_each(*ways: str, low: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """Every probe on both cores in both ways; half of that is for `make test-long`. What remains has each probe on each
    core, each probe in each way, and each core in each way. `low`: probes that are swept in the way "low", too."""
    found = []
    for i, probe in enumerate(PROBES):
        for j, (name, core) in enumerate({"m3": M3, "m4f": M4F}.items()):
            for k, way in enumerate(ways):
                marks = [pytest.mark.long] if (i + j + k) % 2 else []
                found.append(pytest.param(core, probe, way, marks=marks, id=f"{name}-{probe}-{way}"))
            if probe in low:
                found.append(pytest.param(core, probe, "low", id=f"{name}-{probe}-low"))
    return pytest.mark.parametrize(("core", "probe", "around"), found)


# Gates with floating-point values, and one of each other kind.
floating_probes = pytest.mark.parametrize("probe", [
    "floats", "doubles", "spilled", "vectors", "complex_", "single", "pointer_float", "waves", "direct", "import", "points"])


@functools.cache
def functions(elf: Path) -> dict[str, tuple[int, int, str]]:
    """Name to (start, end, source file) of each function of the host's; the file is "" if its name is global."""
    found, file = {}, ""
    with elf.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        for symbol in table.iter_symbols():
            info = symbol["st_info"]
            if info["type"] == "STT_FILE":
                file = symbol.name
            elif info["type"] == "STT_FUNC":
                start = symbol["st_value"] & ~1
                found[symbol.name] = (start, start + symbol["st_size"], file if info["bind"] == "STB_LOCAL" else "")
    return found


@functools.cache
def ranges_of_gates(elf: Path) -> list[tuple[int, int]]:
    """Ringfence's code on the device, generated or not, and the sandboxes'."""
    gate_names = {p.name for spec in (BOX, SECOND) for p in (*spec.exports, *spec.pointers)}
    files = {*gates.HOST_SOURCES, gates.HANDLER_SOURCE, *(gates.generate(spec).c_name for spec in (BOX, SECOND))}
    policy = json.loads(elf.with_suffix(".policy.json").read_text())
    boxes = [(int(box["code"]["start"], 16), int(box["code"]["end"], 16)) for box in policy["sandboxes"]]
    return boxes + [(start, end) for name, (start, end, file) in functions(elf).items()
                    if file in files or name in gate_names or name.startswith(("ringfence_", "__rf_"))]


def executed(firmware: Firmware, probe: str, folder: Path) -> set[int]:
    """Addresses of gate and sandbox instructions that one call executes."""
    log = folder / f"{probe}.log"
    firmware.run(f"once {probe} low", "-singlestep", "-d", "exec,nochain", "-D", str(log))
    pcs = [int(m[1], 16) for m in re.finditer(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/", log.read_text(), re.MULTILINE)]
    last = len(pcs) - 1 - pcs[::-1].index(functions(firmware.elf)[f"probe_{probe}"][0])
    inside = ranges_of_gates(firmware.elf)
    return {pc for pc in set(pcs[last:]) if any(start <= pc < end for start, end in inside)}


def interrupted(lines: list[str]) -> set[int]:
    """Addresses at which the interrupt came."""
    found = set()
    for line in lines:
        if line.startswith("hits "):
            base, bits = (int(word, 16) for word in line.split()[1:])
            found |= {base + 2 * i for i in range(32) if bits >> i & 1}
    return found


def swept(firmware: Firmware, arguments: str) -> dict[str, int]:
    """What a sweep counted; no result was wrong, and no register lost."""
    lines = firmware.run(f"sweep {arguments}")
    seen = values(lines)
    assert seen["wrong"] == seen["bad_context"] == 0, lines[:12]
    return seen


def check_each_instruction(firmware: Firmware, probe: str, folder: Path) -> None:
    """Interrupt every one, by a handler that uses the FPU if there is one. None holds it off for more than twelve."""
    lines = firmware.run(f"sweep {probe} nothing low first")  # fault handlers are interrupted, too
    seen = values(lines)
    assert seen["wrong"] == seen["bad_context"] == 0, lines[:12]
    wanted = executed(firmware, probe, folder)
    assert {functions(firmware.elf)[name][0] for name in PROBES[probe]} <= wanted
    assert sorted(map(hex, wanted - interrupted(lines))) == []
    assert seen["spread"] <= LONGEST_MASK


@every_probe
def test_every_instruction_of_every_gate_and_of_the_sandbox_is_interrupted_without_harm(
    firmware: Firmware, probe: str, tmp_path: Path
) -> None:
    check_each_instruction(firmware, probe, tmp_path)


@pytest.mark.parametrize(("probe", "around"), [*((p, "task") for p in PROBES), *((p, "task low") for p in FAULTING)])
def test_a_context_switch_at_every_instruction_loses_nothing(firmware: Firmware, probe: str, around: str) -> None:
    """To a task that calls another sandbox and the same one, and spoils all registers. The scheduler finds every task's
    SP in the task's own stack. Also where a fault handler is interrupted, which is no less urgent than the switch."""
    seen = swept(firmware, f"{probe} switch {around}")
    assert seen["wrong_in_all"] == seen["stack_errors"] == 0
    assert seen["switches"] >= 2 * (seen["steps"] - 1)
    if probe not in NOT_ENDED:
        assert seen["inside"] > 0
        assert seen["other_refused"] > 0
        assert seen["other_calls"] > 0


@each_with_each("", "task", low=FAULTING)
def test_an_abort_at_every_instruction_ends_the_call_or_does_nothing(
    firmware_for: Callable[[Core], Firmware], core: Core, probe: str, around: str
) -> None:
    seen = swept(firmware_for(core), f"{probe} abort {around}")
    if probe not in NOT_ENDED:
        assert 0 < seen["acted"] < seen["steps"]


@each_with_each("", "task")
def test_a_fault_at_every_instruction_is_the_sandboxs_or_the_hosts(
    firmware_for: Callable[[Core], Firmware], core: Core, probe: str, around: str
) -> None:
    seen = swept(firmware_for(core), f"{probe} fault {around}")
    assert seen["acted"] + seen["faults_of_host"] >= seen["fired"]
    assert seen["faults_of_host"] > 0
    if probe not in NOT_ENDED:
        assert seen["acted"] > 0


@every_probe
def test_a_context_switch_right_after_a_fault_finds_the_task_on_its_way_out(firmware: Firmware, probe: str) -> None:
    """The fault, then the switch, both pending at every instruction: the next thing that runs is the other task."""
    seen = swept(firmware, f"{probe} both task low")
    assert seen["wrong_in_all"] == seen["stack_errors"] == 0
    assert seen["switches"] >= 2 * (seen["steps"] - 1)
    assert seen["acted"] + seen["faults_of_host"] >= seen["fired"]
    if probe not in NOT_ENDED:
        assert seen["acted"] > 0


@pytest.mark.parametrize("probe", ["import", "pointer", "when"])
def test_calls_from_the_interrupt_handler_are_refused_at_every_instruction(firmware: Firmware, probe: str) -> None:
    seen = swept(firmware, f"{probe} call")
    assert seen["refused"] == seen["fired"]


# ---- lazy stacking: the floating-point part of an exception frame is filled when the FPU is used again ----


@floating_probes
def test_a_handler_that_leaves_the_fpu_alone_finds_frames_that_are_still_to_be_filled(
    with_fpu: Firmware, probe: str
) -> None:
    seen = swept(with_fpu, f"{probe} nothing")
    assert seen["lazy"] == seen["extended"] == seen["fired"] > 0


@pytest.mark.parametrize("when", ["first", "last"])
@floating_probes
def test_a_call_is_ended_whether_its_frame_is_filled_before_or_after(with_fpu: Firmware, probe: str, when: str) -> None:
    seen = swept(with_fpu, f"{probe} abort low {when}")
    assert 0 < seen["acted"] < seen["extended"]


@pytest.mark.parametrize("when", ["first", "last"])
@floating_probes
def test_a_context_switch_takes_along_what_lazy_stacking_has_not_saved(with_fpu: Firmware, probe: str, when: str) -> None:
    """In the sweep of all probes the scheduler's own save of s16-s31 fills the frame; here the handler before it."""
    seen = swept(with_fpu, f"{probe} switch task {when}")
    assert seen["wrong_in_all"] == seen["stack_errors"] == 0
    assert seen["inside"] > 0


# What a core with double precision does otherwise: d0-d7 carry values, the compiler keeps doubles in d8-d15.
@pytest.mark.parametrize("probe", ["doubles", "spilled", "complex_", "imports", "pointer_float", "waves", "trap_floating"])
def test_double_precision_registers_survive_interrupts_switches_aborts_and_faults(
    firmware_for: Callable[[Core], Firmware], probe: str, tmp_path: Path
) -> None:
    firmware = firmware_for(M7)
    check_each_instruction(firmware, probe, tmp_path)
    switched = swept(firmware, f"{probe} switch task")
    assert switched["wrong_in_all"] == switched["stack_errors"] == 0
    assert switched["inside"] > 0
    for action in ("abort last", "both task low"):
        seen = swept(firmware, f"{probe} {action}")
        assert seen["extended"] > 0
        assert probe in NOT_ENDED or seen["acted"] > 0


@pytest.mark.parametrize("probe", FAULTING)
def test_a_fault_handler_above_the_tick_holds_it_off_no_longer_than_a_short_handler_takes(
    firmware: Firmware, probe: str
) -> None:
    """As HardFault always does. With ringfence_enable_faults() ("low" above) nothing is held off."""
    assert LONGEST_MASK < swept(firmware, f"{probe} nothing")["spread"] <= LONGEST_FAULT


def test_nothing_on_the_device_masks_interrupts(firmware: Firmware) -> None:
    """No CPSID, and no write to PRIMASK, FAULTMASK or BASEPRI, in any of Ringfence's code."""
    text = subprocess.run(["arm-none-eabi-objdump", "-d", str(firmware.elf)], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"\tcpsi[de]\b|\tmsr\t(PRIMASK|FAULTMASK|BASEPRI)", text)
    assert re.search(r"\tmsr\tCONTROL", text)  # this is how such an instruction would look
