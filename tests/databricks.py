"""Reading what a run has published on Databricks, by nothing but the connector."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from lending_club.warehouse.databricks_login import Login
from tests.oracle import Expected
from tests.published import COLUMNS

ORDER = {
    "account_summary": "account_id",
    "customer_profile": "customer_id",
    "quarantine": "source, line",
    "reconciliation": "source",
    "reconciliation_reasons": "source, reason",
}
# As DESCRIBE says them: the contract's types in Databricks' words.
TYPES = {
    "account_summary": ["bigint", "string", "decimal(18,2)", "decimal(5,4)", "decimal(18,2)", "decimal(18,2)"],
    "customer_profile": ["bigint", "string", "boolean", "bigint", "decimal(38,2)", "decimal(38,2)", "decimal(38,2)"],
    "quarantine": ["string", "bigint", "array<string>", "string"],
    "reconciliation": ["string", *["bigint"] * 4, "string", "decimal(38,2)", "decimal(38,2)", "string"],
    "reconciliation_reasons": ["string", "string", "bigint"],
}


class Reader:
    """A reader with a connection of its own."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return [tuple(row.values()) for row in cursor.fetchall_arrow().to_pylist()] if cursor.description else []

    def rows(self, schema: str, name: str) -> list[tuple[Any, ...]]:
        """All rows of a published table in the contract's order, and with the contract's columns and types."""
        described = [row[:2] for row in self.execute(f"DESCRIBE TABLE {schema}.{name}")]
        assert [row[0] for row in described] == COLUMNS[name], name
        assert [row[1] for row in described] == TYPES[name], name
        return self.execute(f"SELECT * FROM {schema}.{name} ORDER BY {ORDER[name]}")


@contextmanager
def reader() -> Iterator[Reader]:
    """A reader, logged in as the environment says."""
    connection = Login.from_environment().open_connection()
    try:
        yield Reader(connection)
    finally:
        connection.close()


def assert_tables_published(warehouse: Reader, schema: str, wanted: Expected) -> int:
    """Compare the published tables with what the oracle expects, row by row and value by value; return the number of rows."""
    count = 0
    for name in COLUMNS:
        rows = warehouse.rows(schema, name)
        count += len(rows)
        if name == "quarantine":
            found = [(source, line, list(reasons), json.loads(values)) for source, line, reasons, values in rows]
            assert found == wanted.quarantine
        elif name == "reconciliation":
            numbers = [tuple(Decimal(v) if i >= 5 and v is not None else v for i, v in enumerate(row)) for row in rows]
            assert numbers == wanted.reconciliation
        else:
            assert rows == getattr(wanted, name), name
    return count
