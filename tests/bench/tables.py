"""The figures as tables on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.results import Row, access_shares, configuration, inserted_shares, overhead, summary

_SHOWN_REASONS = 3


def print_progress(row: Row) -> Row:
    """One line for a finished program."""
    console = Console(highlight=False)
    name = f"{row['program']} {configuration(row)}"
    if "error" in row:
        console.print(f"{name}: FAILED: {row['error']}", markup=False)
    else:
        console.print(f"{name}: {overhead(row, 'instructions'):+.1%} instructions ({row['seconds']} s)", markup=False)
    return row


def print_tables(rows: Sequence[Row], failed: Sequence[Row]) -> None:
    """Per program, the geometric means, and where the executed instructions of all programs come from."""
    console = Console(highlight=False, width=170)
    for config in dict.fromkeys(map(configuration, rows)):
        members = [r for r in rows if configuration(r) == config]
        console.print(_programs(config, members))
        console.print(_reasons(config, members))
        console.print(_kinds(config, members))
    console.print(_summary(rows))
    console.print(
        "instructions, cycles and .text: the program in the sandbox against the program alone; 'with gates': what the "
        "gates and the runtime execute for the one call included, which is the first: it initialises the window. "
        "Cycles are an estimate (docs/benchmarks.md)."
    )
    for row in failed:
        console.print(f"FAILED {row['program']} {configuration(row)}: {row['error']}", markup=False)


def _programs(config: str, rows: Sequence[Row]) -> Table:
    table = Table(title=f"{config}: native and sandboxed")
    columns = ("program", "instructions", "sandboxed", "", "with gates", "cycles", ".text", "sandboxed", "", "RAM kept",
               "guards", "why")  # fmt: skip
    for name in columns:
        table.add_column(name, justify="left" if name in ("program", "why") else "right")
    for row in rows:
        table.add_row(
            row["program"], f"{row['instructions_native']:,}", f"{row['instructions_sandboxed']:,}",
            f"{overhead(row, 'instructions'):+.1%}", f"{overhead(row, 'instructions', 'with_gates'):+.1%}",
            f"{overhead(row, 'cycles'):+.1%}", f"{row['text_native']:,}", f"{row['text_sandboxed']:,}",
            f"{overhead(row, 'text'):+.1%}",
            f"{sum(v for k, v in row['ram_sandboxed'].items() if k != 'stack'):,}",
            f"{sum(row['rewriting'].get(f'{what} guarded', 0) for what in ('stores', 'loads')):,}", why(row),
        )  # fmt: skip
    return table


def why(row: Row) -> str:
    """Where the instructions come from that the sandbox adds, in percent of the native run."""
    parts = [(n, what) for what, n in row["inserted"].items() if n > 0][:_SHOWN_REASONS]
    return ", ".join(f"{what} {n / row['instructions_native']:.1%}" for n, what in parts)


def _reasons(config: str, rows: Sequence[Row]) -> Table:
    table = Table(title=f"{config}: what the rewriter put in, by kind")
    for name in ("kind", "executions", "mean share of native instructions"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    executions: Counter[str] = Counter()
    for row in rows:
        executions.update(row["inserted"])
    for what, share in inserted_shares(rows).items():
        table.add_row(what, f"{executions[what]:,}", f"{share:.2%}")
    return table


def _kinds(config: str, rows: Sequence[Row]) -> Table:
    """Stores, and loads that are confined, by what was done about them. Each that has no guard of its own saves at
    least an instruction whenever it is executed."""
    table = Table(title=f"{config}: accesses by kind")
    for name in ("kind", "static count", "mean share of native instructions", "saved by it"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for what, (static, share) in access_shares(rows).items():
        guarded = what.endswith(" guarded")
        table.add_row(what, f"{static:,}", f"{share:.2%}", "" if guarded else f"{share:.2%}")
    return table


def _summary(rows: Sequence[Row]) -> Table:
    table = Table(title="geometric means of what the sandbox adds")
    for name in ("config", "programs", "instructions", "with gates", "cycles", "with gates", ".text", "flash", "worst"):
        table.add_column(name, justify="left" if name in ("config", "worst") else "right")
    for s in summary(rows):
        table.add_row(
            f"{s['config']} {s['mode']} {s['confine']}", str(s["programs"]), f"{s['instructions']:+.2%}",
            f"{s['instructions_with_gates']:+.2%}", f"{s['cycles']:+.2%}", f"{s['cycles_with_gates']:+.2%}",
            f"{s['text']:+.1%}", f"{s['flash']:+.1%}", f"{s['worst']} {s['worst_instructions']:+.1%}",
        )  # fmt: skip
    return table
