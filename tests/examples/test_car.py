"""examples/car: a tenant that is attacked, fails and comes back, beside one that does not notice, under a deadline."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from emulator import Run, run_firmware

DEADLINE, LATEST_START = 120, 32  # instructions after a step is due
FAULTS = {"letter": "stray store", "deep": "stack limit", "slow": "aborted"}


@pytest.fixture(scope="module")
def run(car: Path) -> Run:
    return run_firmware(car / "firmware.elf")


def test_the_car_says_that_every_check_held(run: Run) -> None:
    assert run.status == 0, "\n".join(run.lines)
    assert run.lines[-1] == "car: ok"
    assert not [line for line in run.lines if "FAILED" in line]


def test_the_control_loop_meets_its_deadline_whatever_the_tenants_do(run: Run) -> None:
    line = next(line for line in run.lines if line.startswith("control:"))
    seen = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", line)}
    assert seen["steps"] == seen["due"] > 300  # long enough that every part of the run was interrupted
    assert 0 < seen["latest_start"] <= LATEST_START
    assert seen["latest_start"] < seen["latest_end"] <= DEADLINE


@pytest.mark.parametrize(("message", "fault"), FAULTS.items())
def test_each_hostile_message_ends_in_its_own_fault(run: Run, message: str, fault: str) -> None:
    assert f"{message}: {fault}" in run.lines


def test_the_record_of_the_stray_store_leads_into_the_third_party_library(run: Run, car: Path) -> None:
    """CVE-2023-45667 swaps rows with memcpy: the store is in the library's private copy of it, or in the swap itself."""
    record = run.lines[run.lines.index("letter: stray store") + 1]
    command = [Path(sys.executable).parent / "ringfence", "explain", "--fault", record, "--elf", car / "firmware.elf",
               "--policy", car / "firmware.policy.json", "--map", car / "firmware.map.json"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("sandbox entertainment: stray store"), done.stdout + done.stderr
    assert re.search(r"in (memcpy|\S*stbi_\S*|\S*show\S*)", done.stdout), done.stdout


def test_the_same_message_kills_the_firmware_without_a_sandbox(car: Path) -> None:
    plain = run_firmware(car / "firmware-plain.elf")
    assert plain.status != 0
    assert "car: ok" not in plain.lines
