"""``runs``: the history of runs, told from their manifests; no warehouse is opened."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import click

from lending_club.run_history import RunHistory

_HEADER = ["run", "as of", "seconds", "outcome", "exit", "rows in", "published", "quarantined", "total interest"]


def list_runs(directory: Path, limit: int, as_json: bool) -> None:
    """Print the last runs, newest first."""
    runs = list(islice(RunHistory(directory).runs(), limit))
    if as_json:
        click.echo(json.dumps(runs, indent=1))
    elif runs:
        click.echo(_table([_HEADER, *(_cells(run) for run in runs)]))
    else:
        click.echo(f"No run has left a record in {directory}.")


def show_run(directory: Path, part: str, as_json: bool) -> None:
    """Print what is known of a run."""
    run = RunHistory(directory).run(part)
    click.echo(json.dumps(run, indent=1) if as_json else _told(run))


def _cells(run: dict[str, Any]) -> list[str]:
    sources = run["reconciliation"]
    figures = [
        f"{sum(row[name] for row in sources):,}" if sources else "" for name in ("rows_in", "rows_published", "rows_quarantined")
    ]
    return [
        run["run_id"],
        run["as_of_date"],
        _text(run["seconds"]),
        run["outcome"],
        _text(run["exit_code"]),
        *figures,
        _text(run["total_interest"]),
    ]


def _told(run: dict[str, Any]) -> str:
    simple = [
        "run_id",
        "outcome",
        "is_published",
        "exit_code",
        "as_of_date",
        "started_at",
        "ended_at",
        "seconds",
        "user",
        "host",
        "process",
    ]
    lines = [f"{name:<16}{'' if run[name] is None else run[name]}".rstrip() for name in [*simple, "environment"]]
    lines.append(f"{'pipelines':<16}{', '.join(run['pipelines'])}")
    lines.append(f"{'versions':<16}{', '.join(f'{name} {version}' for name, version in run['versions'].items())}")
    lines += [f"{name:<16}{json.dumps(values)}" for name, values in run["parameters"].items()]
    if run["error"]:
        step = f" in step {run['error']['step']}" if run["error"]["step"] else ""
        lines.append(f"{'error':<16}{run['error']['type']}{step}: {run['error']['message']}")
    for file in run["inputs"]:
        lines.append(f"{'input':<16}{file['path']}, {_text(file['size_bytes'])} bytes, SHA-256 {_text(file['sha256'])}")
    for row in run["reconciliation"]:
        told = ", ".join(f"{name} {value}" for name, value in row.items() if name != "source" and value is not None)
        lines.append(f"{row['source']:<16}{told}")
    lines += [f"{'':<16}{row['rows']:,} rows of {row['source']}: {row['reason']}" for row in run["reasons"]]
    if run["total_interest"] is not None:
        lines.append(f"{'total interest':<16}{run['total_interest']}")
    not_met = [check for check in run["checks"] if not check["is_met"]]
    if run["checks"]:
        lines.append(f"{'checks':<16}{len(run['checks']) - len(not_met)} of {len(run['checks'])} met")
    lines += [f"{'':<16}not met: {check['table']}.{check['name']} ({check['severity']}) {check['found']}" for check in not_met]
    if run["steps"]:
        steps = [[step["name"], step["outcome"], _text(step["rows"]), f"{step['seconds']:.3f}"] for step in run["steps"]]
        lines += ["", _table([["step", "outcome", "rows", "seconds"], *steps])]
    return "\n".join(lines)


def _table(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: list[str], widths: Iterable[int]) -> str:
    cells = [
        cell.rjust(width) if cell[:1].isdigit() and "-" not in cell else cell.ljust(width)
        for cell, width in zip(row, widths, strict=True)
    ]
    return "  ".join(cells).rstrip()


def _text(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
