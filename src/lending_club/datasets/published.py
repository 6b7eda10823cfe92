"""Published outputs: staged one by one, published all together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from kedro.io import AbstractDataset

from lending_club.datasets.preview import PREVIEW_ROWS, TablePreview, first_rows, table_preview
from lending_club.errors import WarehouseError
from lending_club.publication import Output, publication
from lending_club.warehouse import FileFormat, Query, Readable, Table, TableOutput, first_rows_of_file, open_warehouse


@dataclass(frozen=True)
class DatabaseOutput(Output, Readable):
    """A published file that is a database.

    Attributes:
        table: The table in it. Each question opens the file that is published then, and closes it.
    """

    table: Table

    def query(self, where: str | None = None, columns: Sequence[str] = (), limit: int | None = None) -> Query:
        """See ``Readable``; of what is published."""
        return self.table.query(where, columns, limit)


_T = TypeVar("_T")


class StagedFile(AbstractDataset[_T, Output]):
    """A file of the published set. Saving stages the file; it is published with its set.

    Args:
        filepath: The published path.
        form: What kind of file it is.
        metadata: For other tools; not used here.
    """

    def __init__(self, filepath: str, form: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self._form = form
        self.metadata = metadata

    def load(self) -> Output:
        """A reference to the file, which need not exist yet."""
        return publication(self._path.parent).output(self._path.name, self._form)

    def state(self) -> str:
        """What changes when somebody replaces, alters or removes the published file."""
        if not self._path.exists():
            return "missing"
        found = self._path.stat()
        return f"file {found.st_ino}, {found.st_size} bytes, {found.st_mtime_ns}"

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "file_format": self._form}


class PublishedFile(StagedFile[Table]):
    """A file of the published set that holds a table.

    Args:
        filepath: The published path.
        file_format: ``csv``, as in the data contract, ``parquet``, or ``duckdb``, a database that several tables share.
        table: Name of the table in a database, ``schema.table``.
        metadata: For other tools; not used here.

    Attributes:
        row_count: Number of rows that the last save wrote, None before.
        byte_count: Size of the file that the last save wrote, None before.
    """

    def __init__(
        self, filepath: str, file_format: FileFormat, table: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath, file_format, metadata)
        self._format: FileFormat = file_format
        self._table = table
        self.row_count: int | None = None
        self.byte_count: int | None = None

    def load(self) -> Output:
        """A reference to the file, which need not exist yet."""
        output = super().load()
        if self._table is None:
            return output
        warehouse = open_warehouse({"type": "duckdb", "path": str(self._path), "read_only": True})
        return DatabaseOutput(output.path, output.readable, output.form, Table(warehouse, self._table))

    def save(self, data: Table) -> None:
        """Write the table's rows, in the table's order, to the staged file."""
        staged = publication(self._path.parent).stage(self._path.name)
        self.row_count = data.warehouse.export(data, staged, self._format)
        self.byte_count = staged.stat().st_size

    def preview(self, nrows: int = PREVIEW_ROWS) -> TablePreview:
        """The first rows as they are published, for Kedro-Viz."""
        output = self.load()
        if isinstance(output, DatabaseOutput):
            return table_preview(lambda: first_rows(output.table, nrows))
        return table_preview(lambda: first_rows_of_file(self._path, self._format, nrows))


class PublishedPage(StagedFile[str]):
    """A page of the published set.

    Args:
        filepath: The published path.
        metadata: For other tools; not used here.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath, "html", metadata)

    def save(self, data: str) -> None:
        """Write the page to the staged file.

        Raises:
            PublicationError: The disk refuses.
        """
        publication(self._path.parent).write(self._path.name, data)


class PublishedTable(AbstractDataset[Table, TableOutput]):
    """A table that others read, in the warehouse itself. Saving a candidate notes it; it is published with the set.

    Args:
        table: The published name.
        connection: The warehouse: ``type`` and what that engine needs.
        metadata: For other tools; not used here.
    """

    def __init__(self, table: str, connection: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        self._table = table
        self._connection = connection
        self.metadata = metadata
        self._candidate: Table | None = None

    def load(self) -> TableOutput:
        """A reference to the table, which need not exist yet, and its candidate."""
        return TableOutput(Table(open_warehouse(self._connection), self._table), self._candidate)

    def save(self, data: Table) -> None:
        """Note the candidate."""
        self._candidate = data

    def state(self) -> str:
        """What changes when somebody replaces, alters or drops the table. What cannot be found out is never the same."""
        table = self.load().table
        try:
            return table.warehouse.state(table)
        except WarehouseError as error:
            return f"unknown at {datetime.now(UTC)}: {error}"

    def preview(self, nrows: int = PREVIEW_ROWS) -> TablePreview:
        """The first rows as they are published, for Kedro-Viz."""
        table = self.load().table
        return table_preview(lambda: first_rows(table, nrows))

    def _exists(self) -> bool:
        table = self.load().table
        return table.warehouse.exists(table)

    def _describe(self) -> dict[str, Any]:
        return {"table": self._table, "warehouse": self._connection.get("type")}


class PublishedOutputs(AbstractDataset[list[Output | TableOutput], Path]):
    """The published set. Saving its outputs publishes each table, whole, and then all files of a directory by one rename.

    Args:
        path: The directory of the files.
        last_run: File where a run notes what it was made of.
        volume: A path in a Unity Catalog volume that the files are copied to once they are published, each whole.
        connection: The warehouse that the volume belongs to.
        metadata: For other tools; not used here.
    """

    def __init__(
        self,
        path: str,
        last_run: str,
        volume: str | None = None,
        connection: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path = Path(path)
        self.last_run = Path(last_run)
        self._volume = volume
        self._connection = connection
        self.metadata = metadata

    def load(self) -> Path:
        """The directory."""
        return self._path

    def renew(self) -> None:
        """Say that what is published is up to date as of now; nothing else changes."""
        publication(self._path).renew()

    def save(self, data: list[Output | TableOutput]) -> None:
        """Publish what is staged, which has to be exactly ``data``.

        Tables go first: what can fail there leaves the files as they were, and the run can be repeated.
        """
        for output in data:
            if isinstance(output, TableOutput):
                output.publish()
        names = {output.path.name for output in data if isinstance(output, Output)}
        publication(self._path).publish(names)
        if self._volume and self._connection:
            for name in sorted(names):
                open_warehouse(self._connection).put_file(self._path / name, f"{self._volume}/{name}")

    def _exists(self) -> bool:
        return publication(self._path).is_published

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}
