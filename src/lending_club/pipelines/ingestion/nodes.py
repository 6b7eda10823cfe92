"""What ingestion does."""

from __future__ import annotations

from lending_club.csv_file import CsvFile


def land(file: CsvFile) -> CsvFile:
    """Hand a file to the table that it is loaded into; the warehouse reads it."""
    return file
