"""DuckDB: embedded, nothing to install or start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from lending_club.errors import WarehouseError
from lending_club.warehouse.base import FileFormat, FileQuery, Table, Warehouse
from lending_club.warehouse.duckdb_csv import DuckDBCsvLoad, records_of
from lending_club.warehouse.duckdb_database import CANDIDATES, SEARCH_PATH, DuckDBDatabase, plain_errors, quoted
from lending_club.warehouse.duckdb_files import LONG_LINES, csv_source, csv_value

if TYPE_CHECKING:
    import pyarrow
    import sqlalchemy
    from sqlglot import exp


class DuckDBWarehouse:
    """A scratch database that only a run writes; what others read is exported from it.

    What writes opens the file and keeps it open until ``close``, as a run does from its start to its end. What only reads takes
    the connection that is open; where there is none it opens the file read-only for one question, so that a notebook or
    Kedro-Viz, which stay open for days, keep no run out. While a run of another process has the file they get a
    ``WarehouseBusyError`` at once. A run that finds a reader waits for its answer.

    Args:
        database: The database file. What it holds can be made again from the input, so one that cannot be opened, of
            another DuckDB version or damaged by a crash, is replaced by an empty one.
        read_only: Leave the file as it is and work in memory, with its tables in view.
        portable_checksums: Make fingerprints that other engines can make too. They take several times as long.
        memory_limit: How much memory the engine may take, such as ``2GB``; what does not fit is spilled. By default 60 % of
            what the machine has, or the container is given.
        temp_directory: Where to spill, beside the database by default; a directory there is removed in the end.
        is_scratch: Whether it holds what can be made again. If not, a file that cannot be opened is left as it is.
    """

    def __init__(
        self,
        database: Path,
        read_only: bool = False,
        portable_checksums: bool = False,
        memory_limit: str | None = None,
        temp_directory: str | None = None,
        is_scratch: bool = True,
    ) -> None:
        self._database = DuckDBDatabase(database, read_only, memory_limit, temp_directory, is_scratch)
        self._portable_checksums = portable_checksums

    def connection_steps(self) -> list[tuple[str, Callable[[], str]]]:
        """See ``Warehouse``."""

        def open_database() -> str:
            self._execute("SELECT 1")
            return f"{self._database.path} can be opened"

        return [("database", open_database)]

    def version(self) -> str:
        """See ``Warehouse``."""
        return f"DuckDB {duckdb.__version__}"

    def sql(self, query: exp.Expr) -> str:
        """See ``Warehouse``."""
        return query.sql("duckdb")

    def examples_sql(self, query: exp.Expr, limit: int, count_name: str) -> str:
        """See ``Warehouse``."""
        # A window function would do, and keep all threads but one waiting.
        found = f"WITH found AS MATERIALIZED ({self.sql(query)})"
        return f"{found} SELECT *, (SELECT count(*) FROM found) AS {count_name} FROM found LIMIT {limit}"

    def create_table(self, table: Table, query: exp.Query) -> int:
        """See ``Warehouse``."""
        self._clear("VIEW", table)
        if self._database.is_candidate(table.name):
            # Its file is published as it is, and what a table took is free for the next one only after a checkpoint.
            self._clear("TABLE", table)
            self._execute(f"CHECKPOINT {CANDIDATES}")
        count = self._count(f"CREATE OR REPLACE TABLE {table.name} AS {self.sql(query)}")
        if table.comment:
            self._execute(_commenting(table))
        return count

    def publish(self, candidate: Table, table: Table) -> None:
        """See ``Warehouse``."""
        self.create_table(replace(candidate, name=table.name), candidate.select())

    def create_view(self, table: Table, query: exp.Query) -> None:
        """See ``Warehouse``."""
        self._clear("TABLE", table)
        self._execute(f"CREATE OR REPLACE VIEW {table.name} AS {self.sql(query)}")

    def _clear(self, kind: str, table: Table) -> None:
        """Drop what has a table's name and is of this kind: an earlier version of the models may have made it."""
        with suppress(WarehouseError):  # it is of the other kind
            self._execute(f"DROP {kind} IF EXISTS {table.name}")

    def append(self, table: Table, types: Mapping[str, str], rows: list[dict[str, Any]], key: str) -> None:
        """See ``Warehouse``."""
        from lending_club.warehouse.appending import appending, rows_query

        columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
        adding = appending(table.expression, rows_query(types, rows), list(types), key)
        self._execute(f"CREATE SCHEMA IF NOT EXISTS {table.name.rpartition('.')[0]}")
        self._execute(f"CREATE TABLE IF NOT EXISTS {table.name} ({columns})")
        self._execute(self.sql(adding))

    def load_csv(self, table: Table, query: FileQuery) -> int:
        """See ``Warehouse``."""
        self._clear("TABLE", table)
        return DuckDBCsvLoad(self._execute, table, query, self.sql(query.query)).load()

    def load_arrow(self, table: Table, batches: pyarrow.RecordBatchReader) -> int:
        """Make or replace a table of record batches, in their order; return its number of rows."""
        self._database.connection.register("arriving", batches)
        try:
            return self._count(f"CREATE OR REPLACE TABLE {table.name} AS FROM arriving")
        finally:
            self._database.connection.unregister("arriving")

    def export_parts(self, table: Table, directory: Path, part_bytes: str) -> list[Path]:
        """Write a table to Parquet files of about ``part_bytes`` (such as ``64MB``) in an empty directory."""
        options = f"FORMAT parquet, COMPRESSION zstd, FILE_SIZE_BYTES '{part_bytes}'"
        self._execute(f"COPY {table.name} TO {quoted(directory / 'parts')} ({options})")
        return sorted((directory / "parts").iterdir())

    def columns(self, table: Table) -> dict[str, str]:
        """See ``Warehouse``."""
        with self._database.reading() as connection:
            return {column: kind for column, kind, *_ in connection.execute(f"DESCRIBE {table.name}").fetchall()}

    def source_and_name(self, table: Table) -> tuple[str, str]:
        """See ``Warehouse``. OpenLineage's guide has no names for DuckDB: they are those that it gives to dbt's models there."""
        return f"duckdb://{self._database.file_of(table.name).absolute()}", f"{self._database.path.stem}.{table.name}"

    @property
    def directory(self) -> Path:
        """Where the database file is."""
        return self._database.path.parent

    def drop_table(self, table: Table) -> None:
        """See ``Warehouse``."""
        for kind in ("VIEW", "TABLE"):
            self._clear(kind, table)
        self._clear("TABLE", records_of(table))

    def exists(self, table: Table) -> bool:
        """See ``Warehouse``."""
        if not self._database.is_there:
            return False
        query = "SELECT 1 FROM information_schema.tables WHERE table_schema = $1 AND table_name = $2"
        with self._database.reading() as connection:
            return connection.execute(query, table.name.split(".")).fetchone() is not None

    def rows(self, query: exp.Query) -> list[dict[str, Any]]:
        """See ``Warehouse``."""
        with self._database.reading() as connection:
            result = connection.execute(self.sql(query))
            names = [column[0] for column in result.description or ()]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def arrow(self, query: exp.Query) -> pyarrow.Table:
        """See ``Warehouse``."""
        with self._database.reading() as connection:
            return connection.sql(self.sql(query)).to_arrow_table()

    @contextmanager
    def looking(self) -> Iterator[Warehouse]:
        """See ``Warehouse``. Whoever reads never waits here."""
        yield self

    def export(self, table: Table, path: Path, file_format: FileFormat) -> int:
        """See ``Warehouse``."""
        name = table.name
        match file_format:
            case "csv":
                values = ", ".join(csv_value(column, column_type) for column, column_type in self.columns(table).items())
                # The writer's own quoting also quotes a leading '#', which RFC 4180 does not ask for: texts come quoted.
                options = "FORMAT csv, HEADER, QUOTE '', ESCAPE ''"
                return self._count(f"COPY (SELECT {values} FROM {name}) TO {quoted(path)} ({options})")
            case "parquet":
                return self._count(f"COPY {name} TO {quoted(path)} (FORMAT parquet)")
            case "duckdb":
                if not path.exists():  # the first of its tables brings them all
                    self._database.copy_candidates(path)
                return self._count(f"SELECT count(*) FROM {name}")

    def put_file(self, path: Path, volume_path: str) -> None:
        """Refuse: DuckDB has no volumes."""
        raise WarehouseError(f"{path} cannot be copied to {volume_path}: volumes are Databricks'. Leave files_volume empty.")

    def fingerprint(self, table: Table, path: Path | None = None, file_format: str | None = None) -> tuple[int, str]:
        """See ``Warehouse``."""
        columns = self.columns(table)
        lists = {column for column, kind in columns.items() if kind == "VARCHAR[]"}
        values = [f"array_to_string({column}, ',')" if column in lists else f'"{column}"' for column in columns]
        match file_format:
            case "csv":
                types = {column: "VARCHAR" if column in lists else kind for column, kind in columns.items()}
                names = [f'"{column}"' for column in columns]
                try:
                    return self._fingerprint(names, csv_source(path, types))
                except WarehouseError:  # long lines have to be allowed, which makes the parts large that threads share out
                    return self._fingerprint(names, csv_source(path, types, LONG_LINES))
            case "parquet":
                return self._fingerprint(values, f"read_parquet({quoted(path)})")
            case "duckdb":
                self._execute(f"ATTACH {quoted(path)} AS published (READ_ONLY)")
                try:
                    return self._fingerprint(values, f"published.{table.name}")
                finally:
                    self._execute("DETACH published")
            case _:
                return self._fingerprint(values, table.name)

    def _fingerprint(self, values: list[str], source: str) -> tuple[int, str]:
        row = f"hash({', '.join(values)})"
        if self._portable_checksums:
            texts = ", ".join(f"coalesce(CAST({value} AS VARCHAR), chr(30))" for value in values)
            row = f"CAST(concat('0x', substr(md5(concat_ws(chr(31), {texts})), 1, 15)) AS BIGINT)"
        query = f"SELECT count(*), CAST(coalesce(sum({row}), 0) AS VARCHAR) FROM {source}"
        ((rows, checksum),) = self._execute(query).fetchall()
        return rows, checksum

    def state(self, table: Table) -> str:
        """See ``Warehouse``."""
        return str(self.fingerprint(table))

    def sqlalchemy_engine(self) -> sqlalchemy.Engine:
        """See ``Warehouse``."""
        from lending_club.warehouse.duckdb_sqlalchemy import engine_on

        cursor = self._database.connection.cursor()
        cursor.execute(f"SET search_path = '{SEARCH_PATH}'")
        return engine_on(cursor)

    def spare_memory(self) -> None:
        """See ``Warehouse``. Half of the limit is much: what is let go has to be read again, so it is not done for nothing."""
        held = "SELECT sum(memory_usage_bytes) FROM duckdb_memory()"
        is_much = f"SELECT ({held}) > parse_formatted_bytes(current_setting('memory_limit')) / 2"
        if self._execute(is_much).fetchall() == [(True,)]:
            self.close()

    def close(self) -> None:
        """See ``Warehouse``."""
        self._database.close()

    def _execute(self, sql: str, values: list[Any] | None = None) -> duckdb.DuckDBPyConnection:
        with plain_errors(self._database.path):
            return self._database.connection.execute(sql, values)

    def _count(self, sql: str) -> int:
        """Run a statement that answers with a number of rows."""
        ((count, *_),) = self._execute(sql).fetchall()
        return int(count)


def _commenting(table: Table) -> str:
    """Statements, in one transaction, that give a table its comments."""
    name = table.name
    columns = [f'COMMENT ON COLUMN {name}."{column}" IS {quoted(comment)}' for column, comment in table.column_comments.items()]
    return ";".join(["BEGIN", f"COMMENT ON TABLE {name} IS {quoted(table.comment)}", *columns, "COMMIT"])
