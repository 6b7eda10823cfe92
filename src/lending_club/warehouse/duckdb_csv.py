"""Loading a CSV file into DuckDB."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from lending_club.csv_file import Batch
from lending_club.errors import WarehouseError
from lending_club.plain_csv import plain_rows
from lending_club.warehouse.base import FileQuery, Table, snake_case

logger = logging.getLogger(__name__)

_NOT_READ = "CAST(NULL AS BIGINT) AS line, CAST(NULL AS VARCHAR) AS malformed"


@dataclass(frozen=True)
class DuckDBCsvLoad:
    """One file on its way into a table.

    The table is a view. Where each line of a file is a record, the number of the line is that of the row, which DuckDB knows
    without being told; to count the lines would keep all threads but one waiting.

    Attributes:
        execute: Runs a statement, with its values.
        table: The table.
        query: The query about the file.
        sql: The same in DuckDB's SQL.
    """

    execute: Callable[[str, list[Any] | None], duckdb.DuckDBPyConnection]
    table: Table
    query: FileQuery
    sql: str

    def load(self) -> int:
        """Make or replace the table; return the number of its rows."""
        file = self.query.file
        if file.extra_columns:
            logger.warning("%s: columns not used: %s", file.path, ", ".join(map(repr, file.extra_columns)))
        is_pattern = any(character in str(file.path) for character in "*?[")  # DuckDB would look for other files
        row_count = None if is_pattern else plain_rows(file)
        return row_count if row_count and self._load_plain(row_count) else self._load_batches()

    def _load_plain(self, row_count: int) -> bool:
        """Let DuckDB read a file in which each line is a record; answer whether it could."""
        file = self.query.file
        all_columns = ", ".join(f"'column{position}': 'VARCHAR'" for position in range(len(file.header.names)))
        path = str(file.path).replace("'", "''")
        source = f"""SELECT {_NOT_READ}, {self._values("column{}", first=0)}
            FROM read_csv('{path}', columns = {{{all_columns}}}, header = true, auto_detect = false, delim = ',', quote = '"',
                escape = '"', comment = '', nullstr = '\n', strict_mode = true)"""
        try:
            with self._transaction():
                rows = f"SELECT * EXCLUDE (line, malformed) FROM ({self._selected(source)})"
                count = self._count(f"CREATE OR REPLACE TABLE {self._records} AS {rows}")
                self._make_view("rowid + 2 AS line, CAST(NULL AS VARCHAR) AS malformed, *")
        except WarehouseError as error:
            if not isinstance(error.__cause__, duckdb.InvalidInputException):
                raise
            count = -1
        if count != row_count:
            logger.debug("%s: some lines do not fit the header; reading it record by record", file.path)
        return count == row_count

    def _load_batches(self) -> int:
        nothing = f"SELECT {_NOT_READ}, {self._values('CAST(NULL AS VARCHAR)')} WHERE FALSE"
        with self._transaction():
            self.execute(f"CREATE OR REPLACE TABLE {self._records} AS {self._selected(nothing)}", None)
            for batch in self.query.file.batches():
                self._load_lines(batch)
                self._load_records(batch)
            self._make_view("*")
        return self._count(f"SELECT count(*) FROM {self._records}")

    def _load_lines(self, batch: Batch) -> None:
        """Load the records that stand one to a line without quotes; a blank line is none."""
        source = f"""SELECT line, CASE WHEN fields IS NULL THEN record END AS malformed, {self._values("fields[{}]", first=1)}
            FROM (
                SELECT line, record, CASE WHEN len(fields) = {len(self.query.file.header.names)} THEN fields END AS fields
                FROM (
                    SELECT line, record, string_split(record, ',') AS fields
                    FROM (SELECT unnest(range($1, $2)) AS line, unnest(string_split($3, chr(10))) AS record)
                    WHERE record <> ''
                )
            )"""
        end = batch.first_line + batch.text.count("\n") + 1
        self.execute(f"INSERT INTO {self._records} {self._selected(source)}", [batch.first_line, end, batch.text])

    def _load_records(self, batch: Batch) -> None:
        """Load the records that Python read, as one text cut at two characters that are in none of their values."""
        if not batch.records:
            return
        rows = [(str(record.line), record.malformed or "", *record.values) for record in batch.records]
        used = {character for row in rows for value in row for character in value}
        unused = (chr(code) for code in range(1, 0xD800) if chr(code) not in used)
        between_rows, between_values = next(unused), next(unused)
        source = f"""SELECT CAST(fields[1] AS BIGINT) AS line, nullif(fields[2], '') AS malformed,
                {self._values("fields[{}]", first=3)}
            FROM (SELECT string_split(unnest(string_split($1, $2)), $3) AS fields)"""
        self.execute(
            f"INSERT INTO {self._records} {self._selected(source)}",
            [between_rows.join(between_values.join(row) for row in rows), between_rows, between_values],
        )

    def _values(self, expression: str, first: int = 0) -> str:
        """The wanted columns, each as the value at its place in a record; places are counted from ``first``."""
        file = self.query.file
        places = zip(file.positions, file.columns, strict=True)
        return ", ".join(f"{expression.format(first + position)} AS {snake_case(column)}" for position, column in places)

    def _selected(self, source: str) -> str:
        return f"WITH {self.query.name} AS ({source}) SELECT * FROM ({self.sql}) AS selected"

    @property
    def _records(self) -> str:
        return records_of(self.table).name

    def _make_view(self, columns: str) -> None:
        self.execute(f"CREATE OR REPLACE VIEW {self.table.name} AS SELECT {columns} FROM {self._records}", None)

    def _count(self, sql: str) -> int:
        ((count,),) = self.execute(sql, None).fetchall()
        return int(count)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.execute("BEGIN", None)
        try:
            yield
            self.execute("COMMIT", None)
        except BaseException:
            try:
                self.execute("ROLLBACK", None)
            except WarehouseError:
                logger.debug("nothing to roll back", exc_info=True)
            raise


def records_of(table: Table) -> Table:
    """The table behind the view that a file is loaded into."""
    return replace(table, name=f"{table.name}_records")
