"""The figures as a table and as a plot."""

from __future__ import annotations

import csv
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import matplotlib as mpl
import psutil

mpl.use("agg")
from matplotlib import pyplot

_PACKAGES = ("duckdb", "polars", "pandas", "dbt-core", "dbt-duckdb")


@dataclass(frozen=True)
class Line:
    """What one contestant took at one size: medians of its runs.

    Attributes:
        accounts: Number of rows of accounts.csv.
        name: The contestant.
        runs: How often it ran.
        wall: Seconds.
        cpu: Seconds of CPU.
        peak_mb: Megabytes of memory at most.
        wall_ratio: Wall in relation to the floor's, None where that did not run.
        cpu_ratio: CPU in relation to the floor's.
        result: How its result compares with ours, or why it has none.
    """

    accounts: int
    name: str
    runs: int = 0
    wall: float | None = None
    cpu: float | None = None
    peak_mb: float | None = None
    wall_ratio: float | None = None
    cpu_ratio: float | None = None
    result: str = ""


def machine() -> str:
    """What the figures were measured on and with."""
    memory = psutil.virtual_memory().total / 2**30
    versions = []
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"no {package}")
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB of memory"
    return f"{system}; Python {platform.python_version()}, {', '.join(versions)}"


def markdown(lines: Sequence[Line]) -> str:
    """The table, one row a size and contestant."""
    head = ["accounts", "", "wall s", "x floor", "CPU s", "x floor", "peak MB", "result"]
    rows = [head, ["---:", "---", "---:", "---:", "---:", "---:", "---:", "---"]]
    for line in lines:
        figures = (line.wall, line.wall_ratio, line.cpu, line.cpu_ratio)
        cells = ["" if figure is None else f"{figure:.2f}" for figure in figures]
        peak = "" if line.peak_mb is None else f"{line.peak_mb:,.0f}"
        rows.append([f"{line.accounts:,}", line.name, *cells, peak, line.result])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def save(lines: Sequence[Line], directory: Path) -> None:
    """Write ``results.csv``, ``results.md``, ``results.png`` and ``results.svg``."""
    with (directory / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Line)])
        writer.writeheader()
        writer.writerows(asdict(line) for line in lines)
    (directory / "results.md").write_text(f"{machine()}\n\n{markdown(lines)}\n", encoding="utf-8")
    figure, axes = pyplot.subplots(1, 3, figsize=(15, 5), layout="constrained")
    for axis, (column, title) in zip(axes, [("wall", "wall, s"), ("cpu", "CPU, s"), ("peak_mb", "peak memory, MB")], strict=True):
        for name in dict.fromkeys(line.name for line in lines):
            points = [(line.accounts, getattr(line, column)) for line in lines if line.name == name and line.wall is not None]
            if points:
                axis.plot(*zip(*points, strict=True), marker="o", label=name)
        axis.set(xscale="log", yscale="log", xlabel="accounts", title=title)
        axis.grid(visible=True, alpha=0.3)
    axes[0].legend()
    for form in ("png", "svg"):
        figure.savefig(directory / f"results.{form}", metadata={"Date": None} if form == "svg" else None)
    pyplot.close(figure)
