"""The published files as DuckDB writes them and reads them back. The form of a CSV is the data contract's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from lending_club.csv_file import MAX_RECORD_BYTES
from lending_club.errors import WarehouseError
from lending_club.warehouse.base import FileFormat
from lending_club.warehouse.duckdb_database import plain_errors, quoted

if TYPE_CHECKING:
    import pyarrow

LONG_LINES = f", max_line_size = {MAX_RECORD_BYTES}"


def first_rows_of_file(path: Path, file_format: FileFormat, limit: int) -> pyarrow.Table:
    """See ``lending_club.warehouse.files``."""
    if not path.is_file():
        raise WarehouseError(f"{path} is not there yet: it is published by kedro run.")
    source = f"read_parquet({quoted(path)})"
    if file_format == "csv":
        with path.open(encoding="utf-8") as file:
            names = file.readline().rstrip("\n").split(",")
        source = csv_source(path, dict.fromkeys(names, "VARCHAR"), LONG_LINES)
    with plain_errors(path), duckdb.connect(":memory:") as connection:
        return connection.sql(f"FROM {source} LIMIT {int(limit)}").to_arrow_table()


def csv_source(path: Path | None, types: Mapping[str, str], options: str = "") -> str:
    """A published CSV file, to stand in a FROM; with its columns' types, and more of DuckDB's options."""
    columns = ", ".join(f"{column}: {quoted(kind)}" for column, kind in types.items())
    return f"""read_csv({quoted(path)}, columns = {{{columns}}}, header = true, auto_detect = false, delim = ',',
        quote = '"', escape = '"', nullstr = ''{options})"""


def csv_value(column: str, column_type: str) -> str:
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
