"""The files of a DuckDB database, and the one connection of a process to them."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from lending_club.errors import ParameterError, WarehouseBusyError, WarehouseError
from lending_club.warehouse.memory import available_memory

logger = logging.getLogger(__name__)

_SCHEMAS = ("raw", "staging")
# What is published as a database is made in one: the schema `marts` of a second file, which is attached under this name.
CANDIDATES = "candidates"
SEARCH_PATH = ",".join(("main", *_SCHEMAS, f"{CANDIDATES}.marts"))
# It takes DuckDB longer to find these out than to write and read what they would save.
_SLOW_COMPRESSION = "fsst,zstd,dict_fsst,roaring"
# So much of the memory that DuckDB has done with it keeps for what comes next, instead of asking the system for it again.
_KEPT_MEMORY = "1500MB"
_SHARE_OF_MEMORY = 60
_POLL_SECONDS = 0.1
# How long a run waits for those who are reading the scratch database; one question takes seconds.
_READERS_SECONDS = 30


class DuckDBDatabase:
    """A database that is open as long as something is written, and for one question where somebody only reads.

    Args:
        path: The database file. That of the candidates is beside it.
        read_only: Leave the file as it is and work in memory, with its tables in view.
        memory_limit: See ``DuckDBWarehouse``; so are the next ones.
        temp_directory: See there.
        is_scratch: See there.
    """

    def __init__(
        self,
        path: Path,
        read_only: bool = False,
        memory_limit: str | None = None,
        temp_directory: str | None = None,
        is_scratch: bool = True,
    ) -> None:
        self.path = path
        self._candidates = path.with_name(f"{path.stem}.{CANDIDATES}.duckdb")
        self._is_scratch = is_scratch
        self._read_only = read_only
        self._memory_limit = memory_limit or f"{available_memory() * _SHARE_OF_MEMORY // 100} bytes"
        self._spilled = Path(temp_directory or path.parent) / f"{path.name}.tmp"
        self._open_connection: duckdb.DuckDBPyConnection | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is something to read."""
        return self._open_connection is not None or self.path.is_file()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection, which is opened where it is not."""
        if self._open_connection is None:
            with plain_errors(self.path):
                self._open_connection = self._open_in_memory() if self._read_only else self._open()
        return self._open_connection

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for one question: the one that is open, else one that only reads and is closed afterwards."""
        with plain_errors(self.path):
            if self._open_connection is not None:
                yield self._open_connection
                return
            if not self.path.is_file():
                raise WarehouseError(f"{self.path} is not there yet. Run the job first: kedro run.")
            # Not where a run spills, which removes what it finds there.
            spilled = f"{tempfile.gettempdir()}/{self.path.name}.tmp"
            connection = duckdb.connect(self.path, read_only=True, config={"temp_directory": spilled})
            try:
                self._limit_memory(connection)
                if self._candidates.is_file():
                    connection.execute(f"ATTACH {quoted(self._candidates)} AS {CANDIDATES} (READ_ONLY)")
                    connection.execute(f"SET search_path = '{SEARCH_PATH}'")
                yield connection
            finally:
                connection.close()

    def is_candidate(self, table: str) -> bool:
        """Whether a table is in the file of the candidates, by the table's name."""
        return self._is_scratch and not self._read_only and table.startswith("marts.")

    def file_of(self, table: str) -> Path:
        """The file that a table is in, by the table's name."""
        return self._candidates if self.is_candidate(table) else self.path

    def copy_candidates(self, path: Path) -> None:
        """Copy the database of the candidates, which is closed for as long: Python would unlock what it has read."""
        with plain_errors(path):
            self.connection.execute(f"CHECKPOINT {CANDIDATES}; DETACH {CANDIDATES}")
            try:
                shutil.copyfile(self._candidates, path)
            finally:
                _attach_candidates(self.connection, self._candidates)

    def close(self) -> None:
        """Close the connection; what was spilled is gone then."""
        connection, self._open_connection = self._open_connection, None
        if connection is not None:
            with plain_errors(self.path):
                connection.close()
            shutil.rmtree(self._spilled, ignore_errors=True)

    def _open(self) -> duckdb.DuckDBPyConnection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._spilled.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._spilled, ignore_errors=True)  # by a run that was killed
        try:
            connection = self._connect_after_readers()
        except duckdb.Error as error:
            if is_locked(error) or not self.path.is_file() or not self._is_scratch:
                raise
            logger.warning("%s cannot be opened and is made anew: %s", self.path, first_line(error))
            for path in (self.path, self._candidates):
                path.unlink(missing_ok=True)
                Path(f"{path}.wal").unlink(missing_ok=True)
            connection = self._connect()
        self._limit_memory(connection)
        return connection

    def _connect_after_readers(self) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + _READERS_SECONDS
        while True:
            try:
                return self._connect()
            except duckdb.IOException as error:
                # DuckDB says so where it is readers who have the file.
                if not (is_locked(error) and "read-only mode" in str(error)) or time.monotonic() >= deadline:
                    raise
            time.sleep(_POLL_SECONDS)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        if not self._is_scratch:
            return duckdb.connect(self.path)
        # Where to spill is said at once: to open a large file may take more memory than there is, and it cannot be changed then.
        try:
            connection = duckdb.connect(
                self.path, config={"temp_directory": str(self._spilled), "block_allocator_memory": _KEPT_MEMORY}
            )
        except duckdb.ConnectionException:  # something in this process has it open still, and so it is told already
            connection = duckdb.connect(self.path)
        try:
            connection.execute(f"SET disabled_compression_methods = '{_SLOW_COMPRESSION}'")
            _attach_candidates(connection, self._candidates)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_in_memory(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(":memory:")
        self._limit_memory(connection)
        connection.execute(f"ATTACH {quoted(self.path)} AS file (READ_ONLY)")
        _attach_candidates(connection, ":memory:")
        tables = "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'file'"
        for schema, table in connection.execute(tables).fetchall():
            connection.execute(f"CREATE VIEW {schema}.{table} AS FROM file.{schema}.{table}")
        return connection

    def _limit_memory(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            connection.execute(f"SET memory_limit = {quoted(self._memory_limit)}")
        except duckdb.Error as error:
            raise ParameterError(
                f"warehouse.memory_limit is {self._memory_limit!r}, which is no amount of memory: {first_line(error)}"
                " Set it to one such as 2GB (conf/base/globals.yml)."
            ) from error


def _attach_candidates(connection: duckdb.DuckDBPyConnection, place: Path | str) -> None:
    """Attach the database of the candidates, with all schemas there and in view."""
    for schema in _SCHEMAS:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    connection.execute(f"ATTACH IF NOT EXISTS {quoted(place)} AS {CANDIDATES}")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CANDIDATES}.marts")
    connection.execute(f"SET search_path = '{SEARCH_PATH}'")


@contextmanager
def plain_errors(database: Path) -> Iterator[None]:
    """Let DuckDB's errors, and the disk's, be told as ``WarehouseError`` inside.

    Args:
        database: The file that they are about.
    """
    try:
        yield
    except duckdb.CatalogException as error:
        raise WarehouseError(f"{first_line(error)} Run the pipelines that come before: kedro run.") from error
    except (duckdb.Error, OSError) as error:
        if is_locked(error):
            holder = re.search(r"\(PID (\d+)\)", str(error))
            raise WarehouseBusyError(
                f"{database} is busy: {f'process {holder[1]}' if holder else 'another process'} has it open, such as a run."
                " Try again when it has ended. What is published can be read at any time."
            ) from error
        raise WarehouseError(f"DuckDB ({database}): {first_line(error)}") from error


def is_locked(error: Exception) -> bool:
    """Whether it is another process that keeps DuckDB from a file."""
    return "lock" in str(error).lower()


def first_line(error: Exception) -> str:
    """The first line of an error's message; DuckDB goes on with the SQL."""
    return str(error).split("\n", 1)[0]


def quoted(text: object) -> str:
    """A text as it stands in SQL."""
    return "'" + str(text).replace("'", "''") + "'"
