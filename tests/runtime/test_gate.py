"""The gates and the fault handling in QEMU, with sandboxes that are closed but not rewritten (tests/runtime/device)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from runtime.rig import qemu

OK, CONTEXT, BUSY, DEAD, POINTER, ROOM, FAULT = range(7)
(NONE, UNREACHABLE, STACK, STORE, FUNCTION, EXIT, INSTRUCTION, USAGE, MEMORY, BUS, BAD_POINTER, ABORTED,
 LOAD, OTHER) = range(14)
MINUS_ONE = 0xFFFFFFFF

Run = Callable[[str], dict[str, int]]

# How the runtime is compiled, and around the calls: host on MSP or PSP, fault handlers enabled or escalating to
# HardFault, initialised by ringfence_init_all() or by the first call.
SURROUNDINGS = [("-O2", ""), ("-O2", "psp"), ("-O2", "enabled"), ("-O2", "init psp enabled"), ("-O0", ""), ("-Os", "psp")]


@pytest.fixture(params=SURROUNDINGS, ids=lambda p: "".join(p).replace(" ", "-"))
def run(request: pytest.FixtureRequest, firmware: Callable[[str], Path]) -> Run:
    level, around = request.param

    def run_scenario(name: str) -> dict[str, int]:
        seen = qemu(firmware(level), f"{name} {around}")
        assert seen["done"], "the host did not reach its last line"
        assert seen["control"] == 0, "a gate changed CONTROL"
        return seen

    return run_scenario


def expect(seen: dict[str, int], wanted: dict[str, int]) -> None:
    assert {key: seen.get(key) for key in wanted} == wanted


def at(key: str, index: int) -> str:
    return f"{key}.{index:#010x}"


def test_words_go_in_and_results_come_out(run: Run) -> None:
    expect(run("values"), {"add": 4321, "add.status": OK, "wide.high": 0x12345678, "wide.low": 9, "narrow": 0xFE,
                           "dirty": 0xFF, "missing": 88, "name": 0})


def test_data_bss_and_constructors_are_set_up_once_and_again_by_a_reset(run: Run) -> None:
    expect(run("values"), {"state": 5 + 100 + 7000, "state.again": 6 + 100 + 7000, "reset": OK,
                           "state.reset": 5 + 7000})


def test_buffers_are_copied_in_and_out(run: Run) -> None:
    expect(run("buffers"), {"upper": 13, "upper.text": 0, "upper.rest": 1, "upper.unaligned": 1, "twice": 1, "null": 0,
                            "null.sized": 0, "fault.copies_nothing": 0, "fault.dead": MINUS_ONE,
                            "fault.dead.status": DEAD, "window": 0x20100100, "after": 1111})


def test_buffers_that_cannot_be_passed_are_refused(run: Run) -> None:
    expect(run("buffers"), {"too_big": 0, "too_big.status": ROOM, "huge": MINUS_ONE, "huge.status": POINTER,
                            "elsewhere": MINUS_ONE, "elsewhere.status": ROOM, "wrap.status": POINTER, "straddle": MINUS_ONE, "straddle.status": POINTER,
                            "in_stack": MINUS_ONE, "in_stack.status": POINTER})


def test_the_heap_and_the_copies_share_memory_without_overlap(run: Run) -> None:
    expect(run("heap"), {"squeeze": 1, "grab": 1, "grab.too_much": 0, "copy.beside_heap": 1, "full": 0, "full.status": ROOM,
                         "full.reset": 1, "grab.reset": 1})


def test_a_reset_clears_the_heap(run: Run) -> None:
    expect(run("heap"), {"stale": 0})


def test_sbrk_stays_in_the_heap_and_refuses_where_there_is_none(run: Run) -> None:
    expect(run("heap"), {"breaks": 0, "no_heap": 12})  # ENOMEM


def test_result_pointers_are_checked(run: Run) -> None:
    seen = run("pointers")
    assert 0x20100000 <= seen[at("pointer", 0)] < 0x20108000
    assert 0 < seen[at("pointer", 1)] < 0x400000
    expect(seen, {at("pointer", 2): 0, at("pointer", 3): 0, at("pointer", 4): 0,
                  **{at("pointer.status", i): status for i, status in enumerate([OK, OK, OK, POINTER, POINTER])},
                  "in_window": 1, "in_window.end": 0, "in_window.wrap": 0})


def test_imports_get_stack_data_constants_heap_and_nothing(run: Run) -> None:
    seen = run("imports")
    for i in range(4):
        assert seen[at("say", i)] == seen[f"say.{i}.expected"]
        assert seen[at("say.status", i)] == OK
    expect(seen, {at("say", 4): 0, at("say.status", 4): OK, at("say", 12): 3})


@pytest.mark.parametrize(("case", "why"), [
    (5, "the host's memory"), (6, "wraps around"), (7, "NULL with a size"), (8, "below SP"), (9, "straddles the stack"),
    (10, "constants are not written"), (11, "a product that wraps"),
    (13, "the host's memory, though empty"), (14, "another sandbox's window"), (15, "straddles the window's end"),
    (16, "its own code")])
def test_an_import_with_a_bad_buffer_ends_the_call(run: Run, case: int, why: str) -> None:
    seen = run("imports")
    expect(seen, {at("say", case): -100 & MINUS_ONE, at("say.status", case): FAULT, at("say.kind", case): BAD_POINTER})
    if case == 5:
        assert seen[at("say.address", case)] == 0x20000000


def test_imports_take_stack_arguments_and_return_64_bits(run: Run) -> None:
    expect(run("imports"), {"many.high": 1, "many.low": 1 + 2 + 3 + 4 + 5 + 6 - 7 + 1000})


def test_imports_keep_the_sandboxs_registers_and_show_none_of_the_hosts(run: Run) -> None:
    expect(run("imports"), {"import_registers": 0})


def test_imports_leave_the_stack_below_sp_alone(run: Run) -> None:
    expect(run("imports"), {"below_sp": 0})


def test_noreturn_imports_and_exit_end_the_call(run: Run) -> None:
    expect(run("imports"), {"leave": 3, "quit.kind": EXIT, "quit_c.kind": EXIT})


def test_reentry_is_refused_and_does_no_harm(run: Run) -> None:
    expect(run("nesting"), {"reenter": MINUS_ONE, "reenter.status": BUSY, "reenter.copy": MINUS_ONE,
                            "reenter.outer": OK, "reset.inside": BUSY})


def test_an_import_may_call_another_sandbox_even_one_that_faults(run: Run) -> None:
    expect(run("nesting"), {"other": 23, "other.fault": 42, "other.status": FAULT, "other.sandbox": 1,
                            "outer.status": OK, "other.dead": -7 & MINUS_ONE, "other.dead.status": DEAD,
                            "other.reset": 2})


def test_calls_are_refused_in_handlers_with_faultmask_and_without_privilege(run: Run) -> None:
    expect(run("contexts"), {"handler": MINUS_ONE, "handler.status": CONTEXT, "handler.copy": MINUS_ONE,
                             "handler.reset": CONTEXT, "faultmask": MINUS_ONE, "faultmask.status": CONTEXT,
                             "unprivileged": MINUS_ONE, "unprivileged.status": CONTEXT})


def test_with_interrupts_masked_calls_work_and_faults_escalate_to_an_error(run: Run) -> None:
    """By PRIMASK, or by a BASEPRI above the priority of faults; both are afterwards as they were."""
    expect(run("contexts"), {"primask": 4321, "primask.kind": STACK, "primask.kept": 1,
                             "basepri": 4321, "basepri.kind": STACK, "basepri.kept": 0x40})


def test_no_register_carries_anything_of_the_hosts_into_the_sandbox(run: Run) -> None:
    seen = run("registers")
    registers = [seen[at("register", i)] for i in range(14)]
    assert registers[:12] == [77] + [0] * 11
    assert registers[12] < 0x400000  # ip: the entry's own address
    assert registers[13] == 0  # APSR


def test_callee_saved_registers_and_sp_survive_whatever_the_sandbox_does(run: Run) -> None:
    expect(run("registers"), {"clobber": 0, "clobber.trap": 0, "clobber.it": 0})


# QEMU 7.2 does not implement CCR.DIV_0_TRP, so case 10 (division by zero) returns there.
TRAPS = {0: UNREACHABLE, 1: STACK, 2: STORE, 3: FUNCTION, 4: EXIT, 5: INSTRUCTION, 6: FUNCTION, 7: USAGE, 8: BUS, 9: BUS,
         11: BUS, 12: INSTRUCTION, 13: USAGE}


def test_each_fault_is_an_error_result_and_a_reset_brings_the_sandbox_back(run: Run) -> None:
    seen = run("traps")
    for case, kind in TRAPS.items():
        expect(seen, {at("trap.status", case): FAULT, at("trap.kind", case): kind, at("trap.sticky", case): 0,
                      at("trap.sp", case): 0, at("trap.dead", case): MINUS_ONE, at("trap.dead.status", case): DEAD,
                      at("trap.reset", case): OK, at("trap.again", case): 1111})
        assert seen[at("trap.cfsr", case)] != 0
    expect(seen, {at("trap.address", case): 0xA0000000 for case in (8, 9, 11)})


def test_interrupts_are_served_while_the_sandbox_runs(run: Run) -> None:
    seen = run("interrupts")
    assert seen["spin"] == 20000
    assert seen["ticks"] > 50


def test_an_interrupt_handler_aborts_an_endless_sandbox(run: Run) -> None:
    seen = run("interrupts")
    expect(seen, {"endless.acted": 1, "endless.status": FAULT, "endless.kind": ABORTED})
    expect(seen, {at("endless_import.kind", i): ABORTED for i in range(8)})


def test_an_abort_during_an_import_ends_the_call_when_the_import_returns(run: Run) -> None:
    expect(run("interrupts"), {"abort.in_import": MINUS_ONE, "abort.in_import.kind": ABORTED,
                               "abort.by_import": MINUS_ONE, "abort.by_import.status": FAULT})


def test_an_abort_is_not_remembered_beyond_its_call(run: Run) -> None:
    expect(run("interrupts"), {"abort.forgotten": 42})


def test_an_abort_does_nothing_when_the_sandbox_is_idle_or_outside_a_handler(run: Run) -> None:
    seen = run("interrupts")
    assert seen["idle.ticks"] > 10
    expect(seen, {"idle.acted": 0, "idle.add": 1111, "abort.thread": 0})


@pytest.mark.parametrize("around", ["", " psp"])
def test_an_integer_call_costs_at_most_65_instructions_more_than_a_plain_one(
        firmware: Callable[[str], Path], around: str) -> None:
    seen = qemu(firmware("-O2"), f"cost{around}")
    assert 0 < seen["cost.gate"] - seen["cost.host"] <= 65_000


@pytest.mark.parametrize("scenario", ["fault_of_host", "fault_of_handler", "fault_of_handler psp enabled",
                                      "fault_of_import", "fault_of_import psp"])
def test_a_fault_of_the_host_is_not_swallowed(firmware: Callable[[str], Path], scenario: str) -> None:
    """Also not that of an import, or of an interrupt handler which interrupted the sandbox."""
    seen = qemu(firmware("-O2"), scenario)
    expect(seen, {"host_fault": 1, "host_fault.kind": NONE, "done": 0})


@pytest.mark.parametrize("around", ["", " psp enabled"])
def test_a_host_with_its_own_handler_puts_one_macro_first(firmware_with_own_handler: Path, around: str) -> None:
    seen = qemu(firmware_with_own_handler, f"traps{around}")
    expect(seen, {at("trap.kind", case): kind for case, kind in TRAPS.items()} | {"done": 1})
    expect(qemu(firmware_with_own_handler, "fault_of_host"), {"own": 1, "host_fault": 1})
