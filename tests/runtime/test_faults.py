"""Every hardware fault, trap and abort of a sandbox is an error result with a record that leads to its source line.

Faults that QEMU 7.2 does not raise (imprecise bus faults, division by zero, MPU, stacking) are injected: the second
firmware's runtime reads the fault status from RAM, where a timer interrupt puts it before it pends the fault.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from runtime.sandboxed import DEVICE, M3, M4F, Box, Core, build, qemu, values

from ringfence.toolchain.spec import SandboxSpec
from ringfence.verify.fault_record import FaultRecord, explain_fault
from ringfence.verify.kernel.policy import parse_policy
from ringfence.verify.source import AddressMap

(NONE, UNREACHABLE, STACK, STORE, FUNCTION, EXIT, INSTRUCTION, USAGE, MEMORY, BUS, BAD_POINTER, ABORTED,
 LOAD, OTHER) = range(14)
OK, DEAD, FAULT = 0, 3, 6
MINUS_ONE = 0xFFFFFFFF
STATUS_IN_RAM = "RINGFENCE_FAULT_REGISTERS=0x21000000u"
MEMORY_PENDED, BUS_PENDED, USAGE_PENDED = 1 << 13, 1 << 14, 1 << 12  # SHCSR, ARMv7-M ARM B3.2.13
SOURCE = (DEVICE / "faults_box.c").read_text().splitlines()


def line_of(mark: str) -> int:
    return next(i for i, line in enumerate(SOURCE, 1) if f"mark: {mark} " in line)


def _firmware(folder: Path, *defines: str, core: Core = M3) -> Path:
    exports = ["next() -> int error -1", "fail(int which, address) -> int error -1", "spin()", "ask_forever()",
               "ask(int what) -> int error -1", "dodge(before)", "busy(int rounds) -> int error -1"]
    spec = SandboxSpec.from_options(name="box", exports=exports, imports=["call_host(int what) -> int"], window="4K")
    return build(folder, [Box(spec, (DEVICE / "faults_box.c",))], [DEVICE / "faults_host.c"], runtime_defines=defines,
                 core=core)


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _firmware(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def firmware_with_fpu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _firmware(tmp_path_factory.mktemp("faults_fpu"), core=M4F)


@pytest.fixture(scope="module")
def injecting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _firmware(tmp_path_factory.mktemp("injected"), STATUS_IN_RAM)


def explained(elf: Path, lines: list[str]) -> str:
    record = FaultRecord.parse(next(line for line in lines if line.startswith("ringfence-fault:")))
    policy = parse_policy(elf.with_suffix(".policy.json").read_bytes())
    return explain_fault(record, elf.read_bytes(), policy, AddressMap.read(elf.with_suffix(".map.json")))


def expect_recovery(seen: dict[str, int]) -> None:
    """The call ended in its error value; then nothing is served until a reset, which restores the initial state."""
    wanted = {"result": MINUS_ONE, "status": FAULT, "mine": 1, "dead": MINUS_ONE, "reset": OK, "again": 42}
    assert {key: seen.get(key) for key in wanted} == wanted


CASES = [
    ("bus read", 0, 0xA0000000, BUS), ("unaligned", 1, 0x20000000, USAGE), ("undefined", 2, 0, INSTRUCTION),
    ("null call", 3, 0, FUNCTION), ("", 4, 0, EXIT), ("stack", 5, 0, STACK)]


@pytest.mark.parametrize(("fixture", "machine"), [("firmware", M3.machine), ("firmware_with_fpu", M4F.machine)],
                         ids=["m3", "m4f"])
@pytest.mark.parametrize(("mark", "case", "address", "kind"), CASES, ids=str)
def test_a_fault_is_an_error_result_and_its_record_names_the_source_line(
    request: pytest.FixtureRequest, fixture: str, machine: str, mark: str, case: int, address: int, kind: int
) -> None:
    firmware: Path = request.getfixturevalue(fixture)
    lines = qemu(firmware, f"fail {case} {address:#x}", machine=machine)
    seen = values(lines)
    expect_recovery(seen)
    assert seen["kind"] == kind
    assert kind == FUNCTION or seen["address"] == (address if kind == BUS else 0)
    text = explained(firmware, lines)
    assert text.startswith("sandbox box: ")
    if mark and mark != "stack":
        assert f"faults_box.c:{line_of(mark)})" in text
    if mark == "stack":
        assert "recurse" in text
    if kind == BUS:
        assert "data address: 0xa0000000, in no range of the policy" in text


# CFSR, what is pended, kind, data address, whether the PC is known, and what the explanation says.
INJECTED = [
    ("imprecise", 1 << 10, BUS_PENDED, BUS, 0, True, "IMPRECISERR: imprecise data bus error"),
    ("precise", 1 << 9 | 1 << 15, BUS_PENDED, BUS, 0x44444440, True, "PRECISERR"),
    ("fetch", 1 << 8, BUS_PENDED, BUS, 0, True, "IBUSERR"),
    ("stacking", 1 << 12, BUS_PENDED, BUS, 0, False, "STKERR"),
    ("division", 1 << 25, USAGE_PENDED, USAGE, 0, True, "DIVBYZERO: division by zero"),
    ("unaligned", 1 << 24, USAGE_PENDED, USAGE, 0, True, "UNALIGNED"),
    ("coprocessor", 1 << 19, USAGE_PENDED, USAGE, 0, True, "NOCP"),
    ("state", 1 << 17, USAGE_PENDED, FUNCTION, 0, True, "INVSTATE"),
    ("mpu data", 1 << 1 | 1 << 7, MEMORY_PENDED, MEMORY, 0x33333330, True, "DACCVIOL"),
    ("mpu fetch", 1 << 0, MEMORY_PENDED, MEMORY, 0, True, "IACCVIOL"),
    ("mpu stacking", 1 << 4, MEMORY_PENDED, MEMORY, 0, False, "MSTKERR"),
    ("imprecise and division", 1 << 10 | 1 << 25, BUS_PENDED, USAGE, 0, True, "IMPRECISERR"),
    ("nothing known", 0, USAGE_PENDED, OTHER, 0, True, "other fault"),
]


@pytest.mark.parametrize(("name", "cfsr", "pended", "kind", "address", "known", "says"), INJECTED, ids=[i[0] for i in INJECTED])
def test_a_fault_that_the_emulator_does_not_raise_is_recorded_by_its_status(
    injecting: Path, name: str, cfsr: int, pended: int, kind: int, address: int, known: bool, says: str
) -> None:
    lines = qemu(injecting, f"inject {cfsr:#x} {pended:#x}")
    seen = values(lines)
    expect_recovery(seen)
    assert seen["kind"] == kind, name
    assert seen["address"] == address or kind == FUNCTION
    text = explained(injecting, lines)
    assert says in text
    assert (f"faults_box.c:{line_of('spin')})" in text) == known == (seen["pc"] != 0)


@pytest.mark.parametrize(("cfsr", "hfsr"), [(1 << 18, 0), (0, 1 << 1), (1 << 18 | 1 << 9, 0)],
                         ids=["bad exception return", "vector table", "and a bus fault"])
def test_faults_of_exception_entry_and_return_are_the_hosts_although_the_sandbox_was_interrupted(
    injecting: Path, cfsr: int, hfsr: int
) -> None:
    seen = values(qemu(injecting, f"inject {cfsr:#x} {USAGE_PENDED:#x} {hfsr:#x}"))
    assert (seen["host_fault"], seen["host_fault.box"]) == (1, 0)


@pytest.mark.parametrize("how", [0, 1, 2, 3], ids=["trap", "in an import", "bus error", "vector table"])
def test_a_fault_of_the_host_is_not_swallowed(firmware: Path, how: int) -> None:
    seen = values(qemu(firmware, f"host {how}"))
    assert (seen["host_fault"], seen["host_fault.box"]) == (1, 0)


@pytest.fixture(scope="module")
def budgets(firmware: Path) -> dict[str, int]:
    return values(qemu(firmware, "budgets"))


def test_a_call_that_exceeds_its_time_budget_is_ended_at_the_tick(budgets: dict[str, int]) -> None:
    assert (budgets["spin.ticks"], budgets["spin.ended"], budgets["kind"]) == (10, 1, ABORTED)
    expect_recovery(budgets)


def test_a_call_that_loops_through_an_import_is_ended_too(budgets: dict[str, int]) -> None:
    assert 7 <= budgets["ask.ticks"] <= 8  # one more if the tick found the gate being passed
    assert budgets["ask.kind"] == ABORTED
    assert budgets["ask.ended"] in (1, 2)  # by the tick, or by the import that the tick asked to end the call


def test_a_sandbox_that_is_in_an_imports_gate_at_every_tick_does_not_escape_its_budget(firmware: Path) -> None:
    seen = values(qemu(firmware, "dodging"))
    assert seen["dodge.calls"] == 399
    assert 2 <= seen["dodge.longest"] <= 4  # the budget is 2


def test_a_budget_is_spent_only_while_a_call_is_served_and_zero_is_unlimited(budgets: dict[str, int]) -> None:
    assert budgets["idle.ended"] == budgets["short.ended"] == 0
    assert budgets["waiting.left"] == 10
    assert budgets["short"] == 10000
    assert 5 < budgets["short.used"] < 30
    assert (budgets["unlimited"], budgets["unlimited.ended"]) == (100000, budgets["ask.ended"])


def test_a_watchdogs_warning_ends_a_sandbox_although_interrupts_are_masked(firmware: Path) -> None:
    lines = qemu(firmware, "watchdog 0")
    assert [line for line in lines if line.startswith("ended=")] == ["ended=0x1", "ended=0x2"]
    seen = values(lines)
    assert seen["kind"] == ABORTED
    expect_recovery(seen)


@pytest.mark.parametrize(("how", "warnings"), [(1, 2), (2, 1)], ids=["import", "host"])
def test_a_host_that_hangs_is_left_to_the_watchdog(firmware: Path, how: int, warnings: int) -> None:
    """An import is asked to end its call once; when that does not help, or no sandbox is active, the host is stuck."""
    seen = values(qemu(firmware, f"watchdog {how}"))
    assert (seen["stuck"], seen["warnings"]) == (1, warnings)


def test_a_task_inside_a_sandbox_has_its_own_sp_and_one_that_only_seems_to_be_has_not(firmware: Path) -> None:
    seen = values(qemu(firmware, "stack_checks"))
    own, as_given = 1, 0
    assert (seen["task_sp.inside"], seen["task_sp.idle"]) == (own, as_given)
    assert (seen["task_sp.elsewhere"], seen["task_sp.above"]) == (0x20001000, 1)
