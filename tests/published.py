"""Reading what a run has published, with other readers than the ones that wrote it."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet

from tests.oracle import Expected

COLUMNS = {
    "account_summary": ["customer_id", "account_id", "original_balance", "interest_rate", "annual_interest", "new_balance"],
    "customer_profile": [
        "customer_id",
        "name",
        "has_loan",
        "account_count",
        "total_balance",
        "total_annual_interest",
        "total_new_balance",
    ],
    "quarantine": ["source", "line", "reasons", "values_read"],
    "reconciliation": [
        "source",
        "rows_in",
        "rows_published",
        "rows_excluded",
        "rows_quarantined",
        "balance_in",
        "balance_published",
        "balance_excluded",
        "balance_quarantined",
    ],
    "reconciliation_reasons": ["source", "reason", "rows"],
}
TYPES = {
    "account_summary": ["BIGINT", "VARCHAR", "DECIMAL(18,2)", "DECIMAL(5,4)", "DECIMAL(18,2)", "DECIMAL(18,2)"],
    "customer_profile": ["BIGINT", "VARCHAR", "BOOLEAN", "BIGINT", "DECIMAL(38,2)", "DECIMAL(38,2)", "DECIMAL(38,2)"],
    "quarantine": ["VARCHAR", "BIGINT", "VARCHAR[]", "VARCHAR"],
    "reconciliation": [
        "VARCHAR",
        *["BIGINT"] * 4,
        "VARCHAR",
        "DECIMAL(38,2)",
        "DECIMAL(38,2)",
        "VARCHAR",
    ],
    "reconciliation_reasons": ["VARCHAR", "VARCHAR", "BIGINT"],
}


def csv_text(rows: list[tuple[Any, ...]], columns: list[str]) -> bytes:
    """Rows as the contract writes a CSV: only the quotes of RFC 4180, NULL empty."""
    lines = [",".join(columns)]
    lines += [",".join(csv_value(value) for value in row) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def csv_value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in '",\r\n') else text


def assert_published(data: Path, wanted: Expected) -> None:
    """Compare all that is published with what the oracle expects: files byte by byte, tables value by value."""
    assert_files_published(data, wanted)
    assert_report_published(data, wanted)
    assert_database_published(data, wanted)


def assert_report_published(data: Path, wanted: Expected) -> None:
    """Look for the totals, the reasons and the largest balance in the report, and for its charts in their own files."""
    page = (data / "08_reporting" / "report.html").read_text(encoding="utf-8")
    balance = sum((row[2] for row in wanted.account_summary), Decimal(0))
    interest = sum((row[4] for row in wanted.account_summary), Decimal(0))
    for cell in (f"{len(wanted.account_summary):,}", f"{balance:,.2f}", f"{interest:,.2f}", f"{balance + interest:,.2f}"):
        assert f"{cell}</td>" in page, cell
    for _, reason, rows in wanted.reconciliation_reasons:
        assert re.search(rf"{reason}</th>\s*<td[^>]*>\w+</td>\s*<td[^>]*>{rows:,}</td>", page), reason
    charts = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (data / "07_model_output").iterdir()}
    assert len(charts) == 6
    largest = sorted((row[2] for row in wanted.account_summary), reverse=True)[:10]
    assert charts["largest_accounts"]["data"][0]["x"] == [str(value) for value in largest], "exact text"


def assert_files_published(data: Path, wanted: Expected) -> None:
    """Compare the CSV and Parquet files."""
    directory = data / "08_reporting"
    for name in ("account_summary", "customer_profile", "reconciliation", "reconciliation_reasons"):
        rows = getattr(wanted, name)
        assert (directory / f"{name}.csv").read_bytes() == csv_text(rows, COLUMNS[name]), name
    for name in ("account_summary", "customer_profile"):
        table = pyarrow.parquet.read_table(directory / f"{name}.parquet")
        assert table.column_names == COLUMNS[name]
        assert [tuple(row.values()) for row in table.to_pylist()] == getattr(wanted, name), name

    text = (directory / "quarantine.csv").read_bytes().decode()
    csv.field_size_limit(len(text))
    found = list(csv.reader(io.StringIO(text, newline="")))
    assert found[0] == COLUMNS["quarantine"]
    quarantine = [(source, int(line), reasons.split(","), json.loads(values)) for source, line, reasons, values in found[1:]]
    assert quarantine == wanted.quarantine
    assert [list(row[3]) for row in quarantine] == [list(row[3]) for row in wanted.quarantine], "the columns' order"


def assert_database_published(data: Path, wanted: Expected) -> None:
    """Compare the tables of the DuckDB file."""
    with duckdb.connect(str(data / "08_reporting" / "lending_club.duckdb"), read_only=True) as connection:
        for name, types in TYPES.items():
            described = connection.execute(f"DESCRIBE marts.{name}").fetchall()
            assert [row[0] for row in described] == COLUMNS[name], name
            assert [row[1] for row in described] == types, name
            rows = connection.execute(f"FROM marts.{name}").fetchall()
            if name == "quarantine":
                assert [
                    (source, line, reasons, json.loads(values)) for source, line, reasons, values in rows
                ] == wanted.quarantine
            elif name == "reconciliation":
                numbers = [tuple(Decimal(v) if i >= 5 and v is not None else v for i, v in enumerate(row)) for row in rows]
                assert numbers == wanted.reconciliation
            else:
                assert rows == getattr(wanted, name), name
