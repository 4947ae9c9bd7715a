"""`make attacks`: every attack of examples/attacks in QEMU, without a sandbox and in sandboxes of both modes.

Writes results.json and a table in Markdown. Exit status 0 only if every attack works on every plain firmware and none
on a sandboxed one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator import EXAMPLES, run_firmware, scons

ROOT = EXAMPLES.parent
EXAMPLE = EXAMPLES / "attacks"
RESULTS = ROOT / "build" / "attacks" / "results.json"
TABLE = ROOT / "docs" / "attacks.md"
LEVELS = ("-O0", "-O2")
MODES = ("mask", "trap")
TIMEOUT = 60.0  # seconds; the longest run, a loop ended by its budget, takes less than two


@dataclass(frozen=True)
class Attack:
    """An attack as the firmware lists it."""

    name: str
    category: str
    what: str


@dataclass(frozen=True)
class Outcome:
    """What one run of one attack showed. `gate`: how its call ended, "" where nothing was said."""

    worked: bool
    contained: bool
    gate: str


def build(level: str, programs: Sequence[str] = ("plain", *MODES)) -> Path:
    """Build the programs at one optimisation level; their folder. SystemExit with SCons's messages if that fails."""
    folder = f"build/{level.lstrip('-')}"
    built = scons("attacks", f"BUILD={folder}", f"OPT={level}", *(f"{folder}/{p}.elf" for p in programs))
    if built.status != 0:
        sys.exit(f"attacks: the build at {level} failed:\n{built.output}")
    return EXAMPLE / folder


def listed(elf: Path) -> list[Attack]:
    """The attacks that a firmware knows."""
    lines = run_firmware(elf, ["attacks", "list"]).lines
    return [Attack(*line.split("|")) for line in lines if line.count("|") == 2]


def attempt(elf: Path, name: str) -> Outcome:
    """Run one attack. Contained means: the host said so, is unchanged, went on and ended with status 0."""
    try:
        run = run_firmware(elf, ["attacks", name], TIMEOUT)
    except subprocess.TimeoutExpired:
        return Outcome(False, False, "did not end")
    gate = next((line.removeprefix("gate: ") for line in run.lines if line.startswith("gate: ")), "")
    wanted = {f"attack {name}: contained", "host: unchanged"}
    contained = wanted <= set(run.lines) and run.lines[-1] == "host: goes on" and run.status == 0
    return Outcome(f"attack {name}: worked" in run.lines and run.status == 0, contained, gate)


def measure(attack: Attack, folders: dict[str, Path]) -> dict[str, Any]:
    """One element of results.json; `detail` has every single run."""
    plain = {level: attempt(folder / "plain.elf", attack.name) for level, folder in folders.items()}
    boxed = {f"{mode} {level}": attempt(folder / f"{mode}.elf", attack.name)
             for level, folder in folders.items() for mode in MODES}
    return {
        "name": attack.name, "category": attack.category, "what": attack.what,
        "works_plain": all(o.worked for o in plain.values()),
        "contained": all(o.contained and not o.worked for o in boxed.values()),
        "detail": {**{f"plain {level}": "worked" if o.worked else "did not work" for level, o in plain.items()},
                   **{run: f"contained ({_how(o)})" if o.contained else "NOT CONTAINED" for run, o in boxed.items()}},
    }


def _how(outcome: Outcome) -> str:
    """In a few words: the fault that ended the call, or that it went on inside its own memory."""
    fields = dict(part.split("=", 1) for part in outcome.gate.replace("fault=", "fault=", 1).split(" ", 2))
    if fields.get("status") == "6":
        return fields["fault"]
    return "went on inside" if fields.get("status") == "0" else f"refused, status {fields.get('status')}"


def table(results: Sequence[dict[str, Any]]) -> str:
    """docs/attacks.md, from measured results alone."""
    counts = Counter(r["category"] for r in results)
    held = sum(r["works_plain"] and r["contained"] for r in results)
    runs = len(results[0]["detail"]) * len(results)
    head = ["# Attacks", "",
            "Written by `make attacks`; do not edit. Every attack of `examples/attacks` runs in QEMU (Cortex-M3) on",
            "the plain firmware, where it must work, and in sandboxes of both modes, where it must not; each with",
            f"code compiled at {' and '.join(LEVELS)}.", "",
            f"{len(results)} attacks ({', '.join(f'{n} {c}' for c, n in counts.items())}), {runs} runs: "
            f"{held} work without protection and are contained with it.", "",
            "| attack | category | what it does | plain | sandboxed, mask | sandboxed, trap |",
            "|---|---|---|---|---|---|"]
    rows = [f"| {r['name']} | {r['category']} | {r['what']} | {'works' if r['works_plain'] else 'NO'} | "
            f"{_cell(r, 'mask')} | {_cell(r, 'trap')} |" for r in results]
    return "\n".join([*head, *rows, ""])


def _cell(result: dict[str, Any], mode: str) -> str:
    """How the attack ended in one mode; both levels where they differ."""
    ends = [result["detail"][f"{mode} {level}"] for level in LEVELS]
    return ends[0] if len(set(ends)) == 1 else "; ".join(f"{lv}: {e}" for lv, e in zip(LEVELS, ends, strict=True))


def main() -> None:
    """Build, run everything, write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", type=Path, default=TABLE)
    options = parser.parse_args()
    folders = {level: build(level) for level in LEVELS}
    attacks = listed(folders[LEVELS[0]] / "plain.elf")
    if not attacks:
        sys.exit("attacks: the firmware lists none")
    results = [measure(attack, folders) for attack in attacks]
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps({"attacks": results}, indent=1) + "\n")
    options.table.write_text(table(results))
    failed = [r for r in results if not (r["works_plain"] and r["contained"])]
    for r in failed:
        print(f"{r['name']}: FAILED: {r['detail']}")
    held = len(results) - len(failed)
    print(f"attacks: {held} of {len(results)} work plain and are contained, at {', '.join(LEVELS)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
