"""An input file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset

from lending_club.csv_file import CsvFile
from lending_club.datasets.preview import PREVIEW_ROWS, TextPreview
from lending_club.errors import InputFileError

_PREVIEW_LINE = 1000  # the most that is shown of a line, in characters


class CsvSource(AbstractDataset[NoReturn, CsvFile]):
    """A CSV file that somebody else delivers.

    Args:
        filepath: Where the file is.
        columns: Required columns as the data contract spells them, in the contract's order.
        metadata: For other tools; not used here.

    Attributes:
        file: The file, not yet opened.
    """

    def __init__(self, filepath: str, columns: list[str], metadata: dict[str, Any] | None = None) -> None:
        self.file = CsvFile(Path(filepath), tuple(columns))
        self.metadata = metadata

    def load(self) -> CsvFile:
        """The file, not yet opened."""
        return self.file

    def save(self, data: NoReturn) -> None:
        """Refuse to overwrite an input.

        Args:
            data: Cannot be given.

        Raises:
            InputFileError: Always.
        """
        del data
        raise InputFileError(f"{self.file.path} is an input and is never written.")

    def preview(self, nrows: int = PREVIEW_ROWS) -> TextPreview:
        """The first lines as they came, for Kedro-Viz."""
        path = self.file.path
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                return TextPreview("".join(file.readline(_PREVIEW_LINE) for _ in range(nrows + 1)))
        except OSError as error:
            return TextPreview(f"{path}: {(error.strerror or str(error)).lower()}")

    def _exists(self) -> bool:
        return self.file.path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.file.path), "columns": list(self.file.columns)}
