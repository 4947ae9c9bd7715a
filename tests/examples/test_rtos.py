"""examples/rtos: pre-emptive tasks that call sandboxes, and are switched while they are inside."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from emulator import EXAMPLES, Run, run_firmware, scons


@pytest.fixture(scope="module")
def run(rtos: Path) -> Run:
    return run_firmware(rtos / "firmware.elf")


def numbers(run: Run) -> dict[str, int]:
    """All `name=value` of the output."""
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", "\n".join(run.lines))}


def test_the_program_says_that_every_check_held(run: Run) -> None:
    assert run.status == 0, "\n".join(run.lines)
    assert run.lines[-1] == "rtos: ok"


def test_tasks_are_switched_while_sandboxes_are_active_and_no_result_is_wrong(run: Run) -> None:
    seen = numbers(run)
    assert seen["inside"] >= 100
    assert seen["wrong"] == 0


def test_the_scheduler_finds_every_tasks_sp_in_its_own_stack(run: Run) -> None:
    assert numbers(run)["stack_errors"] == 0


def test_a_sandbox_that_serves_one_task_refuses_the_others(run: Run) -> None:
    assert numbers(run)["busy"] > 0


def test_a_tenant_that_hangs_or_faults_in_one_task_comes_back_and_the_others_go_on(run: Run) -> None:
    seen = numbers(run)
    assert (seen["aborted"], seen["faulted"], seen["recovered"]) == (3, 3, 6)


@pytest.mark.slow
def test_it_works_without_optimisation() -> None:
    build = scons("rtos", "BUILD=build/O0", "OPT=-O0", "build/O0/firmware.elf")
    assert build.status == 0, build.output
    assert run_firmware(EXAMPLES / "rtos/build/O0/firmware.elf").lines[-1] == "rtos: ok"
