"""Published outputs: files that are staged one by one and take their published names all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from lending_club.publication import Output, publication
from lending_club.warehouse import FileFormat, Table


class PublishedFile(AbstractDataset[Table, Output]):
    """A file of the published set. Saving a table stages the file; it is published with its set.

    Args:
        filepath: The published path.
        file_format: ``csv``, as in the data contract, ``parquet``, or ``duckdb``, a database that several tables share.
        metadata: For other tools; not used here.

    Attributes:
        row_count: Number of rows that the last save wrote, None before.
    """

    def __init__(self, filepath: str, file_format: FileFormat, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self._format: FileFormat = file_format
        self.metadata = metadata
        self.row_count: int | None = None

    def load(self) -> Output:
        """A reference to the file, which need not exist yet."""
        return publication(self._path.parent).output(self._path.name, self._format)

    def save(self, data: Table) -> None:
        """Write the table's rows, in the table's order, to the staged file."""
        staged = publication(self._path.parent).stage(self._path.name)
        self.row_count = data.warehouse.export(data.name, staged, self._format)

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "file_format": self._format}


class PublishedOutputs(AbstractDataset[list[Path], Path]):
    """The published set of one directory. Saving the paths of its outputs publishes all of them by one rename.

    Args:
        path: The directory.
        metadata: For other tools; not used here.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(path)
        self.metadata = metadata

    def load(self) -> Path:
        """The directory."""
        return self._path

    def save(self, data: list[Path]) -> None:
        """Publish what is staged, which has to be exactly ``data``."""
        publication(self._path).publish({path.name for path in data})

    def _exists(self) -> bool:
        return publication(self._path).is_published

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}
