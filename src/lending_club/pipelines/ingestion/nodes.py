"""What ingestion does."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlglot import exp

from lending_club.csv_file import CsvFile  # at run time: Kedro reads the annotations
from lending_club.warehouse import Table
from lending_club.warehouse.models import values_query

_LANDING = {"source": "VARCHAR", "landed_at": "TIMESTAMP", "path": "VARCHAR", "size_bytes": "BIGINT", "sha256": "VARCHAR"}


def note_landing(customers: Table, customers_csv: CsvFile, accounts: Table, accounts_csv: CsvFile) -> exp.Query:
    """What was read and when: ``source``, ``landed_at`` (UTC), and the file's ``path``, ``size_bytes`` and ``sha256``.

    Args:
        customers: What ``customers_csv`` was loaded into: the note is made when it is there.
        customers_csv: The file.
        accounts: What ``accounts_csv`` was loaded into.
        accounts_csv: The file.

    Raises:
        InputFileError: A file cannot be read any more.
    """
    landed_at = f"{datetime.now(UTC):%F %T}"
    rows = [
        {
            "source": table.name.split(".")[-1],
            "landed_at": landed_at,
            "path": str(file.path),
            "size_bytes": file.state and file.state.size,
            "sha256": file.sha256,
        }
        for table, file in ((customers, customers_csv), (accounts, accounts_csv))
    ]
    return values_query(rows, _LANDING)
