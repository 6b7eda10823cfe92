"""Published files, which the embedded DuckDB reads whatever the warehouse is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow

    from lending_club.warehouse.base import FileFormat


def first_rows_of_file(path: Path, file_format: FileFormat, limit: int) -> pyarrow.Table:
    """The first rows of a published file.

    Args:
        path: The file.
        file_format: ``csv``, whose values are read as text, or ``parquet``.
        limit: The largest number of rows.

    Raises:
        WarehouseError: It cannot be read.
    """
    from lending_club.warehouse.duckdb_files import first_rows_of_file as read

    return read(path, file_format, limit)
