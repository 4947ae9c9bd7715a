"""`make bench`: builds every program twice, runs both in QEMU on the same input, and prints what the sandbox costs.

    python -m bench.run [--program NAME]... [--level -O2]... [--jobs 2]

Writes build/bench/results.json and plots. Ends with status 1 if a program could not be built, certified or run, or if
its output differs from the native run's.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path

import click

from bench.firmware import Builder, Config
from bench.measure import MeasureError, build_plugin, run_counted
from bench.plots import draw
from bench.programs import PROGRAMS, ROOT, Program, by_name
from bench.results import Row, make_row, write_results
from bench.sources import SourceError, Sources
from bench.tables import print_progress, print_tables
from ringfence.toolchain.errors import RingfenceError

FOLDER = ROOT / "build" / "bench"


def measure(program: Program, config: Config, folder: Path = FOLDER) -> Row:
    """Build, certify and run one program; its row of figures."""
    start = time.perf_counter()
    builder = Builder(folder, Sources(folder / "sources"))
    plugin = build_plugin(folder)
    native, boxed = builder.native(program, config), builder.sandboxed(program, config)
    runs = run_counted(native.elf, plugin), run_counted(boxed.elf, plugin)
    return {**make_row(program, config, native, boxed, runs), "seconds": round(time.perf_counter() - start, 1)}


def measure_or_explain(program: Program, config: Config) -> Row:
    """The same; what goes wrong becomes a row with `error`."""
    try:
        return measure(program, config)
    except (RingfenceError, MeasureError) as error:
        return {"program": program.name, "config": config.name, "confine": config.confine, "error": str(error)}


def fetch(programs: Sequence[Program]) -> dict[str, str]:
    """All third-party sources, before the processes share the folder: package: version."""
    sources = Sources(FOLDER / "sources")
    build_plugin(FOLDER)
    return {p.package: sources.get(p.package).version for p in programs if p.package is not None}


def start_all(pool: Executor, programs: Sequence[Program], configs: Sequence[Config]) -> list[Future[Row]]:
    return [pool.submit(measure_or_explain, program, config) for config in configs for program in programs]


def configurations(
    levels: Sequence[str], mode: str, confine: str | None, compiler: str, shadow: str = "stack"
) -> list[Config]:
    """All levels with writes confined, and -O2 with reads confined, unless `confine` says which."""
    found = [Config(level, mode, confine or "writes", compiler, shadow) for level in levels]
    if confine is None and "-O2" in levels:
        found.append(Config("-O2", mode, "reads", compiler, shadow))
    return found


@click.command()
@click.option("--program", "names", multiple=True, help="Only this program; may be repeated.")
@click.option("--level", "levels", multiple=True, default=("-O2", "-Os"), help="Optimisation level; may be repeated.")
@click.option("--mode", type=click.Choice(["mask", "trap"]), default="mask")
@click.option("--confine", type=click.Choice(["writes", "reads"]), help="Only this; by default reads at -O2, too.")
@click.option("--compiler", type=click.Choice(["gcc", "clang"]), default="gcc", help="Of the programs (clang 14).")
@click.option(
    "--shadow", type=click.Choice(["stack", "words"]), default="stack", help="Where return addresses are kept."
)
@click.option("--jobs", default=2, help="How many programs are built at a time.")
@click.option("--output", type=click.Path(path_type=Path), default=FOLDER / "results.json", help="Where figures go.")
def main(
    names: tuple[str, ...],
    levels: tuple[str, ...],
    mode: str,
    confine: str | None,
    compiler: str,
    shadow: str,
    jobs: int,
    output: Path,
) -> None:
    unknown = set(names) - {p.name for p in PROGRAMS}
    if unknown:
        raise click.UsageError(f"no program {', '.join(sorted(unknown))}; known: {', '.join(p.name for p in PROGRAMS)}")
    programs = by_name(list(names))
    try:
        versions = fetch(programs)
    except SourceError as error:
        raise click.ClickException(str(error)) from error
    with ProcessPoolExecutor(jobs) as pool:
        futures = start_all(pool, programs, configurations(levels, mode, confine, compiler, shadow))
        rows = [print_progress(future.result()) for future in futures]
    good, failed = [r for r in rows if "error" not in r], [r for r in rows if "error" in r]
    write_results(output, good, failed, versions)
    print_tables(good, failed)
    for figure in draw(good, output.parent):
        click.echo(f"plot: {figure}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
