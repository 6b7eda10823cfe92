"""DuckDB: embedded, nothing to install or start."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from lending_club.csv_file import MAX_RECORD_BYTES, Batch, CsvFile
from lending_club.errors import ParameterError, WarehouseError
from lending_club.warehouse.base import FileFormat, Table
from lending_club.warehouse.memory import available_memory

if TYPE_CHECKING:
    import pyarrow
    import sqlalchemy
    from sqlglot import exp

logger = logging.getLogger(__name__)

_SCHEMAS = ("raw", "staging", "marts")
_SHARE_OF_MEMORY = 60


class DuckDBWarehouse:
    """A scratch database that only a run opens; what others read is exported from it.

    Args:
        database: The database file. What it holds can be made again from the input, so one that cannot be opened, of
            another DuckDB version or damaged by a crash, is replaced by an empty one.
        read_only: Leave the file as it is and work in memory, with its tables in view.
        portable_checksums: Make fingerprints that other engines can make too. They take several times as long.
        memory_limit: How much memory the engine may take, such as ``2GB``; what does not fit is spilled. By default 60 % of
            what the machine has, or the container is given.
        temp_directory: Where to spill, beside the database by default; a directory there is removed in the end.
    """

    def __init__(
        self,
        database: Path,
        read_only: bool = False,
        portable_checksums: bool = False,
        memory_limit: str | None = None,
        temp_directory: str | None = None,
    ) -> None:
        self._database = database
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

    def create_table(self, table: Table, query: exp.Query) -> int:
        """See ``Warehouse``."""
        # Comments are for readers, and readers see the exported table.
        return self._count(f"CREATE OR REPLACE TABLE {table.name} AS {self.sql(query)}")

    def create_view(self, table: Table, query: exp.Query) -> None:
        """See ``Warehouse``."""
        self._execute(f"CREATE OR REPLACE VIEW {table.name} AS {self.sql(query)}")

    def load_csv(self, table: Table, file: CsvFile) -> int:
        """See ``Warehouse``."""
        name = table.name
        columns = [_snake_case(column) for column in file.columns]
        if file.extra_columns:
            logger.warning("%s: columns not used: %s", file.path, ", ".join(map(repr, file.extra_columns)))
        is_pattern = any(character in str(file.path) for character in "*?[")  # DuckDB would look for other files
        row_count = self._load_plain(name, columns, file) if file.is_plain and not is_pattern else None
        return row_count or self._load_batches(name, columns, file)

    def _load_plain(self, name: str, columns: list[str], file: CsvFile) -> int | None:
        """Let DuckDB read a file in which each line is a record; None where a line does not fit after all."""
        width = len(file.header.names)
        all_columns = ", ".join(f"'column{position}': 'VARCHAR'" for position in range(width))
        values = ", ".join(f"column{position} AS {column}" for position, column in zip(file.positions, columns, strict=True))
        read_csv = f"""read_csv({_quoted(file.path)}, columns = {{{all_columns}}}, header = true, auto_detect = false,
            delim = ',', quote = '', escape = '', comment = '', nullstr = '\n', strict_mode = true)"""
        try:
            return self._count(
                f"""CREATE OR REPLACE TABLE {name} AS
                SELECT row_number() OVER () + 1 AS line, CAST(NULL AS VARCHAR) AS malformed, {values} FROM {read_csv}"""
            )
        except WarehouseError as error:
            if not isinstance(error.__cause__, duckdb.InvalidInputException):
                raise
            logger.debug("%s: some lines do not fit the header; reading it record by record", file.path)
            return None

    def _load_batches(self, name: str, columns: list[str], file: CsvFile) -> int:
        as_text = ", ".join(f"{column} VARCHAR" for column in columns)
        self._execute("BEGIN")
        try:
            self._execute(f"CREATE OR REPLACE TABLE {name} (line BIGINT, malformed VARCHAR, {as_text})")
            for batch in file.batches():
                self._load_lines(name, batch, file)
                self._load_records(name, batch, len(columns), file.positions)
            self._execute("COMMIT")
        except BaseException:
            self._rollback()
            raise
        return self._count(f"SELECT count(*) FROM {name}")

    def _load_lines(self, name: str, batch: Batch, file: CsvFile) -> None:
        """Load the records that stand one to a line without quotes; a blank line is none."""
        values = ", ".join(f"fields[{position + 1}]" for position in file.positions)
        self._execute(
            f"""INSERT INTO {name}
            SELECT line, CASE WHEN fields IS NULL THEN record END, {values}
            FROM (
                SELECT line, record, CASE WHEN len(fields) = {len(file.header.names)} THEN fields END AS fields
                FROM (
                    SELECT line, record, string_split(record, ',') AS fields
                    FROM (SELECT unnest(range($1, $2)) AS line, unnest(string_split($3, chr(10))) AS record)
                    WHERE record <> ''
                )
            )""",
            [batch.first_line, batch.first_line + batch.text.count("\n") + 1, batch.text],
        )

    def _load_records(self, name: str, batch: Batch, width: int, positions: list[int]) -> None:
        """Load the records that Python read, as one text cut at two characters that are in none of their values."""
        if not batch.records:
            return
        rows = [
            (str(record.line), record.malformed)
            if record.malformed is not None
            else (str(record.line), "", *(record.values[position] for position in positions))
            for record in batch.records
        ]
        used = {character for row in rows for value in row for character in value}
        unused = (chr(code) for code in range(1, 0xD800) if chr(code) not in used)
        between_rows, between_values = next(unused), next(unused)
        values = ", ".join(f"fields[{place}]" for place in range(3, width + 3))
        self._execute(
            f"""INSERT INTO {name}
            SELECT CAST(fields[1] AS BIGINT), CASE WHEN len(fields) = 2 THEN fields[2] END, {values}
            FROM (SELECT string_split(unnest(string_split($1, $2)), $3) AS fields)""",
            [between_rows.join(between_values.join(row) for row in rows), between_rows, between_values],
        )

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

    def columns(self, table: Table) -> list[str]:
        """Names of a table's columns, in order."""
        return [row[0] for row in self._execute(f"DESCRIBE {table.name}").fetchall()]

    @property
    def directory(self) -> Path:
        """Where the database file is."""
        return self._database.parent

    def drop_table(self, table: Table) -> None:
        """See ``Warehouse``."""
        self._execute(f"DROP TABLE IF EXISTS {table.name}")

    def exists(self, table: Table) -> bool:
        """See ``Warehouse``."""
        query = "SELECT 1 FROM information_schema.tables WHERE table_schema = $1 AND table_name = $2"
        return self._execute(query, table.name.split(".")).fetchone() is not None

    def rows(self, query: exp.Query) -> list[dict[str, Any]]:
        """See ``Warehouse``."""
        result = self._execute(self.sql(query))
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def export(self, table: Table, path: Path, file_format: FileFormat) -> int:
        """See ``Warehouse``."""
        name = table.name
        match file_format:
            case "csv":
                columns = self._execute(f"DESCRIBE {name}").fetchall()
                values = ", ".join(_csv_value(column, column_type) for column, column_type, *_ in columns)
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
            self._comment(table, f"published.{table.name}")
            return count
        finally:
            self._execute("DETACH published")

    def _comment(self, table: Table, name: str) -> None:
        if table.comment:
            self._execute(f"COMMENT ON TABLE {name} IS {_quoted(table.comment)}")
        for column, comment in table.column_comments.items():
            self._execute(f'COMMENT ON COLUMN {name}."{column}" IS {_quoted(comment)}')

    def put_file(self, path: Path, volume_path: str) -> None:
        """Refuse: DuckDB has no volumes."""
        raise WarehouseError(f"{path} cannot be copied to {volume_path}: volumes are Databricks'. Leave files_volume empty.")

    def fingerprint(self, table: Table, path: Path | None = None, file_format: str | None = None) -> tuple[int, str]:
        """See ``Warehouse``."""
        columns = {column: kind for column, kind, *_ in self._execute(f"DESCRIBE {table.name}").fetchall()}
        lists = {column for column, kind in columns.items() if kind == "VARCHAR[]"}
        values = [f"array_to_string({column}, ',')" if column in lists else f'"{column}"' for column in columns]
        match file_format:
            case "csv":
                kinds = ((column, "VARCHAR" if column in lists else kind) for column, kind in columns.items())
                types = ", ".join(f"{column}: {_quoted(kind)}" for column, kind in kinds)
                source = f"""read_csv({_quoted(path)}, columns = {{{types}}}, header = true, auto_detect = false, delim = ',',
                    quote = '"', escape = '"', nullstr = '', max_line_size = {MAX_RECORD_BYTES})"""
                return self._fingerprint([f'"{column}"' for column in columns], source)
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

    def sqlalchemy_engine(self) -> sqlalchemy.Engine:
        """See ``Warehouse``."""
        from lending_club.warehouse.duckdb_sqlalchemy import engine_on

        cursor = self._connection.cursor()
        cursor.execute(f"SET search_path = '{','.join(reversed(_SCHEMAS))}'")
        return engine_on(cursor)

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

    def _open(self) -> duckdb.DuckDBPyConnection:
        with _plain_errors(self._database):
            self._database.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(self._spilled, ignore_errors=True)  # by a run that was killed
            try:
                connection = duckdb.connect(self._database)
            except duckdb.Error as error:
                if "lock" in str(error).lower() or not self._database.is_file():
                    raise
                logger.warning("%s cannot be opened and is made anew: %s", self._database, _first_line(error))
                self._database.unlink()
                Path(f"{self._database}.wal").unlink(missing_ok=True)
                connection = duckdb.connect(self._database)
            connection.execute("SET force_compression = 'uncompressed'")
            self._spilled.parent.mkdir(parents=True, exist_ok=True)
            connection.execute(f"SET temp_directory = {_quoted(self._spilled)}")
            self._limit_memory(connection)
            for schema in _SCHEMAS:
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            return connection

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

    def _rollback(self) -> None:
        if self._open_connection is not None:
            try:
                self._open_connection.execute("ROLLBACK")
            except duckdb.Error:
                logger.debug("nothing to roll back", exc_info=True)


@contextmanager
def _plain_errors(database: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.CatalogException as error:
        raise WarehouseError(f"{_first_line(error)} Run the pipelines that come before: kedro run.") from error
    except (duckdb.Error, OSError) as error:
        raise WarehouseError(f"DuckDB ({database}): {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _snake_case(column: str) -> str:
    """``CustomerID`` as ``customer_id``."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", column).lower()


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
