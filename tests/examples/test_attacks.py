"""examples/attacks: each attack works on the plain firmware, and none on the sandboxed one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import attack_suite
import pytest
from attack_suite import Attack, Outcome, attempt, listed
from emulator import EXAMPLES, run_firmware, scons

FOLDER = EXAMPLES / "attacks"
ATTACKS = re.findall(r"^    (?:ATTACK\(|\{\")(\w+)", (FOLDER / "host/catalogue.c").read_text(), re.MULTILINE)
REFUSED = sorted((FOLDER / "refused").glob("case_*"))
CATEGORIES = {"memory", "control flow", "stack", "gates", "interrupts", "timing", "resources"}

# What the gate says after an attack. Most go on in the window after their store or jump was redirected, and the gate
# returns what they return; these end in a fault, whatever the mode.
FAULTS = {
    "recursion": "stack limit", "indirect_recursion": "stack limit", "endless_loop": "aborted",
    "endless_import": "aborted", "deputy_pointer": "bad pointer to an import", "exit": "exit or abort",
    "null_call": "bad function pointer", "bus_error": "bus fault", "asm_unaligned_load": "usage fault",
    "asm_undefined": "undefined instruction",
}
STRAY = ["wild_store", "code_store", "vector_store", "peripheral_store", "memset_overrun", "neighbour_store",
         "bitband_store", "mirror_store", "nvic_disable", "vector_table_move", "asm_stm_straddle"]
# Both levels and modes are run by `make attacks`; at -O0 the tests make one attack of each kind of code.
AT_O0 = ["wild_store", "use_after_free", "return_address", "fake_vtable", "stack_upward", "reentry", "result_range",
         "callee_saved", "nmi_pend", "systick_off", "heap_exhaustion", "exit"]


def test_there_are_at_least_forty_attacks_in_seven_categories(plain: Path) -> None:
    attacks = listed(plain)
    assert [a.name for a in attacks] == ATTACKS
    assert len(set(ATTACKS)) == len(ATTACKS) >= 40
    assert {a.category for a in attacks} == CATEGORIES


@pytest.mark.parametrize("name", ATTACKS)
def test_the_attack_works_without_a_sandbox(plain: Path, name: str) -> None:
    assert attempt(plain, name).worked


@pytest.mark.parametrize("name", ATTACKS)
def test_the_attack_is_contained_in_a_sandbox(mask: Path, name: str) -> None:
    outcome = attempt(mask, name)
    assert outcome.contained
    assert not outcome.worked


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_an_attack_that_cannot_go_on_becomes_an_error_of_the_gate(mask: Path, name: str) -> None:
    assert attempt(mask, name).gate == f"returned=-1 status=6 fault={FAULTS[name]}"


@pytest.mark.parametrize("name", STRAY)
def test_trap_mode_reports_the_stray_store(trap: Path, name: str) -> None:
    assert attempt(trap, name) == Outcome(False, True, "returned=-1 status=6 fault=stray store")


@pytest.mark.parametrize("name", AT_O0)
def test_unoptimised_code_is_contained_too(unoptimised: Path, name: str) -> None:
    assert attempt(unoptimised / "plain.elf", name).worked
    assert attempt(unoptimised / "mask.elf", name).contained


def test_a_result_that_is_out_of_range_or_points_elsewhere_does_not_reach_the_host(mask: Path) -> None:
    assert attempt(mask, "result_pointer").gate.startswith("returned=-1 status=4")
    assert attempt(mask, "result_range").gate.startswith("returned=0 status=0")


@pytest.mark.slow
@pytest.mark.parametrize("level", ["-O1", "-O3", "-Og", "-Os"])
def test_attacks_are_contained_at_the_other_optimisation_levels(level: str) -> None:
    folder = attack_suite.build(level, ["mask"])
    for name in AT_O0:
        assert attempt(folder / "mask.elf", name).contained, name


def test_an_attack_that_is_not_contained_fails_the_suite(plain: Path) -> None:
    """The plain firmware in place of the sandboxed one."""
    outcome = attempt(plain, "wild_store")
    assert (outcome.worked, outcome.contained) == (True, False)
    result = attack_suite.measure(Attack("wild_store", "memory", "x"), {"-O2": plain.parent / "no-such-folder"})
    assert not result["works_plain"]
    assert not result["contained"]


def test_the_table_gives_what_was_measured_and_nothing_else() -> None:
    detail = {"plain -O0": "worked", "plain -O2": "worked", "mask -O0": "contained (aborted)",
              "mask -O2": "NOT CONTAINED", "trap -O0": "contained (bus fault)", "trap -O2": "contained (bus fault)"}
    result = {"name": "n", "category": "memory", "what": "w", "works_plain": True, "contained": False, "detail": detail}
    text = attack_suite.table([result])
    assert "0 work without protection and are contained" in text
    assert "| works | -O0: contained (aborted); -O2: NOT CONTAINED | contained (bus fault) |" in text


def test_the_fault_record_that_the_host_prints_is_explained_down_to_the_source_line(trap: Path) -> None:
    record = next(line for line in run_firmware(trap, ["attacks", "wild_store"]).lines if "ringfence-fault" in line)
    command = [Path(sys.executable).parent / "ringfence", "explain", "--fault", record, "--elf", trap, "--policy",
               trap.with_suffix(".policy.json"), "--map", trap.with_suffix(".map.json")]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "sandbox hostile: stray store" in done.stdout
    line = (FOLDER / "sandbox/memory.c").read_text().splitlines().index("    *(volatile uint32_t *)target = MARK;") + 1
    assert f"memory.c:{line}" in done.stdout


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


def test_results_are_written_for_every_attack(tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attack_suite, "LEVELS", ("-O2",))
    monkeypatch.setattr(attack_suite, "MODES", ("mask",))
    monkeypatch.setattr(attack_suite, "build", lambda level: plain.parent)
    monkeypatch.setattr(attack_suite, "listed", lambda elf: [Attack("wild_store", "memory", "x")])
    monkeypatch.setattr(attack_suite, "table", lambda results: "table")
    monkeypatch.setattr(sys, "argv", ["suite", "--results", str(tmp_path / "r.json"), "--table", str(tmp_path / "t.md")])
    with pytest.raises(SystemExit) as ended:
        attack_suite.main()
    assert ended.value.code == 0
    first = json.loads((tmp_path / "r.json").read_text())["attacks"][0]
    assert {k: first[k] for k in ("name", "category", "works_plain", "contained")} == {
        "name": "wild_store", "category": "memory", "works_plain": True, "contained": True}
