"""What the result can be traced by: its checks, what it was made of and with, and the files that hold it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from lending_club.pipelines.reporting.facts import Facts
from lending_club.pipelines.reporting.sections.elements import Column, Section, Table, code, link, safe
from lending_club.pipelines.reporting.wording import timestamp
from lending_club.quality.report import Report, Result


def checks(checks: Report) -> Section:
    """The expectations and what became of them, those not met first."""
    if not checks.expectation_count:
        text = "Nothing was checked: quality.checks is false. Run again without that parameter."
        return Section("checks", "Checks", [text])
    texts = [safe("With rows that break them, and those of earlier runs: ") + link("data_docs/index.html", "Data Docs")]
    columns = [Column("Expectation"), Column("What it says"), Column("If not met"), Column("Result")]
    rows = [
        [
            f"{each.table}: {each.name.replace('_', ' ')}",
            each.says,
            "nothing is published" if each.severity == "error" else "a warning",
            _outcome(each),
        ]
        for each in sorted(checks.results, key=lambda result: result.is_met)
    ]
    return Section("checks", "Checks", texts, [Table("table-checks", "Expectations and results", columns, rows)])


def _outcome(result: Result) -> str:
    return "met" if result.is_met else f"NOT MET. {result.found}"


def making(facts: Facts) -> Section:
    """Run, versions, input files and parameters."""
    versions: list[list[str]] = [
        ["Run", facts.run_id],
        ["Report made", timestamp(facts.made_at)],
        *([name, version] for name, version in facts.versions.items()),
    ]
    files: list[list[str]] = [
        [
            code(row.get("path") or row["source"]),
            f"{timestamp(row['landed_at'])}",
            f"{row['size_bytes']:,}" if row.get("size_bytes") is not None else "not known",
            code(row.get("sha256") or "not known"),
        ]
        for row in facts.landings
    ]
    values = _flattened(facts.parameters.model_dump(exclude={"expectations"}))
    two = [Column("What"), Column("Value")]
    tables = [
        Table("table-run", "Run and versions", two, versions),
        Table("table-files", "Input files", [Column("File"), Column("Read"), Column("Bytes", True), Column("SHA-256")], files),
        Table("table-parameters", "Parameters", [Column("Parameter"), Column("Value")], values),
    ]
    return Section("making", "How it was made", tables=tables)


def files(outputs: Mapping[str, str]) -> Section:
    """What is published with the page: a name, and what it holds."""
    rows: list[list[str]] = [
        [link(name, name) if not name.startswith("table ") else name, what] for name, what in outputs.items()
    ]
    table = Table("table-outputs", "Published with this page", [Column("Name"), Column("What it holds")], rows)
    return Section("files", "All of the results", tables=[table])


def _flattened(value: Any, name: str = "") -> list[list[str]]:
    """Nested parameters, a row a value."""
    if isinstance(value, Mapping):
        return [row for key, each in value.items() for row in _flattened(each, f"{name}.{key}" if name else str(key))]
    if isinstance(value, list | tuple) and any(isinstance(each, Mapping) for each in value):
        return [row for place, each in enumerate(value) for row in _flattened(each, f"{name}[{place}]")]
    if isinstance(value, list | tuple):
        return [[name, ", ".join(map(str, value))]]
    if value is None:
        return [[name, "none"]]
    return [[name, str(value).lower() if isinstance(value, bool) else f"{value:f}" if isinstance(value, Decimal) else str(value)]]
