"""examples/attacks: each attack works on the plain firmware, and none on the sandboxed one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from emulator import EXAMPLES, Run, run_firmware, scons

FOLDER = EXAMPLES / "attacks"
SOURCE = (FOLDER / "main.c").read_text()
ATTACKS = re.findall(r"^    (?:ATTACK\(|\{\")(\w+)", SOURCE, re.MULTILINE)
REFUSED = sorted((FOLDER / "refused").glob("case_*"))
LAST_LINE = "host: goes on"

# What the gate says after an attack. Most go on in the window after their store or jump was redirected, and the gate
# returns what they return; these end in a fault, whatever the mode.
FAULTS = {"recursion": "stack limit", "endless_loop": "aborted"}


def attack(elf: Path, name: str) -> Run:
    return run_firmware(elf, ["attacks", name])


def test_every_attack_of_the_issue_is_there() -> None:
    assert {"wild_store", "return_address", "function_pointer", "recursion", "memset_overrun", "peripheral_store",
            "code_store", "vector_store", "asm_jump"} <= set(ATTACKS)
    assert len(ATTACKS) == len(set(ATTACKS))


@pytest.mark.parametrize("name", ATTACKS)
def test_the_attack_works_without_a_sandbox(plain: Path, name: str) -> None:
    run = attack(plain, name)
    assert f"attack {name}: worked" in run.lines
    assert run.status == 0


@pytest.mark.parametrize("mode", ["mask", "trap"])
@pytest.mark.parametrize("name", ATTACKS)
def test_the_attack_is_contained_in_a_sandbox(request: pytest.FixtureRequest, mode: str, name: str) -> None:
    run = attack(request.getfixturevalue(mode), name)
    assert f"attack {name}: contained" in run.lines, "\n".join(run.lines)
    assert "host: unchanged" in run.lines
    assert run.lines[-1] == LAST_LINE
    assert run.status == 0


@pytest.mark.slow
@pytest.mark.parametrize("level", ["-O0", "-O1", "-O3", "-Og", "-Os"])
def test_attacks_work_plain_and_are_contained_at_every_optimisation_level(level: str) -> None:
    folder = f"build/{level}"
    build = scons("attacks", f"BUILD={folder}", f"OPT={level}", f"{folder}/plain.elf", f"{folder}/mask.elf")
    assert build.status == 0, build.output
    for name in ATTACKS:
        assert f"attack {name}: worked" in attack(FOLDER / folder / "plain.elf", name).lines
        run = attack(FOLDER / folder / "mask.elf", name)
        assert {f"attack {name}: contained", "host: unchanged", LAST_LINE} <= set(run.lines), run.lines


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_an_attack_that_cannot_go_on_becomes_an_error_of_the_gate(mask: Path, name: str) -> None:
    run = attack(mask, name)
    gate = next(line for line in run.lines if line.startswith("gate:"))
    assert re.fullmatch(rf"gate: returned=-1 status=6 fault={FAULTS[name]}", gate), gate


@pytest.mark.parametrize("name", ["wild_store", "code_store", "vector_store", "peripheral_store", "memset_overrun"])
def test_trap_mode_reports_the_stray_store(trap: Path, name: str) -> None:
    run = attack(trap, name)
    assert "gate: returned=-1 status=6 fault=stray store" in run.lines, "\n".join(run.lines)


@pytest.fixture(scope="module")
def refusals() -> dict[str, str]:
    """What the build said about each program that must be refused: file name of the ELF to messages."""
    build = scons("attacks", "--keep-going", "refused")
    assert build.status != 0, build.output
    _, *parts = re.split(r"^Certifying build/(\S+)$", build.output, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("case", REFUSED, ids=lambda path: path.stem)
def test_code_that_cannot_be_contained_is_refused_and_nothing_is_published(
    refusals: dict[str, str], case: Path
) -> None:
    program = case.stem.replace("case_", "refused_")
    expected = re.match(r"(?:@|/\*) refused: (.*?)(?: \*/)?\n", case.read_text())
    assert expected is not None
    message = refusals[f"{program}.elf"]
    assert re.search(rf"^ringfence: .*{expected[1]}", message, re.DOTALL | re.MULTILINE), message
    assert "Traceback" not in message
    assert [path.name for path in (FOLDER / "build").glob(f"{program}.*") if path.is_file()] == []
