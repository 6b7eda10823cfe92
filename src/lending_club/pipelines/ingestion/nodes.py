"""What ingestion does."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlglot import exp

from lending_club.warehouse import Table
from lending_club.warehouse.models import values_query


def note_landing(customers: Table, accounts: Table) -> exp.Query:
    """When the files were read (UTC): ``source`` and ``landed_at``."""
    landed_at = f"{datetime.now(UTC):%F %T}"
    rows = [{"source": table.name.split(".")[-1], "landed_at": landed_at} for table in (customers, accounts)]
    return values_query(rows, {"source": "VARCHAR", "landed_at": "TIMESTAMP"})
