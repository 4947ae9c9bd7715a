"""`python -m bench.document RESULTS...`: writes the figures of these results.json into docs/benchmarks.md, between its markers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.results import (
    RATIOS,
    Row,
    access_shares,
    configuration,
    inserted_shares,
    overhead,
    read_results,
    summary,
)

DOCUMENT = Path("docs/benchmarks.md")
BEGIN, END = "<!-- figures: begin (python -m bench.document) -->", "<!-- figures: end -->"
_FEWEST = 0.002  # of the native run: parts that are named
_MAIN, _READS, _WORDS = "m3-O2", "m3-O2-reads", "m3-O2-words"


def document(rows: Sequence[Row]) -> str:
    """The tables in Markdown; the rows of the first configuration lead."""
    by_config = {c: [r for r in rows if configuration(r) == c] for c in dict.fromkeys(map(configuration, rows))}
    main, reads, words = (by_config.get(c, []) for c in (_MAIN, _READS, _WORDS))
    parts = [_means(rows), _programs(main, reads), _accesses(main, reads), _inserted(main, reads)]
    if words:
        parts.append(_words(main, words))
    return "\n\n".join(parts)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *lines))


def _means(rows: Sequence[Row]) -> str:
    lines = [
        [configuration(s), str(s["programs"]), *(f"{s[what]:+.2%}" for what in RATIOS),
         f"{s['worst']} {s['worst_instructions']:+.1%}"] for s in summary(rows)
    ]  # fmt: skip
    text = ("Cortex-M3, gcc 12 or clang 14, library code included, gates apart; percent of the native run, geometric means "
            "(cycles are an estimate):\n\n")
    return text + _table(["configuration", "programs", "instructions", "cycles", ".text", "worst"], lines)


def _programs(main: Sequence[Row], reads: Sequence[Row]) -> str:
    with_reads = {r["program"]: r for r in reads}
    lines = []
    for r in main:
        other = with_reads.get(r["program"])
        lines.append([r["program"], *(_percent(overhead(r, what)) for what in RATIOS), _parts(r),
                      _percent(overhead(other, "instructions")) if other else ""])  # fmt: skip
    head = ["program", *RATIOS, "largest parts (percent of native instructions)", "instructions with reads"]
    return f"{_MAIN}, and with confined reads:\n\n" + _table(head, lines)


def _percent(share: float) -> str:
    return f"{100 * share:+.1f}"


def _parts(row: Row) -> str:
    shares = {what: n / row["instructions_native"] for what, n in row["inserted"].items()}
    large = [(what, share) for what, share in shares.items() if share > _FEWEST][:3]
    return ", ".join(f"{what} {100 * share:.1f}" for what, share in large) or f"nothing above {100 * _FEWEST:.1f}"


def _accesses(main: Sequence[Row], reads: Sequence[Row]) -> str:
    lines = []
    for rows, of in ((main, "stores"), (reads, "loads")):
        for what, (static, share) in access_shares(rows).items():
            if what.startswith(of):
                name = what + (" (with reads)" if of == "loads" else "")
                lines.append([name, f"{static:,}", f"{share:.2%}", "" if what.endswith(" guarded") else f"{share:.2%}"])
    text = ("Accesses by what was done about them (static count; share of native instructions executed, mean). Each without a "
            "guard of its own saves\nat least one instruction whenever it is executed, so the share is the gain.\n\n")
    return text + _table(["kind", "static", "share", "gain"], lines)


def _inserted(main: Sequence[Row], reads: Sequence[Row]) -> str:
    shares = [inserted_shares(rows) for rows in (main, reads)]
    kinds = sorted({*shares[0], *shares[1]}, key=lambda kind: -sum(found.get(kind, 0) for found in shares))
    lines = [[kind, *(f"{found.get(kind, 0):.2%}" for found in shares)] for kind in kinds]
    return "What was put in, by kind (mean share of native instructions):\n\n" + _table(["kind", "writes", "reads"], lines)


def _words(main: Sequence[Row], words: Sequence[Row]) -> str:
    with_stack = {r["program"]: r for r in main}
    lines = []
    for r in words:
        other = with_stack.get(r["program"])
        if other is not None:
            pairs = (_percent(overhead(x, what)) for what in ("instructions", "text") for x in (other, r))
            lines.append([r["program"], *pairs, *(f"{x['ram_sandboxed']['shadow']:,}" for x in (other, r))])
    text = ('With `shadow="words"`, where it is possible (the other programs are recursive, or may be through pointers); bytes of '
            "RAM for return addresses:\n\n")
    head = ["program", "instructions: stack", "words", ".text: stack", "words", "bytes: stack", "words"]
    return text + _table(head, lines)


def replaced(text: str, figures: str) -> str:
    """The document with other figures. ValueError without markers."""
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    if not old or not after:
        raise ValueError(f"no {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"


def main(paths: Sequence[str]) -> int:
    """Rewrite docs/benchmarks.md from these files."""
    rows = [row for path in paths for row in read_results(Path(path))]
    DOCUMENT.write_text(replaced(DOCUMENT.read_text(), document(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
