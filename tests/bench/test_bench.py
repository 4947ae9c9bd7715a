"""The benchmarks themselves: a bounded part of `make bench`, built, certified and run; counts are exact."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.document import BEGIN, DOCUMENT, END, document, replaced
from bench.firmware import PROGRAMS as SOURCES
from bench.firmware import Builder, Config, Native, Sandboxed
from bench.measure import Counts, MeasureError, build_plugin, run_counted, total
from bench.plots import draw
from bench.programs import PROGRAMS, Program
from bench.results import Row, make_row, overhead, summary, write_results
from bench.run import configurations
from bench.sources import Sources
from bench.tables import print_tables, why

BOUNDED = [p for p in PROGRAMS if p.bounded]
CONFIG, READS = Config("-O2"), Config("-O2", confine="reads")
EXACT = ["-icount", "shift=6"]  # 64 ns an instruction; a tick of the board's timer is 40 ns


@dataclass(frozen=True)
class Measured:
    program: Program
    native: Native
    boxed: Sandboxed
    plain: Counts
    guarded: Counts
    row: Row


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_plugin(tmp_path_factory.mktemp("plugin"))


@pytest.fixture(scope="session", params=[*((p, CONFIG) for p in BOUNDED), (BOUNDED[-1], READS)],
                ids=lambda case: f"{case[0].name}-{case[1].confine}")
def measured(request: pytest.FixtureRequest, plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    program: Program
    program, config = request.param
    folder = tmp_path_factory.mktemp(program.name)
    builder = Builder(folder, Sources(folder / "none"))
    native, boxed = builder.native(program, config), builder.sandboxed(program, config)
    plain, guarded = run_counted(native.elf, plugin), run_counted(boxed.elf, plugin)
    return Measured(program, native, boxed, plain, guarded, make_row(program, config, native, boxed, (plain, guarded)))


def ticks(counts: Counts) -> int:
    return int(next(line for line in counts.output if line.startswith("ticks ")).split()[1], 16)


def test_the_suite_is_as_large_as_promised() -> None:
    names = [p.name for p in PROGRAMS]
    libraries = {p.library for p in PROGRAMS if not p.library.startswith("written here")}
    assert len(names) == len(set(names)) >= 16
    assert len(libraries) >= 8
    assert 2 <= len(BOUNDED) <= 3
    assert all(p.package is None for p in BOUNDED), "make test needs no network"
    assert {f.stem for f in SOURCES.glob("*.c")} == set(names)


def test_the_sandboxed_program_does_the_same_at_a_cost(measured: Measured) -> None:
    row = measured.row
    assert row["instructions_native"] > 100_000
    assert 0 <= overhead(row, "instructions") < 0.3
    assert 0 <= overhead(row, "text") < 0.5
    assert row["instructions_with_gates"] > row["instructions_sandboxed"]
    assert sum(row["inserted"].values()) == row["instructions_sandboxed"] - row["instructions_native"]
    assert sum(s["static"] for s in row["stores"].values()) > 0
    assert row["verification"]["instructions"] > 50


def test_counts_are_exactly_what_the_boards_timer_counts(measured: Measured, plugin: Path) -> None:
    """The timer runs from the start of the call to its end; around the call it sees some instructions of the harness."""
    counts = run_counted(measured.native.elf, plugin, EXACT)
    instructions = ticks(counts) * 40 / 64
    program = total(counts.outside(measured.native.harness))
    assert 0 <= instructions - program <= 40


def test_counts_are_the_same_in_every_run_and_with_or_without_a_clock(measured: Measured, plugin: Path) -> None:
    again = run_counted(measured.boxed.elf, plugin)
    assert again.executed == measured.guarded.executed
    clocked = run_counted(measured.boxed.elf, plugin, EXACT)
    inside = [measured.boxed.code]
    assert clocked.inside(inside) == measured.guarded.inside(inside)


def test_every_inserted_instruction_lies_in_the_sandboxs_code(measured: Measured) -> None:
    start, end = measured.boxed.code
    assert measured.boxed.made_by and all(start <= a < end for a in measured.boxed.made_by)
    assert not set(measured.boxed.made_by) & set(measured.boxed.stores)


def test_another_output_is_an_error_and_not_a_figure(measured: Measured) -> None:
    other = Counts(("result 00000000",), measured.guarded.executed)
    with pytest.raises(MeasureError, match="native printed"):
        make_row(measured.program, CONFIG, measured.native, measured.boxed, (measured.plain, other))


def test_a_firmware_that_fails_is_an_error(tmp_path: Path, plugin: Path) -> None:
    broken = tmp_path / "broken.elf"
    broken.write_bytes(b"no ELF file")
    with pytest.raises(MeasureError, match="ended with status"):
        run_counted(broken, plugin)


def row(program: str, native: int, sandboxed: int) -> Row:
    figures = {f"{what}_{kind}": native if kind == "native" else sandboxed
               for what in ("instructions", "cycles", "text", "flash") for kind in ("native", "sandboxed", "with_gates")}
    return {"program": program, "config": "m3-O2", "mode": "mask", "confine": "writes", "inserted": {"returns": 5},
            "ram_sandboxed": {"window": 1024}, "rewriting": {}, **figures}  # fmt: skip


def test_the_summary_is_a_geometric_mean_and_names_the_worst() -> None:
    [found] = summary([row("a", 100, 200), row("b", 100, 50), row("c", 1000, 1100)])
    assert found["instructions"] == pytest.approx(1.1 ** (1 / 3) - 1)
    assert (found["worst"], found["programs"]) == ("a", 3)


def test_results_tables_and_plots_name_every_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row("first", 100, 110), row("second", 200, 206)]
    write_results(tmp_path / "results.json", rows, [], {"zlib": "1"})
    print_tables(rows, [{"program": "third", "config": "m3-O2", "error": "it [broke]"}])
    printed = capsys.readouterr().out
    assert all(name in (tmp_path / "results.json").read_text() and name in printed for name in ("first", "second"))
    assert re.search(r"FAILED third m3-O2: it \[broke\]", printed)
    assert why(rows[0]) == "returns 5.0%"
    [picture] = draw(rows, tmp_path)
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_confined_reads_have_rows_and_a_table_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row("a", 100, 105), row("a", 100, 120) | {"confine": "reads", "inserted": {"load guards": 9}}]
    assert [round(s["instructions"], 2) for s in summary(rows)] == [0.05, 0.2]
    print_tables(rows, [])
    assert "m3-O2-reads: what the rewriter put in" in capsys.readouterr().out
    assert [picture.name for picture in draw(rows, tmp_path)] == ["overhead-m3-O2.png", "overhead-m3-O2-reads.png"]
    assert [(c.name, c.confine) for c in configurations(["-O2", "-Os"], "mask", None, "gcc")] == [
        ("m3-O2", "writes"), ("m3-Os", "writes"), ("m3-O2", "reads")]
    assert [c.confine for c in configurations(["-O2"], "mask", "reads", "gcc")] == ["reads"]


def test_the_document_has_every_program_in_every_form(tmp_path: Path) -> None:
    more = {"stores": {"stores guarded": {"static": 3, "executed": 2}, "loads guarded": {"static": 9, "executed": 8}}}
    plain, reads, words = (row("quick", 100, n) | more for n in (104, 120, 106))
    reads |= {"confine": "reads", "inserted": {"load guards": 9}}
    words |= {"config": "m3-O2-words", "ram_sandboxed": {"shadow": 8}}
    plain["ram_sandboxed"] = {"shadow": 512}
    text = document([plain, reads, words])
    for line in ("| m3-O2 | 1 | +4.00% | +4.00% | +4.00% | quick +4.0% |", "| m3-O2-reads | 1 | +20.00% |",
                 "| quick | +4.0 | +4.0 | +4.0 | returns 5.0 | +20.0 |", "| stores guarded | 3 | 2.00% |  |",
                 "| loads guarded (with reads) | 9 | 8.00% |  |", "| load guards | 0.00% | 9.00% |",
                 "| quick | +4.0 | +6.0 | +4.0 | +6.0 | 512 | 8 |"):  # fmt: skip
        assert line in text
    page = f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nbehind\n"
    assert replaced(page, text) == f"before\n\n{BEGIN}\n\n{text}\n\n{END}\n\nbehind\n"
    assert replaced(replaced(page, "x"), text) == replaced(page, text)
    with pytest.raises(ValueError, match="figures: begin"):
        replaced("without markers", text)
    assert BEGIN in DOCUMENT.read_text() and END in DOCUMENT.read_text()


def test_sources_that_are_there_need_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zlib" / "tree").mkdir(parents=True)
    (tmp_path / "zlib" / "VERSION").write_text("1:1.2.13\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Sources(tmp_path).get("zlib").version == "1:1.2.13"
