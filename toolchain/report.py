"""What a build did, in numbers: the data of firmware.report.json and its form for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ringfence.linker_scripts import SandboxLayout
from ringfence.toolchain.close import ClosedSandbox
from ringfence.toolchain.errors import RingfenceError
from ringfence.toolchain.place import Placed
from ringfence.verify.recheck import Outcome

_VERSION = 1


def make_report(
    name: str, placed: Placed, closed: Sequence[ClosedSandbox], outcome: Outcome, notes: Sequence[str]
) -> dict[str, Any]:
    """The report as JSON data. Sizes are bytes, addresses hex strings."""
    checked = outcome.report
    return {
        "version": _VERSION,
        "firmware": name,
        "verdict": "certified" if checked.accepted else "rejected",
        "links": placed.rounds + 1,
        "verification": {
            "functions": checked.functions, "blocks": checked.blocks, "instructions": checked.instructions,
            "obligations": checked.obligations, "theorems": checked.theorems,
            "gates": "checked" if checked.gates else "not declared",
            "seconds": round(outcome.seconds, 3), **outcome.statistics,
        },
        "host_regions": [{"name": r.name, "origin": f"{r.origin:#010x}", "length": r.length}
                         for r in placed.layout.regions],
        "notes": [*placed.layout.notes, *notes],
        "sandboxes": [_sandbox(placed, c) for c in closed],
    }


def _sandbox(placed: Placed, closed: ClosedSandbox) -> dict[str, Any]:
    name = closed.spec.name
    box, needs = placed.layout.sandbox(name), placed.result.needs[name]
    original = placed.linked.section(f".ringfence.{name}.code")
    return {
        "name": name,
        "mode": closed.spec.mode,
        "confine": closed.spec.confine,
        "shadow": closed.spec.shadow,
        "exports": [p.name for p in closed.spec.exports],
        "imports": list(closed.imports),
        "weak_symbols_set_to_0": list(closed.weak),
        "code_reserved": box.code_end - box.code_start,
        "code_rewritten": needs.code_bytes,
        "output_section": original.size if original else 0,
        "constants": box.const_end - box.const_start,
        "ram": _ram(box),
        "stack_needed": needs.stack,
        "recursive": list(needs.recursive),
        "dynamic_frames": list(needs.dynamic),
        "rewriting": placed.result.stats.get(name, {}),
    }


def _ram(box: SandboxLayout) -> dict[str, Any]:
    start, end = box.extent
    return {
        "window": f"{box.window_base:#010x}", "window_size": box.window_size, "data": box.data_end - box.data_start,
        "bss": box.bss_end - box.bss_start, "heap": box.heap_end - box.heap_start,
        "stack": box.stack_high - box.stack_low, "shadow": box.shadow_high - box.shadow_low,
        "slack": box.slack_below + box.slack_above, "total": end - start,
    }


def report_bytes(report: dict[str, Any]) -> bytes:
    return (json.dumps(report, indent=1) + "\n").encode()


def read_report(data: bytes, what: str) -> dict[str, Any]:
    """Parse firmware.report.json; RingfenceError for anything else."""
    try:
        report = json.loads(data)
    except ValueError as error:
        raise RingfenceError(f"{what}: not a report: {error}") from None
    if not isinstance(report, dict) or report.get("version") != _VERSION or "verification" not in report:
        raise RingfenceError(f"{what}: not a report of this version", "give the FIRMWARE.report.json of a build")
    return report


def report_lines(report: dict[str, Any]) -> list[str]:
    """The report as lines of text."""
    v = report["verification"]
    lines = [
        f"{report['firmware']}: {report['verdict']}: {v['functions']} functions, {v['instructions']} instructions, "
        f"{v['obligations']} obligations, {v['theorems']} theorems in {v['seconds']} s; "
        f"gates: {v.get('gates', 'not declared')}",
    ]
    for box in report["sandboxes"]:
        ram = box["ram"]
        lines += [
            f"sandbox {box['name']} ({box['mode']}, {box['confine']} confined): code {box['code_rewritten']} bytes, "
            f"constants {box['constants']}, "
            f"RAM {ram['total']}",
            f"  window {ram['window_size']} bytes at {ram['window']}: data {ram['data']}, bss {ram['bss']}, "
            f"heap {ram['heap']}, stack {ram['stack']} ({box['stack_needed']} needed); "
            f"{'words for return addresses' if box.get('shadow') == 'words' else 'shadow stack'} {ram['shadow']}, "
            f"slack {ram['slack']}",
        ]
        if box["rewriting"]:
            lines.append("  " + ", ".join(f"{key}: {value}" for key, value in box["rewriting"].items()))
        if box["recursive"]:
            lines.append("  recursive, with a run-time stack check: " + ", ".join(box["recursive"]))
        if box["dynamic_frames"]:
            lines.append("  alloca, with a run-time stack check: " + ", ".join(box["dynamic_frames"]))
    return lines + [f"note: {note}" for note in report["notes"]]
