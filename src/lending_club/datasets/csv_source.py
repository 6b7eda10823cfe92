"""An input file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset

from lending_club.csv_file import CsvFile
from lending_club.errors import InputFileError


class CsvSource(AbstractDataset[NoReturn, CsvFile]):
    """A CSV file that somebody else delivers.

    Args:
        filepath: Where the file is.
        columns: Required columns as the data contract spells them, in the contract's order.
        metadata: For other tools; not used here.
    """

    def __init__(self, filepath: str, columns: list[str], metadata: dict[str, Any] | None = None) -> None:
        self._file = CsvFile(Path(filepath), tuple(columns))
        self.metadata = metadata

    def load(self) -> CsvFile:
        """The file, not yet opened."""
        return self._file

    def save(self, data: NoReturn) -> None:
        """Refuse to overwrite an input.

        Args:
            data: Cannot be given.

        Raises:
            InputFileError: Always.
        """
        del data
        raise InputFileError(f"{self._file.path} is an input and is never written.")

    def _exists(self) -> bool:
        return self._file.path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._file.path), "columns": list(self._file.columns)}
