"""What every engine can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lending_club.errors import QueryError
from lending_club.warehouse.frames import Query, Readable

if TYPE_CHECKING:
    import pyarrow
    import sqlalchemy
    from sqlglot import exp

    from lending_club.csv_file import CsvFile

FileFormat = Literal["csv", "parquet", "duckdb"]


class Warehouse(Protocol):
    """A SQL engine. Every method raises ``WarehouseError``."""

    def connection_steps(self) -> list[tuple[str, Callable[[], str]]]:
        """What it takes to be connected, step by step: what it is, and a function that does it and says what it found."""

    def version(self) -> str:
        """The engine and its version."""

    def sql(self, query: exp.Expr) -> str:
        """A query, given in DuckDB's dialect, in the engine's own SQL."""

    def examples_sql(self, query: exp.Expr, limit: int, count_name: str) -> str:
        """SQL for the first rows of a query, each with the number of all its rows as one more column; it is run once."""

    def create_table(self, table: Table, query: exp.Query) -> int:
        """Make or replace a table from a query, in one step for its readers; return its number of rows."""

    def publish(self, candidate: Table, table: Table) -> None:
        """Make or replace a table from another one, comments included, in one step for its readers."""

    def create_view(self, table: Table, query: exp.Query) -> None:
        """Make or replace a view of a query."""

    def append(self, table: Table, types: Mapping[str, str], rows: list[dict[str, Any]], key: str) -> None:
        """Add rows to a table, which is made where it is missing, in a schema that is.

        Args:
            table: The table.
            types: Its columns, with their SQL types.
            rows: The rows; a value is taken by its text.
            key: The column by which a row is known: rows whose key is in the table already are left out.
        """

    def load_csv(self, table: Table, query: FileQuery) -> int:
        """Make or replace a table of a file's records, return their number."""

    def drop_table(self, table: Table) -> None:
        """Drop a table, or what a file was loaded into, if there is one."""

    def exists(self, table: Table) -> bool:
        """Whether there is such a table or view."""

    def rows(self, query: exp.Query) -> list[dict[str, Any]]:
        """Fetch the result of a query that is known to be small."""

    def arrow(self, query: exp.Query) -> pyarrow.Table:
        """Fetch the result of a query as Arrow, decimals as decimals. It has to fit into memory."""

    def looking(self) -> AbstractContextManager[Warehouse]:
        """The same for somebody who looks at a table: it does not wait long, and is closed afterwards."""

    def export(self, table: Table, path: Path, file_format: FileFormat) -> int:
        """Write a table to a file in the table's order, return the number of rows.

        CSV is as in the data contract. A DuckDB file holds all candidates under their names, so that all have to be
        made before the first is exported.
        """

    def put_file(self, path: Path, volume_path: str) -> None:
        """Copy a file to a path of a volume, whole; what is there already is replaced."""

    def fingerprint(self, table: Table, path: Path | None = None, file_format: str | None = None) -> tuple[int, str]:
        """Number of rows and an order-free checksum of a table, or of the file that it was exported to.

        Equal for a table and its exports whatever the format, and only comparable within one version of an engine.
        """

    def state(self, table: Table) -> str:
        """What changes when somebody replaces or alters a table."""

    def sqlalchemy_engine(self) -> sqlalchemy.Engine:
        """A SQLAlchemy engine that sees the warehouse's tables."""

    def spare_memory(self) -> None:
        """Let go of what is cached in this process, where there is much of it: the process needs memory for something else."""

    def close(self) -> None:
        """Give the connection back. A later call of another method opens it again."""


@dataclass(frozen=True)
class Table(Readable):
    """A reference to a table of a warehouse; its rows stay there until somebody asks for them.

    Attributes:
        warehouse: Where it is.
        name: ``schema.table`` or ``catalog.schema.table``.
        order_by: The columns that give its rows their order, for an engine that keeps none.
        comment: What the table is, for its readers; kept in the engine.
        column_comments: The same of its columns, by name.
    """

    warehouse: Warehouse
    name: str
    order_by: tuple[str, ...] = ()
    comment: str = ""
    column_comments: Mapping[str, str] = field(default_factory=dict)

    @property
    def expression(self) -> exp.Table:
        """The table's name as sqlglot has it, to stand in a FROM."""
        from sqlglot import exp

        *catalog, schema, name = self.name.split(".")
        return exp.table_(name, db=schema, catalog=catalog[0] if catalog else None, quoted=True)

    def select(self) -> exp.Select:
        """A query of all rows, in the table's order where the engine keeps none."""
        from sqlglot import exp

        query = exp.select("*").from_(self.expression)
        return query.order_by(*map(exp.column, self.order_by)) if self.order_by else query

    def query(self, where: str | None = None, columns: Sequence[str] = (), limit: int | None = None) -> Query:
        """See ``Readable``."""
        from sqlglot import exp

        query = self.select()
        if columns:
            query = query.select(*(exp.column(column, quoted=True) for column in columns), append=False)
        if where is not None:
            query = query.where(_condition(where))
        return Query(self.warehouse, query if limit is None else query.limit(limit))

    def rows(self) -> list[dict[str, Any]]:
        """All rows, in the table's own order. For small tables."""
        return self.warehouse.rows(self.select())


def _condition(text: str) -> exp.Expr:
    import sqlglot
    from sqlglot import exp

    try:
        return sqlglot.parse_one(text, read="duckdb", into=exp.Condition)
    except sqlglot.ParseError as error:
        raise QueryError(f"This is no condition in SQL: {text}") from error


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file that is read as a table where it is, by an engine that works in this process.

    Attributes:
        path: Where the file is.
    """

    path: Path

    @property
    def expression(self) -> exp.Table:
        """The file as sqlglot has it, to stand in a FROM."""
        from sqlglot import exp

        return exp.Table(this=exp.Anonymous(this="read_parquet", expressions=[exp.Literal.string(str(self.path))]))


@dataclass(frozen=True)
class FileQuery:
    """A query about the records of a file.

    Attributes:
        query: It selects ``line`` and ``malformed`` as they are, and no row more or less.
        name: Name that the file has in it, a table with the columns ``line`` (BIGINT), ``malformed`` (the record's text where
            it does not fit its header), then the file's columns in snake case, each value as text as it came, NULL where the
            record is malformed.
        file: The file.
    """

    query: exp.Query
    name: str
    file: CsvFile

    @classmethod
    def all_of(cls, file: CsvFile) -> FileQuery:
        """The query of all records as they are."""
        from sqlglot import exp

        return cls(exp.select("*").from_("file"), "file", file)


@dataclass(frozen=True)
class TableOutput(Readable):
    """A table that others read, replaced whole by what a run wants to publish.

    Attributes:
        table: The published table.
        candidate: What is to be published, None where nothing is.
    """

    table: Table
    candidate: Table | None = None
    form: str = "published"

    @property
    def readable(self) -> Table:
        """Where its rows can be read now: the candidate in a run that has not published yet, else the published table."""
        return self.candidate or self.table

    def query(self, where: str | None = None, columns: Sequence[str] = (), limit: int | None = None) -> Query:
        """See ``Readable``; of what is published."""
        return self.table.query(where, columns, limit)

    def publish(self) -> None:
        """Replace the published table; its readers see the old rows or the new ones."""
        if self.candidate is not None:
            self.table.warehouse.publish(self.candidate, self.table)
