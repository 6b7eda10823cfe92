"""Databricks: a SQL warehouse with Unity Catalog, spoken to through Databricks' own connector."""

from __future__ import annotations

import copy
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lending_club.errors import WarehouseError
from lending_club.warehouse.base import FileFormat, FileQuery, Table, Warehouse
from lending_club.warehouse.databricks_login import Login
from lending_club.warehouse.databricks_session import DatabricksSession
from lending_club.warehouse.databricks_sql import databricks_sql, quoted
from lending_club.warehouse.databricks_volume import DatabricksVolume, put_file
from lending_club.warehouse.duckdb import DuckDBWarehouse

if TYPE_CHECKING:
    import pyarrow
    import sqlalchemy
    from sqlglot import exp

_PART_BYTES = "64MB"  # the connector reads a part into memory to upload it
_FETCH_ROWS = 1_000_000
_LOOK_SECONDS = 10  # how long somebody who looks at a table is kept waiting
# What is said to a view where there is a table, and to a table where there is a view.
_OTHER_KIND = re.compile("EXPECT_VIEW_NOT_TABLE|EXPECT_TABLE_NOT_VIEW|DELTA_CANNOT_WRITE_INTO_VIEW|TABLE_OR_VIEW_ALREADY_EXISTS")


class DatabricksWarehouse:
    """A SQL warehouse. Every statement sent may be sent again: it replaces, drops or reads, or adds what is not there yet.

    Files are read and written by an embedded DuckDB, so that they mean the same as without Databricks: a CSV file goes there,
    and from there as Parquet through a volume; a result comes back as Arrow, and is written from there.

    Args:
        schema: ``catalog.schema`` of the tables that a run works on. It is made where it is missing.
        volume: ``catalog.schema.volume`` that files are uploaded to, and removed from. It is made where it is missing.
        transfer: File of the embedded DuckDB; it may be lost.
        patience_seconds: See ``DatabricksSession``; so is the next one.
        cloud_fetch: See there.
    """

    def __init__(self, schema: str, volume: str, transfer: Path, patience_seconds: float = 600, cloud_fetch: bool = True) -> None:
        self._schema = schema
        self._volume = volume
        self._session = DatabricksSession(schema.partition(".")[0], patience_seconds, cloud_fetch)
        self._files = DuckDBWarehouse(transfer, portable_checksums=True)
        self._fetched: set[str] = set()

    def connection_steps(self) -> list[tuple[str, Callable[[], str]]]:
        """See ``Warehouse``."""
        return [
            ("settings", lambda: str(Login.from_environment())),
            ("reach", lambda: Login.from_environment().reach()),
            ("login", lambda: f"as {self._session.execute('SELECT current_user() AS who').to_pylist()[0]['who']}"),
            ("schemas", self._make_schemas),
        ]

    def version(self) -> str:
        """See ``Warehouse``."""
        from databricks.sql import __version__

        (found,) = self._session.execute("SELECT current_version().dbsql_version AS version").to_pylist()
        return f"Databricks SQL {found['version']}, connector {__version__}"

    def sql(self, query: exp.Expr) -> str:
        """See ``Warehouse``."""
        return databricks_sql(query)

    def examples_sql(self, query: exp.Expr, limit: int, count_name: str) -> str:
        """See ``Warehouse``."""
        return f"SELECT *, count(*) OVER () AS {count_name} FROM ({self.sql(query)}) AS found LIMIT {limit}"

    def create_table(self, table: Table, query: exp.Query) -> int:
        """See ``Warehouse``."""
        self._fetched.discard(table.name)
        self._replace_any("VIEW", table, self._creation(table, table.comment, query))
        self._comment_columns(table, table.column_comments)
        return self._count(table)

    def publish(self, candidate: Table, table: Table) -> None:
        """See ``Warehouse``."""
        self._session.execute(self._creation(table, candidate.comment, candidate.select()))
        # Columns bring their comments along from where they are selected.
        found = {row["col_name"]: row["comment"] for row in self._session.execute(f"DESCRIBE TABLE {_name(table)}").to_pylist()}
        missing = {column: text for column, text in candidate.column_comments.items() if found.get(column) != text}
        self._comment_columns(table, missing)

    def create_view(self, table: Table, query: exp.Query) -> None:
        """See ``Warehouse``."""
        self._replace_any("TABLE", table, f"CREATE OR REPLACE VIEW {_name(table)} AS {self.sql(query)}")

    def append(self, table: Table, types: Mapping[str, str], rows: list[dict[str, Any]], key: str) -> None:
        """See ``Warehouse``."""
        from lending_club.warehouse.appending import appending, rows_query

        adding = self.sql(appending(table.expression, rows_query(types, rows), list(types), key))
        try:
            self._session.execute(adding)
        except WarehouseError as error:
            if not re.search("TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND", str(error)):
                raise
            self._session.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted_name(table.name.rpartition('.')[0])}")
            self._session.execute(f"CREATE TABLE IF NOT EXISTS {_name(table)} AS {self.sql(rows_query(types, []))}")
            self._session.execute(adding)

    def load_csv(self, table: Table, query: FileQuery) -> int:
        """See ``Warehouse``."""
        local = replace(table, name=f"raw.{table.name.rpartition('.')[2]}")
        self._files.load_csv(local, query)
        with tempfile.TemporaryDirectory(prefix="upload-", dir=self._files.directory) as directory:
            parts = self._files.export_parts(local, Path(directory), _PART_BYTES)
            columns = ", ".join(f"`{column}`" for column in self._files.columns(local))
            with DatabricksVolume(self._volume, self._session).uploaded(parts, table.name.rpartition(".")[2]) as paths:
                rows = f"SELECT {columns} FROM read_files({quoted(paths)}, format => 'parquet')"
                self._session.execute(f"CREATE OR REPLACE TABLE {_name(table)} AS {rows}")
        read, loaded = self._files.fingerprint(local), self._fingerprint(table, self._files.columns(local))
        if read != loaded:
            raise WarehouseError(
                f"Databricks: {table.name} holds {loaded[0]:,} rows with checksum {loaded[1]}, and not the {read[0]:,} rows with"
                f" checksum {read[1]} that were read from {query.file.path}. Run again; if it stays so, report it."
            )
        return read[0]

    def put_file(self, path: Path, volume_path: str) -> None:
        """See ``Warehouse``."""
        put_file(self._session, path, volume_path)

    def drop_table(self, table: Table) -> None:
        """See ``Warehouse``."""
        self._session.execute(f"DROP TABLE IF EXISTS {_name(table)}")

    def exists(self, table: Table) -> bool:
        """See ``Warehouse``."""
        schema, _, name = table.name.rpartition(".")
        return bool(self._session.execute(f"SHOW TABLES IN {_quoted_name(schema)} LIKE {quoted(name)}").num_rows)

    def columns(self, table: Table) -> dict[str, str]:
        """See ``Warehouse``."""
        return {row["col_name"]: row["data_type"] for row in self._session.execute(f"DESCRIBE TABLE {_name(table)}").to_pylist()}

    def source_and_name(self, table: Table) -> tuple[str, str]:
        """See ``Warehouse``."""
        return f"databricks://{Login.from_environment().host}", table.name

    def rows(self, query: exp.Query) -> list[dict[str, Any]]:
        """See ``Warehouse``."""
        return list(self.arrow(query).to_pylist())

    def arrow(self, query: exp.Query) -> pyarrow.Table:
        """See ``Warehouse``."""
        return self._session.execute(self.sql(query))

    @contextmanager
    def looking(self) -> Iterator[Warehouse]:
        """See ``Warehouse``."""
        looking = copy.copy(self)
        with self._session.another(_LOOK_SECONDS) as looking._session:
            yield looking

    def export(self, table: Table, path: Path, file_format: FileFormat) -> int:
        """See ``Warehouse``."""
        local = replace(table, name=f"marts.{table.name.rpartition('.')[2]}")
        if table.name not in self._fetched:
            self._fetch_into(local, self.sql(table.select()))
            self._fetched.add(table.name)
        return self._files.export(local, path, file_format)

    def _fetch_into(self, local: Table, statement: str) -> None:
        def load(cursor: Any) -> None:
            import pyarrow

            first = cursor.fetchmany_arrow(_FETCH_ROWS)

            def batches() -> Iterator[pyarrow.RecordBatch]:
                piece = first
                while piece.num_rows:
                    yield from piece.to_batches()
                    piece = cursor.fetchmany_arrow(_FETCH_ROWS)

            self._files.load_arrow(local, pyarrow.RecordBatchReader.from_batches(first.schema, batches()))

        self._session.fetch(statement, load)

    def fingerprint(self, table: Table, path: Path | None = None, file_format: str | None = None) -> tuple[int, str]:
        """See ``Warehouse``."""
        local = replace(table, name=f"marts.{table.name.rpartition('.')[2]}")
        if table.name not in self._fetched:  # its columns are wanted, not its rows
            local = replace(local, name=f"staging.{table.name.rpartition('.')[2]}")
            self._fetch_into(local, f"{self.sql(replace(table, order_by=()).select())} LIMIT 0")
        if path is not None:
            return self._files.fingerprint(local, path, file_format)
        return self._fingerprint(table, self._files.columns(local))

    def _fingerprint(self, table: Table, columns: Mapping[str, str]) -> tuple[int, str]:
        """See ``fingerprint``; the columns are given with their types in DuckDB."""
        texts = ", ".join(f"coalesce({_as_text(column, data_type)}, char(30))" for column, data_type in columns.items())
        row = f"CAST(conv(substr(md5(concat_ws(char(31), {texts})), 1, 15), 16, 10) AS DECIMAL(38, 0))"
        query = f"SELECT count(*) AS `rows`, CAST(coalesce(sum({row}), 0) AS STRING) AS checksum FROM {_name(table)}"
        (found,) = self._session.execute(query).to_pylist()
        return found["rows"], found["checksum"]

    def state(self, table: Table) -> str:
        """See ``Warehouse``."""
        (found,) = self._session.execute(f"DESCRIBE DETAIL {_name(table)}").to_pylist()
        return f"table {found['id']}, {found['lastModified']}"

    def sqlalchemy_engine(self) -> sqlalchemy.Engine:
        """See ``Warehouse``."""
        import sqlalchemy

        catalog, schema = self._schema.split(".")
        url = sqlalchemy.URL.create("databricks", host="warehouse", query={"catalog": catalog, "schema": schema})
        return sqlalchemy.create_engine(url, creator=self._session.open_connection, poolclass=sqlalchemy.StaticPool)

    def spare_memory(self) -> None:
        """See ``Warehouse``."""
        self._files.spare_memory()

    def close(self) -> None:
        """See ``Warehouse``."""
        self._files.close()
        self._session.close()

    def _make_schemas(self) -> str:
        schemas = sorted({self._schema, self._volume.rpartition(".")[0]})
        for schema in schemas:
            self._session.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted_name(schema)}")
        self._session.execute(f"CREATE VOLUME IF NOT EXISTS {_quoted_name(self._volume)}")
        return f"{', '.join(schemas)}, and the volume {self._volume}"

    def _count(self, table: Table) -> int:
        (row,) = self._session.execute(f"SELECT count(*) AS `rows` FROM {_name(table)}").to_pylist()
        return int(row["rows"])

    def _creation(self, table: Table, comment: str, query: exp.Query) -> str:
        described = f" COMMENT {quoted(comment)}" if comment else ""
        return f"CREATE OR REPLACE TABLE {_name(table)}{described} AS {self.sql(query)}"

    def _replace_any(self, other_kind: str, table: Table, creation: str) -> None:
        """Make a table or a view, also where an earlier version of the models made one of the other kind."""
        try:
            self._session.execute(creation)
        except WarehouseError as error:
            if not _OTHER_KIND.search(str(error)):
                raise
            self._session.execute(f"DROP {other_kind} {_name(table)}")
            self._session.execute(creation)

    def _comment_columns(self, table: Table, comments: Mapping[str, str]) -> None:
        if comments:
            columns = ", ".join(f"`{column}` COMMENT {quoted(text)}" for column, text in comments.items())
            self._session.execute(f"ALTER TABLE {_name(table)} ALTER COLUMN {columns}")


def _name(table: Table) -> str:
    return table.expression.sql("databricks", identify=True)


def _quoted_name(name: str) -> str:
    return ".".join(f"`{part}`" for part in name.split("."))


def _as_text(column: str, data_type: str) -> str:
    return f"array_join(`{column}`, ',')" if data_type.endswith("[]") else f"CAST(`{column}` AS STRING)"
