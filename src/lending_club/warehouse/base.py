"""What every engine can do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import sqlalchemy
    from sqlglot import exp

    from lending_club.csv_file import CsvFile

FileFormat = Literal["csv", "parquet", "duckdb"]


class Warehouse(Protocol):
    """A SQL engine. Table names have the form ``schema.table``. Every method raises ``WarehouseError``."""

    def create_table(self, name: str, query: exp.Query) -> int:
        """Make or replace a table from a query; return its number of rows."""

    def create_view(self, name: str, query: exp.Query) -> None:
        """Make or replace a view of a query."""

    def load_csv(self, name: str, file: CsvFile) -> int:
        """Make or replace a table of a file's records, return their number.

        Columns: ``line`` (BIGINT), ``malformed`` (the record's text where it does not fit its header), then the file's
        columns in snake case, each value as text as it came, NULL where the record is malformed.
        """

    def exists(self, name: str) -> bool:
        """Whether there is such a table or view."""

    def rows(self, query: exp.Query) -> list[dict[str, Any]]:
        """Fetch the result of a query that is known to be small."""

    def export(self, name: str, path: Path, file_format: FileFormat) -> int:
        """Write a table to a file in its own order, return the number of rows.

        CSV is as in the data contract. A DuckDB file may hold other tables already; the table keeps its name in it.
        """

    def fingerprint(self, name: str, path: Path | None = None, file_format: str | None = None) -> tuple[int, str]:
        """Number of rows and an order-free checksum of a table, or of the file that it was exported to.

        Equal for a table and its exports whatever the format, and only comparable within one version of an engine.
        """

    def sqlalchemy_engine(self) -> sqlalchemy.Engine:
        """A SQLAlchemy engine on this connection; the warehouse's own tables go by their bare names."""

    def close(self) -> None:
        """Give the connection back. A later call of another method opens it again."""


@dataclass(frozen=True)
class Table:
    """A reference to a table of a warehouse; its rows stay there until somebody asks for them."""

    warehouse: Warehouse
    name: str

    @property
    def expression(self) -> exp.Table:
        """The table's name as sqlglot has it, to stand in a FROM."""
        from sqlglot import exp

        return exp.to_table(self.name)

    def rows(self) -> list[dict[str, Any]]:
        """All rows, in the table's own order. For small tables."""
        from sqlglot import exp

        return self.warehouse.rows(exp.select("*").from_(self.expression))
