"""DuckDB: embedded, nothing to install or start."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from lending_club.csv_file import MAX_RECORD_BYTES
from lending_club.errors import ParameterError, WarehouseBusyError, WarehouseError
from lending_club.warehouse.base import FileFormat, FileQuery, Table, Warehouse
from lending_club.warehouse.duckdb_csv import DuckDBCsvLoad, records_of
from lending_club.warehouse.memory import available_memory

if TYPE_CHECKING:
    import pyarrow
    import sqlalchemy
    from sqlglot import exp

logger = logging.getLogger(__name__)

_SCHEMAS = ("raw", "staging", "marts")
_SHARE_OF_MEMORY = 60
_POLL_SECONDS = 0.1
# How long a run waits for those who are reading the scratch database; one question takes seconds.
_READERS_SECONDS = 30
_LONG_LINES = f", max_line_size = {MAX_RECORD_BYTES}"


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
        self._database = database
        self._is_scratch = is_scratch
        self._read_only = read_only
        self._portable_checksums = portable_checksums
        self._memory_limit = memory_limit or f"{available_memory() * _SHARE_OF_MEMORY // 100} bytes"
        self._spilled = Path(temp_directory or database.parent) / f"{database.name}.tmp"
        self._open_connection: duckdb.DuckDBPyConnection | None = None

    def connection_steps(self) -> list[tuple[str, Callable[[], str]]]:
        """See ``Warehouse``."""

        def open_database() -> str:
            self._execute("SELECT 1")
            return f"{self._database} can be opened"

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
        # Comments are for readers, and readers see the exported table.
        self._clear("VIEW", table)
        return self._count(f"CREATE OR REPLACE TABLE {table.name} AS {self.sql(query)}")

    def publish(self, candidate: Table, table: Table) -> None:
        """See ``Warehouse``."""
        self.create_table(table, candidate.select())
        self._execute(_commenting(candidate, table.name))

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
        self._connection.register("arriving", batches)
        try:
            return self._count(f"CREATE OR REPLACE TABLE {table.name} AS FROM arriving")
        finally:
            self._connection.unregister("arriving")

    def export_parts(self, table: Table, directory: Path, part_bytes: str) -> list[Path]:
        """Write a table to Parquet files of about ``part_bytes`` (such as ``64MB``) in an empty directory."""
        options = f"FORMAT parquet, COMPRESSION zstd, FILE_SIZE_BYTES '{part_bytes}'"
        self._execute(f"COPY {table.name} TO {_quoted(directory / 'parts')} ({options})")
        return sorted((directory / "parts").iterdir())

    def columns(self, table: Table) -> dict[str, str]:
        """See ``Warehouse``."""
        with self._reading() as connection:
            return {column: kind for column, kind, *_ in connection.execute(f"DESCRIBE {table.name}").fetchall()}

    def source_and_name(self, table: Table) -> tuple[str, str]:
        """See ``Warehouse``. OpenLineage's guide has no names for DuckDB: they are those that it gives to dbt's models there."""
        return f"duckdb://{self._database.absolute()}", f"{self._database.stem}.{table.name}"

    @property
    def directory(self) -> Path:
        """Where the database file is."""
        return self._database.parent

    def drop_table(self, table: Table) -> None:
        """See ``Warehouse``."""
        for kind in ("VIEW", "TABLE"):
            self._clear(kind, table)
        self._clear("TABLE", records_of(table))

    def exists(self, table: Table) -> bool:
        """See ``Warehouse``."""
        if self._open_connection is None and not self._database.is_file():
            return False
        query = "SELECT 1 FROM information_schema.tables WHERE table_schema = $1 AND table_name = $2"
        with self._reading() as connection:
            return connection.execute(query, table.name.split(".")).fetchone() is not None

    def rows(self, query: exp.Query) -> list[dict[str, Any]]:
        """See ``Warehouse``."""
        with self._reading() as connection:
            result = connection.execute(self.sql(query))
            names = [column[0] for column in result.description or ()]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def arrow(self, query: exp.Query) -> pyarrow.Table:
        """See ``Warehouse``."""
        with self._reading() as connection:
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
                values = ", ".join(_csv_value(column, column_type) for column, column_type in self.columns(table).items())
                # The writer's own quoting also quotes a leading '#', which RFC 4180 does not ask for: texts come quoted.
                options = "FORMAT csv, HEADER, QUOTE '', ESCAPE ''"
                return self._count(f"COPY (SELECT {values} FROM {name}) TO {_quoted(path)} ({options})")
            case "parquet":
                return self._count(f"COPY {name} TO {_quoted(path)} (FORMAT parquet)")
            case "duckdb":
                return self._export_table(table, path)

    def _export_table(self, table: Table, database: Path) -> int:
        self._execute(f"ATTACH {_quoted(database)} AS published")
        try:
            self._execute(f"CREATE SCHEMA IF NOT EXISTS published.{table.name.split('.')[0]}")
            count = self._count(f"CREATE OR REPLACE TABLE published.{table.name} AS FROM {table.name}")
            self._execute(_commenting(table, f"published.{table.name}"))
            return count
        finally:
            self._execute("DETACH published")

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
                    return self._fingerprint(names, _csv_source(path, types))
                except WarehouseError:  # long lines have to be allowed, which makes the parts large that threads share out
                    return self._fingerprint(names, _csv_source(path, types, _LONG_LINES))
            case "parquet":
                return self._fingerprint(values, f"read_parquet({_quoted(path)})")
            case "duckdb":
                self._execute(f"ATTACH {_quoted(path)} AS published (READ_ONLY)")
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

        cursor = self._connection.cursor()
        cursor.execute(f"SET search_path = '{','.join(reversed(_SCHEMAS))}'")
        return engine_on(cursor)

    def spare_memory(self) -> None:
        """See ``Warehouse``. Half of the limit is much: what is let go has to be read again, so it is not done for nothing."""
        held = "SELECT sum(memory_usage_bytes) FROM duckdb_memory()"
        is_much = f"SELECT ({held}) > parse_formatted_bytes(current_setting('memory_limit')) / 2"
        if self._execute(is_much).fetchall() == [(True,)]:
            self.close()

    def close(self) -> None:
        """See ``Warehouse``."""
        connection, self._open_connection = self._open_connection, None
        if connection is not None:
            with _plain_errors(self._database):
                connection.close()
            shutil.rmtree(self._spilled, ignore_errors=True)

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        if self._open_connection is None:
            self._open_connection = self._open_in_memory() if self._read_only else self._open()
        return self._open_connection

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for one question: the one that is open, else one that only reads and is closed afterwards."""
        with _plain_errors(self._database):
            if self._open_connection is not None:
                yield self._open_connection
                return
            if not self._database.is_file():
                raise WarehouseError(f"{self._database} is not there yet. Run the job first: kedro run.")
            # Not where a run spills, which removes what it finds there.
            spilled = f"{tempfile.gettempdir()}/{self._database.name}.tmp"
            connection = duckdb.connect(self._database, read_only=True, config={"temp_directory": spilled})
            try:
                self._limit_memory(connection)
                yield connection
            finally:
                connection.close()

    def _open(self) -> duckdb.DuckDBPyConnection:
        with _plain_errors(self._database):
            self._database.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(self._spilled, ignore_errors=True)  # by a run that was killed
            try:
                connection = self._connect_after_readers()
            except duckdb.Error as error:
                if _is_locked(error) or not self._database.is_file() or not self._is_scratch:
                    raise
                logger.warning("%s cannot be opened and is made anew: %s", self._database, _first_line(error))
                self._database.unlink()
                Path(f"{self._database}.wal").unlink(missing_ok=True)
                connection = duckdb.connect(self._database)
            if not self._is_scratch:
                self._limit_memory(connection)
                return connection
            connection.execute("SET force_compression = 'uncompressed'")
            self._spilled.parent.mkdir(parents=True, exist_ok=True)
            if connection.execute("SELECT current_setting('temp_directory')").fetchall() != [(str(self._spilled),)]:
                # DuckDB takes no other place, not even the same again, once it has spilled, as opening a large file may do.
                connection.execute(f"SET temp_directory = {_quoted(self._spilled)}")
            self._limit_memory(connection)
            for schema in _SCHEMAS:
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            return connection

    def _connect_after_readers(self) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + _READERS_SECONDS
        while True:
            try:
                return duckdb.connect(self._database)
            except duckdb.IOException as error:
                # DuckDB says so where it is readers who have the file.
                if not (_is_locked(error) and "read-only mode" in str(error)) or time.monotonic() >= deadline:
                    raise
            time.sleep(_POLL_SECONDS)

    def _open_in_memory(self) -> duckdb.DuckDBPyConnection:
        with _plain_errors(self._database):
            connection = duckdb.connect(":memory:")
            self._limit_memory(connection)
            connection.execute(f"ATTACH {_quoted(self._database)} AS file (READ_ONLY)")
            for schema in _SCHEMAS:
                connection.execute(f"CREATE SCHEMA {schema}")
            tables = "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'file'"
            for schema, table in connection.execute(tables).fetchall():
                connection.execute(f"CREATE VIEW {schema}.{table} AS FROM file.{schema}.{table}")
            return connection

    def _limit_memory(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            connection.execute(f"SET memory_limit = {_quoted(self._memory_limit)}")
        except duckdb.Error as error:
            raise ParameterError(
                f"warehouse.memory_limit is {self._memory_limit!r}, which is no amount of memory: {_first_line(error)}"
                " Set it to one such as 2GB (conf/base/globals.yml)."
            ) from error

    def _execute(self, sql: str, values: list[Any] | None = None) -> duckdb.DuckDBPyConnection:
        with _plain_errors(self._database):
            return self._connection.execute(sql, values)

    def _count(self, sql: str) -> int:
        """Run a statement that answers with a number of rows."""
        ((count, *_),) = self._execute(sql).fetchall()
        return int(count)


def first_rows_of_file(path: Path, file_format: FileFormat, limit: int) -> pyarrow.Table:
    """See ``lending_club.warehouse.files``."""
    if not path.is_file():
        raise WarehouseError(f"{path} is not there yet: it is published by kedro run.")
    source = f"read_parquet({_quoted(path)})"
    if file_format == "csv":
        with path.open(encoding="utf-8") as file:
            names = file.readline().rstrip("\n").split(",")
        source = _csv_source(path, dict.fromkeys(names, "VARCHAR"), _LONG_LINES)
    with _plain_errors(path), duckdb.connect(":memory:") as connection:
        return connection.sql(f"FROM {source} LIMIT {int(limit)}").to_arrow_table()


def _csv_source(path: Path | None, types: Mapping[str, str], options: str = "") -> str:
    """A published CSV file, to stand in a FROM; with its columns' types, and more of DuckDB's options."""
    columns = ", ".join(f"{column}: {_quoted(kind)}" for column, kind in types.items())
    return f"""read_csv({_quoted(path)}, columns = {{{columns}}}, header = true, auto_detect = false, delim = ',',
        quote = '"', escape = '"', nullstr = ''{options})"""


def _is_locked(error: Exception) -> bool:
    return "lock" in str(error).lower()


@contextmanager
def _plain_errors(database: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.CatalogException as error:
        raise WarehouseError(f"{_first_line(error)} Run the pipelines that come before: kedro run.") from error
    except (duckdb.Error, OSError) as error:
        if _is_locked(error):
            holder = re.search(r"\(PID (\d+)\)", str(error))
            raise WarehouseBusyError(
                f"{database} is busy: {f'process {holder[1]}' if holder else 'another process'} has it open, such as a run."
                " Try again when it has ended. What is published can be read at any time."
            ) from error
        raise WarehouseError(f"DuckDB ({database}): {_first_line(error)}") from error


def _commenting(table: Table, name: str) -> str:
    """Statements, in one transaction, that give a table the comments of another one."""
    columns = [f'COMMENT ON COLUMN {name}."{column}" IS {_quoted(comment)}' for column, comment in table.column_comments.items()]
    return ";".join(["BEGIN", f"COMMENT ON TABLE {name} IS {_quoted(table.comment)}", *columns, "COMMIT"])


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _csv_value(column: str, column_type: str) -> str:
    """A column as COPY is to write it: as it is, or as text that has its quotes already."""
    match column_type:
        case "VARCHAR":
            text = column
        case "VARCHAR[]":
            text = f"array_to_string({column}, ',')"
        case "DECIMAL(38,2)":  # DuckDB takes three times as long to print these, and nearly all fit the narrower type
            narrow = f"TRY_CAST({column} AS DECIMAL(18, 2))"
            return f"coalesce(CAST({narrow} AS VARCHAR), CAST({column} AS VARCHAR)) AS {column}"
        case _:
            return column
    needs_quotes = f"regexp_matches({text}, '[\",\\r\\n]')"
    return f"""CASE WHEN {needs_quotes} THEN concat('"', replace({text}, '"', '""'), '"') ELSE {text} END AS {column}"""
