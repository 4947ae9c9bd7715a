"""The figures as a picture: bars per program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.results import Row, configuration, overhead


def draw(rows: Sequence[Row], folder: Path) -> list[Path]:
    """One picture for each configuration: instructions, cycles and .text that the sandbox adds. Their paths."""
    return [_one(config, [r for r in rows if configuration(r) == config], folder)
            for config in dict.fromkeys(map(configuration, rows))]


def _one(config: str, rows: Sequence[Row], folder: Path) -> Path:
    import matplotlib  # noqa: PLC0415  # slow to load, and needed only here

    matplotlib.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    ordered = sorted(rows, key=lambda r: overhead(r, "instructions"))
    figure, axes = pyplot.subplots(figsize=(max(6, 0.45 * len(ordered) + 2), 5))
    width = 0.28
    for n, what in enumerate(("instructions", "cycles", "text")):
        places = [k + (n - 1) * width for k in range(len(ordered))]
        axes.bar(places, [100 * overhead(r, what) for r in ordered], width, label="." + what if what == "text" else what)
    axes.set_xticks(range(len(ordered)), [r["program"] for r in ordered], rotation=60, ha="right")
    axes.set_ylabel("more than native, %")
    axes.set_title(f"What the sandbox costs ({config})")
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    path = folder / f"overhead-{config}.png"
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path
