"""From two runs of one program to its row of figures."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.cycles import estimate, timing
from bench.firmware import Config, Native, Sandboxed
from bench.measure import Counts, Executed, MeasureError, total
from bench.programs import Program

Row = dict[str, Any]
_ADDRESS = {"add", "sub", "addw", "subw"}
_SPILL = {"push", "pop"}
_ACCESSES = {"stores": "store", "loads": "load", "loops": "loop"}  # loop guards: those that run before a loop
RATIOS = ("instructions", "cycles", "text")  # of the sandboxed code; whole_* with gates and runtime


def make_row(program: Program, config: Config, native: Native, boxed: Sandboxed, runs: tuple[Counts, Counts]) -> Row:
    """The figures of one program. MeasureError unless both firmwares printed the same."""
    plain, guarded = runs
    if _said(plain) != _said(guarded):
        raise MeasureError(f"{program.name} {config.name}: native printed {_said(plain)}, sandboxed {_said(guarded)}")
    before = plain.outside(native.harness)
    inside, whole = guarded.inside([boxed.code]), guarded.outside(boxed.harness)
    return {
        "program": program.name, "library": program.library, "config": config.name, "mode": config.mode,
        "confine": config.confine,
        "instructions_native": total(before), "instructions_sandboxed": total(inside),
        "instructions_with_gates": total(whole),
        "cycles_native": round(estimate(before)), "cycles_sandboxed": round(estimate(inside)),
        "cycles_with_gates": round(estimate(whole)),
        "text_native": boxed.text_before, "text_sandboxed": boxed.text,
        "flash_native": native.flash, "flash_sandboxed": boxed.flash,
        "ram_native": native.data, "ram_sandboxed": dict(boxed.ram),
        "inserted": inserted(guarded.executed, boxed, total(inside) - total(before)),
        "inserted_static": static_counts(inside, boxed), "stores": stores(guarded.executed, boxed), "rewriting": dict(boxed.rewriting), "verification": dict(boxed.verification),
        "output": list(_said(plain)),
    }  # fmt: skip


def _said(counts: Counts) -> tuple[str, ...]:
    return tuple(line for line in counts.output if not line.startswith("ticks "))


def inserted(executed: Mapping[int, Executed], boxed: Sandboxed, difference: int) -> dict[str, int]:
    """Executions of what the rewriter put in, by what it is for. `layout`: the rest of the difference to the native
    run: IT instructions, branches and literals that had to become longer, and stubs of the C library that differ."""
    result: Counter[str] = Counter()
    for address, what in boxed.made_by.items():
        e = executed.get(address)
        if e is not None:
            result[_kind(what, e.raw)] += e.times
    result["slot branches"] = sum(e.times for address, e in executed.items() if address in boxed.slots)
    result["layout"] = difference - sum(result.values())
    return {what: n for what, n in result.most_common() if n}


def _kind(what: str, raw: bytes) -> str:
    if what not in _ACCESSES:
        return what
    name, access = timing(raw).name, _ACCESSES[what]
    return f"{access} {'addresses' if name in _ADDRESS else 'spills' if name in _SPILL else 'guards'}"


def static_counts(executed: Mapping[int, Executed], boxed: Sandboxed) -> dict[str, int]:
    """How many instructions of each kind were put in; of those never executed only the pass is known."""
    counts = Counter(_kind(what, executed[address].raw) if address in executed else what
                     for address, what in boxed.made_by.items())
    return dict(counts.most_common())


def stores(executed: Mapping[int, Executed], boxed: Sandboxed) -> dict[str, dict[str, int]]:
    """Stores of the program by what was done about them: how many there are, and how often they were executed."""
    result: dict[str, dict[str, int]] = {}
    for address, what in boxed.stores.items():
        kind = result.setdefault(what, {"static": 0, "executed": 0})
        kind["static"] += 1
        kind["executed"] += executed[address].times if address in executed else 0
    return result


def configuration(row: Row) -> str:
    """What rows are shown together by: `m3-O2`, `m3-O2-reads`."""
    confine = row.get("confine", "writes")
    return str(row["config"]) + ("" if confine == "writes" else f"-{confine}")


def overhead(row: Row, what: str, against: str = "sandboxed") -> float:
    """By how much `what` grew, as a fraction."""
    return float(row[f"{what}_{against}"]) / float(row[f"{what}_native"]) - 1


def geometric_mean(rows: Sequence[Row], what: str, against: str = "sandboxed") -> float:
    """The geometric mean of the ratios, less 1."""
    return math.exp(sum(math.log1p(overhead(r, what, against)) for r in rows) / len(rows)) - 1


def summary(rows: Iterable[Row]) -> list[Row]:
    """For each configuration: geometric means, and the worst program by instructions."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["config"], row["mode"], row["confine"]), []).append(row)
    result = []
    for (config, mode, confine), members in groups.items():
        worst = max(members, key=lambda r: overhead(r, "instructions"))
        result.append({
            "config": config, "mode": mode, "confine": confine, "programs": len(members),
            **{what: geometric_mean(members, what) for what in RATIOS},
            "instructions_with_gates": geometric_mean(members, "instructions", "with_gates"),
            "cycles_with_gates": geometric_mean(members, "cycles", "with_gates"),
            "flash": geometric_mean(members, "flash"),
            "worst": worst["program"], "worst_instructions": overhead(worst, "instructions"),
        })  # fmt: skip
    return result


def inserted_shares(rows: Sequence[Row]) -> dict[str, float]:
    """By kind what the rewriter put in, as the mean share of native instructions; the largest first."""
    shares: dict[str, float] = {}
    for row in rows:
        for what, n in row["inserted"].items():
            shares[what] = shares.get(what, 0) + n / row["instructions_native"] / len(rows)
    return dict(sorted(shares.items(), key=lambda pair: -pair[1]))


def access_shares(rows: Sequence[Row]) -> dict[str, tuple[int, float]]:
    """By what was done about accesses: how many there are, and the mean share of native instructions; the largest
    first."""
    found: dict[str, tuple[int, float]] = {}
    for row in rows:
        for what, counts in row.get("stores", {}).items():
            static, share = found.get(what, (0, 0.0))
            executed = counts["executed"] / row["instructions_native"] / len(rows)
            found[what] = static + counts["static"], share + executed
    return dict(sorted(found.items(), key=lambda pair: -pair[1][1]))


def write_results(path: Path, rows: Sequence[Row], failed: Sequence[Row], versions: Mapping[str, str]) -> None:
    """build/bench/results.json."""
    contents = {"programs": list(rows), "summary": summary(rows), "failed": list(failed), "sources": dict(versions)}
    path.write_text(json.dumps(contents, indent=1) + "\n")


def read_results(path: Path) -> list[Row]:
    """The rows of such a file."""
    rows: list[Row] = json.loads(path.read_text())["programs"]
    return rows
