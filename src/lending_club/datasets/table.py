"""A table of the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from kedro.io import AbstractDataset

from lending_club.datasets.preview import PREVIEW_ROWS, TablePreview, first_rows, table_preview
from lending_club.warehouse import FileQuery, Table, open_warehouse

if TYPE_CHECKING:
    from sqlglot import exp


class TableDataset(AbstractDataset["exp.Query | FileQuery", Table]):
    """A table. Saving a query makes the table from it, one about a file loads the file; loading gives a reference, no rows.

    Args:
        table: Its name, ``schema.table`` or ``catalog.schema.table``.
        connection: The warehouse: ``type`` and what that engine needs.
        materialized: ``table``, or ``view`` where the rows are cheap to make again and read once or twice.
        order_by: The columns that give the rows their order, for an engine that keeps none.
        comment: What the table is, for its readers.
        columns: What its columns are, by name.
        metadata: For other tools, such as Kedro-Viz's layer; not used here.

    Attributes:
        row_count: Number of rows that the last save made, None before and for a view.
    """

    def __init__(
        self,
        table: str,
        connection: dict[str, Any],
        materialized: Literal["table", "view"] = "table",
        order_by: list[str] | None = None,
        comment: str = "",
        columns: dict[str, str] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._table = table
        self._description = (tuple(order_by or ()), comment, dict(columns or {}))
        self._connection = connection
        self._materialized = materialized
        self.metadata = metadata
        self.row_count: int | None = None

    def load(self) -> Table:
        """A reference to the table."""
        return Table(open_warehouse(self._connection), self._table, *self._description)

    def save(self, data: exp.Query | FileQuery) -> None:
        """Make or replace the table or view."""
        table = self.load()
        if isinstance(data, FileQuery):
            self.row_count = table.warehouse.load_csv(table, data)
        elif self._materialized == "view":
            table.warehouse.create_view(table, data)
        else:
            self.row_count = table.warehouse.create_table(table, data)

    def preview(self, nrows: int = PREVIEW_ROWS) -> TablePreview:
        """The first rows, for Kedro-Viz."""
        table = self.load()
        return table_preview(lambda: first_rows(table, nrows))

    def _exists(self) -> bool:
        table = self.load()
        return table.warehouse.exists(table)

    def _describe(self) -> dict[str, Any]:
        return {"table": self._table, "warehouse": self._connection.get("type")}
