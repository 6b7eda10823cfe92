"""Databricks: a SQL warehouse with Unity Catalog, spoken to through Databricks' own connector."""

from __future__ import annotations

import copy
import logging
import re
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lending_club.errors import WarehouseError
from lending_club.warehouse.base import FileFormat, FileQuery, Table, Warehouse
from lending_club.warehouse.databricks_login import Login
from lending_club.warehouse.databricks_sql import databricks_sql
from lending_club.warehouse.duckdb import DuckDBWarehouse
from lending_club.warehouse.patience import Patience

if TYPE_CHECKING:
    import pyarrow
    import sqlalchemy
    from databricks.sql.client import Connection
    from sqlglot import exp

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_PART_BYTES = "64MB"  # the connector reads a part into memory to upload it
_UPLOADS = 4
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
        patience_seconds: For how long in all to repeat what fails and may well succeed the next time.
        cloud_fetch: Whether large results come straight from the cloud's storage, which some proxies forbid.
    """

    def __init__(self, schema: str, volume: str, transfer: Path, patience_seconds: float = 600, cloud_fetch: bool = True) -> None:
        self._schema = schema
        self._volume = volume
        self._patience_seconds = patience_seconds
        self._cloud_fetch = cloud_fetch
        self._files = DuckDBWarehouse(transfer, portable_checksums=True)
        self._fetched: set[str] = set()
        self._open_connection: Connection | None = None

    def connection_steps(self) -> list[tuple[str, Callable[[], str]]]:
        """See ``Warehouse``."""
        return [
            ("settings", lambda: str(Login.from_environment())),
            ("reach", lambda: Login.from_environment().reach()),
            ("login", lambda: f"as {self._execute('SELECT current_user() AS who').to_pylist()[0]['who']}"),
            ("schemas", self._make_schemas),
        ]

    def version(self) -> str:
        """See ``Warehouse``."""
        from databricks.sql import __version__

        (found,) = self._execute("SELECT current_version().dbsql_version AS version").to_pylist()
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
        self._execute(self._creation(table, candidate.comment, candidate.select()))
        # Columns bring their comments along from where they are selected.
        found = {row["col_name"]: row["comment"] for row in self._execute(f"DESCRIBE TABLE {_name(table)}").to_pylist()}
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
            self._execute(adding)
        except WarehouseError as error:
            if not re.search("TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND", str(error)):
                raise
            self._execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted_name(table.name.rpartition('.')[0])}")
            self._execute(f"CREATE TABLE IF NOT EXISTS {_name(table)} AS {self.sql(rows_query(types, []))}")
            self._execute(adding)

    def load_csv(self, table: Table, query: FileQuery) -> int:
        """See ``Warehouse``."""
        local = replace(table, name=f"raw.{table.name.rpartition('.')[2]}")
        self._files.load_csv(local, query)
        with tempfile.TemporaryDirectory(prefix="upload-", dir=self._files.directory) as directory:
            parts = self._files.export_parts(local, Path(directory), _PART_BYTES)
            self._load_parts(table, parts, self._files.columns(local))
        read, loaded = self._files.fingerprint(local), self._fingerprint(table, self._files.columns(local))
        if read != loaded:
            raise WarehouseError(
                f"Databricks: {table.name} holds {loaded[0]:,} rows with checksum {loaded[1]}, and not the {read[0]:,} rows with"
                f" checksum {read[1]} that were read from {query.file.path}. Run again; if it stays so, report it."
            )
        return read[0]

    def _load_parts(self, table: Table, parts: list[Path], columns: Iterable[str]) -> None:
        """Upload Parquet files, make a table of them, and remove them again whatever happens."""
        prefix = f"{table.name.rpartition('.')[2]}-"
        directory = "/Volumes/" + self._volume.replace(".", "/")
        self._remove_leftovers(directory, prefix)
        upload = f"{directory}/{prefix}{uuid.uuid4().hex}-"
        remote = {part: f"{upload}{number:05}.parquet" for number, part in enumerate(parts)}
        try:
            self._upload(remote)
            names = ", ".join(f"`{column}`" for column in columns)
            source = f"read_files({_quoted(f'{upload}*.parquet')}, format => 'parquet')"
            self._execute(f"CREATE OR REPLACE TABLE {_name(table)} AS SELECT {names} FROM {source}")
        finally:
            for path in remote.values():
                self._remove(path)

    def _remove_leftovers(self, directory: str, prefix: str) -> None:
        """Remove what a run left that was killed between uploading and removing."""
        for row in self._execute(f"LIST {_quoted(directory)}").to_pylist():
            if re.fullmatch(rf"{re.escape(prefix)}[0-9a-f]{{32}}-[0-9]+\.parquet", row["name"]):
                self._remove(f"{directory}/{row['name']}")

    def _upload(self, remote: dict[Path, str]) -> None:
        """PUT files into a volume, a few at a time, each on a connection of its own."""
        if len(remote) == 1:
            ((part, path),) = remote.items()
            self._execute(f"PUT {_quoted(part)} INTO {_quoted(path)} OVERWRITE")
            return
        own = threading.local()
        connections: list[Connection] = []

        def connection() -> Connection:
            if not hasattr(own, "connection"):
                own.connection = self._open()
                connections.append(own.connection)
            opened: Connection = own.connection
            return opened

        def put(part_and_path: tuple[Path, str]) -> None:
            part, path = part_and_path
            statement = f"PUT {_quoted(part)} INTO {_quoted(path)} OVERWRITE"
            self._patience("uploading").keep(lambda: _run(connection(), statement), lambda: delattr(own, "connection"))

        pool = ThreadPoolExecutor(_UPLOADS)
        try:
            list(pool.map(put, remote.items()))
        finally:
            pool.shutdown(cancel_futures=True)
            for each in connections:
                _close(each)

    def _remove(self, path: str) -> None:
        try:
            self._execute(f"REMOVE {_quoted(path)}")
        except WarehouseError as error:
            if "PATH_NOT_FOUND" not in str(error):
                logger.warning("%s is left there: %s", path, error)

    def put_file(self, path: Path, volume_path: str) -> None:
        """See ``Warehouse``."""
        self._execute(f"PUT {_quoted(path.resolve())} INTO {_quoted(volume_path)} OVERWRITE")

    def drop_table(self, table: Table) -> None:
        """See ``Warehouse``."""
        self._execute(f"DROP TABLE IF EXISTS {_name(table)}")

    def exists(self, table: Table) -> bool:
        """See ``Warehouse``."""
        schema, _, name = table.name.rpartition(".")
        return bool(self._execute(f"SHOW TABLES IN {_quoted_name(schema)} LIKE {_quoted(name)}").num_rows)

    def columns(self, table: Table) -> dict[str, str]:
        """See ``Warehouse``."""
        return {row["col_name"]: row["data_type"] for row in self._execute(f"DESCRIBE TABLE {_name(table)}").to_pylist()}

    def source_and_name(self, table: Table) -> tuple[str, str]:
        """See ``Warehouse``."""
        return f"databricks://{Login.from_environment().host}", table.name

    def rows(self, query: exp.Query) -> list[dict[str, Any]]:
        """See ``Warehouse``."""
        return list(self.arrow(query).to_pylist())

    def arrow(self, query: exp.Query) -> pyarrow.Table:
        """See ``Warehouse``."""
        return self._execute(self.sql(query))

    @contextmanager
    def looking(self) -> Iterator[Warehouse]:
        """See ``Warehouse``."""
        looking = copy.copy(self)
        looking._patience_seconds, looking._open_connection = _LOOK_SECONDS, None
        try:
            yield looking
        finally:
            looking._forget_session()

    def export(self, table: Table, path: Path, file_format: FileFormat) -> int:
        """See ``Warehouse``."""
        local = replace(table, name=f"marts.{table.name.rpartition('.')[2]}")
        if table.name not in self._fetched:
            self._fetch_into(local, self.sql(table.select()))
            self._fetched.add(table.name)
        return self._files.export(local, path, file_format)

    def _fetch_into(self, local: Table, statement: str) -> None:
        self._keep(statement, lambda: self._fetch(statement, local))

    def _fetch(self, statement: str, local: Table) -> None:
        import pyarrow

        with self._connection.cursor() as cursor:
            _execute_on(cursor, statement)
            first = cursor.fetchmany_arrow(_FETCH_ROWS)

            def batches() -> Iterator[pyarrow.RecordBatch]:
                piece = first
                while piece.num_rows:
                    yield from piece.to_batches()
                    piece = cursor.fetchmany_arrow(_FETCH_ROWS)

            self._files.load_arrow(local, pyarrow.RecordBatchReader.from_batches(first.schema, batches()))

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
        (found,) = self._execute(query).to_pylist()
        return found["rows"], found["checksum"]

    def state(self, table: Table) -> str:
        """See ``Warehouse``."""
        (found,) = self._execute(f"DESCRIBE DETAIL {_name(table)}").to_pylist()
        return f"table {found['id']}, {found['lastModified']}"

    def sqlalchemy_engine(self) -> sqlalchemy.Engine:
        """See ``Warehouse``."""
        import sqlalchemy

        catalog, schema = self._schema.split(".")
        url = sqlalchemy.URL.create("databricks", host="warehouse", query={"catalog": catalog, "schema": schema})
        return sqlalchemy.create_engine(url, creator=self._open, poolclass=sqlalchemy.StaticPool)

    def spare_memory(self) -> None:
        """See ``Warehouse``."""
        self._files.spare_memory()

    def close(self) -> None:
        """See ``Warehouse``."""
        self._files.close()
        connection, self._open_connection = self._open_connection, None
        if connection is not None:
            _close(connection)

    @property
    def _connection(self) -> Connection:
        if self._open_connection is None:
            self._open_connection = self._open()
        return self._open_connection

    def _make_schemas(self) -> str:
        schemas = sorted({self._schema, self._volume.rpartition(".")[0]})
        for schema in schemas:
            self._execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted_name(schema)}")
        self._execute(f"CREATE VOLUME IF NOT EXISTS {_quoted_name(self._volume)}")
        return f"{', '.join(schemas)}, and the volume {self._volume}"

    def _open(self) -> Connection:
        # A request that is answered with 429 or 503 was not taken on, and the connector repeats it; it sleeps at least
        # _retry_delay_max each time, and 5 seconds is the least it accepts.
        return Login.from_environment().open_connection(
            catalog=self._schema.partition(".")[0],
            session_configuration={"ansi_mode": "true", "timezone": "UTC"},
            staging_allowed_local_path="/",
            use_cloud_fetch=self._cloud_fetch,
            _retry_delay_min=1,
            _retry_delay_max=5,
            _retry_stop_after_attempts_count=60,
            _retry_stop_after_attempts_duration=max(self._patience_seconds, 1),
        )

    def _execute(self, statement: str) -> pyarrow.Table:
        """Run a statement, patiently, and fetch its result, which has to be small."""
        return self._keep(statement, lambda: _run(self._connection, statement))

    def _keep(self, what: str, action: Callable[[], _T]) -> _T:
        return self._patience(what).keep(action, self._forget_session)

    def _patience(self, what: str) -> Patience:
        return Patience(what, self._patience_seconds, Login.from_environment().secrets)

    def _forget_session(self) -> None:
        connection, self._open_connection = self._open_connection, None
        if connection is not None:
            _close(connection)

    def _count(self, table: Table) -> int:
        (row,) = self._execute(f"SELECT count(*) AS `rows` FROM {_name(table)}").to_pylist()
        return int(row["rows"])

    def _creation(self, table: Table, comment: str, query: exp.Query) -> str:
        described = f" COMMENT {_quoted(comment)}" if comment else ""
        return f"CREATE OR REPLACE TABLE {_name(table)}{described} AS {self.sql(query)}"

    def _replace_any(self, other_kind: str, table: Table, creation: str) -> None:
        """Make a table or a view, also where an earlier version of the models made one of the other kind."""
        try:
            self._execute(creation)
        except WarehouseError as error:
            if not _OTHER_KIND.search(str(error)):
                raise
            self._execute(f"DROP {other_kind} {_name(table)}")
            self._execute(creation)

    def _comment_columns(self, table: Table, comments: Mapping[str, str]) -> None:
        if comments:
            columns = ", ".join(f"`{column}` COMMENT {_quoted(text)}" for column, text in comments.items())
            self._execute(f"ALTER TABLE {_name(table)} ALTER COLUMN {columns}")


def _run(connection: Connection, statement: str) -> pyarrow.Table:
    with connection.cursor() as cursor:
        _execute_on(cursor, statement)
        return cursor.fetchall_arrow() if cursor.description else None


def _execute_on(cursor: Any, statement: str) -> None:
    try:
        cursor.execute(statement)
    except KeyboardInterrupt:  # what nobody waits for any more must not go on, and cost
        with suppress(Exception):
            cursor.cancel()
        raise


def _close(connection: Connection) -> None:
    """Close a connection; one that is broken is as good as closed."""
    try:
        connection.close()
    except Exception as error:
        logger.debug("could not be closed: %s", type(error).__name__)


def _name(table: Table) -> str:
    return table.expression.sql("databricks", identify=True)


def _quoted_name(name: str) -> str:
    return ".".join(f"`{part}`" for part in name.split("."))


def _quoted(text: object) -> str:
    return "'" + str(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


def _as_text(column: str, data_type: str) -> str:
    return f"array_join(`{column}`, ',')" if data_type.endswith("[]") else f"CAST(`{column}` AS STRING)"
