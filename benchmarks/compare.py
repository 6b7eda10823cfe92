"""Compares what a peer made of the inputs with what this project made of them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

_TABLES = ("account_summary", "customer_profile", "quarantine", "reconciliation", "reconciliation_reasons")
_FORMS = ("csv", "parquet", "duckdb")


@dataclass(frozen=True)
class Difference:
    """How a peer's account summary differs from ours; exact decimals, by account.

    Attributes:
        rows: Number of accounts in ours.
        lost: Accounts that the peer lacks.
        extra: Rows that the peer should not have, repeated ones among them.
        wrong: Accounts whose interest is off by a cent or more.
        total: By how much the peer's total interest is off, as text.
    """

    rows: int
    lost: int
    extra: int
    wrong: int
    total: str

    def __str__(self) -> str:
        """The difference in words."""
        if not (self.lost or self.extra or self.wrong or Decimal(self.total)):
            return "the same"
        return f"{self.lost:,} lost, {self.extra:,} too many, {self.wrong:,} wrong by a cent or more, total off by {self.total}"


def compare(ours: Path, theirs: Path, scratch: Path) -> Difference:
    """Compare two account summaries, each a CSV file or a directory of CSV files.

    Args:
        ours: This project's.
        theirs: The peer's; of its columns only ``account_id`` and ``annual_interest`` count.
        scratch: A directory for what does not fit into memory.
    """
    with _connect(scratch) as connection:
        for name, path in (("ours", ours), ("theirs", theirs)):
            files = path / "*.csv" if path.is_dir() else path
            connection.execute(
                f"""CREATE VIEW {name} AS
                SELECT account_id, CAST(annual_interest AS DECIMAL(36, 8)) AS interest
                FROM read_csv('{files}', header = true, all_varchar = true, delim = ',', quote = '"')"""
            )
        row = connection.execute(
            """
            WITH grouped AS (SELECT account_id, count(*) AS times, min(interest) AS interest FROM theirs GROUP BY account_id)
            SELECT
                count(o.account_id),
                count(*) FILTER (t.account_id IS NULL),
                coalesce(sum(CASE WHEN o.account_id IS NULL THEN t.times ELSE t.times - 1 END), 0),
                count(*) FILTER (abs(o.interest - t.interest) >= 0.01),
                (SELECT coalesce(sum(interest), 0) FROM theirs) - (SELECT coalesce(sum(interest), 0) FROM ours)
            FROM ours AS o FULL JOIN grouped AS t ON t.account_id = o.account_id
            """
        ).fetchone()
    assert row is not None
    rows, lost, extra, wrong, total = row
    return Difference(rows, lost, int(extra), wrong, f"{total:,.2f}".replace("-0.00", "0.00").replace(",", ""))


def differing_outputs(ours: Path, theirs: Path, scratch: Path) -> list[str]:
    """Names of the outputs that a peer which makes all of them makes differently: CSV byte by byte, the others row by row."""
    differing = []
    with _connect(scratch) as connection:
        for side, directory in (("ours", ours), ("theirs", theirs)):
            connection.execute(f"ATTACH '{directory / 'lending_club.duckdb'}' AS {side} (READ_ONLY)")
        for table in _TABLES:
            for form in _FORMS:
                name = f"{table}.{form}"
                if form == "csv":
                    same = _same_bytes(ours / name, theirs / name)
                elif form == "duckdb":
                    same = _same_rows(connection, f"ours.marts.{table}", f"theirs.marts.{table}")
                elif (ours / name).exists():
                    same = _same_rows(connection, f"'{ours / name}'", f"'{theirs / name}'")
                else:
                    continue
                if not same:
                    differing.append(name)
    return differing


def _connect(scratch: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"temp_directory": str(scratch / ".tmp"), "memory_limit": "4GB"})


def _same_bytes(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while chunk := first.read(1 << 22):
            if chunk != second.read(1 << 22):
                return False
    return True


def _same_rows(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> bool:
    """Whether columns, types, rows and their order are the same."""
    described = [[row[:2] for row in connection.execute(f"DESCRIBE FROM {name}").fetchall()] for name in (one, other)]
    if described[0] != described[1]:
        return False
    columns = ", ".join(f'"{name}"' for name, _ in described[0])
    fingerprint = "SELECT count(*), sum(hash(row_number, {0})) FROM (SELECT row_number() OVER () AS row_number, * FROM {1})"
    first, second = (connection.execute(fingerprint.format(columns, name)).fetchone() for name in (one, other))
    return first == second
