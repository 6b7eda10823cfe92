"""What Kedro-Viz shows of a dataset: the first rows of a table, the first lines of a file.

Kedro-Viz knows the kind of a preview by the name of the type that ``preview`` says it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NewType

from lending_club.errors import LendingClubError, WarehouseBusyError
from lending_club.warehouse import Table

if TYPE_CHECKING:
    import pyarrow

TablePreview = NewType("TablePreview", dict[str, Any])
TextPreview = NewType("TextPreview", str)

PREVIEW_ROWS = 10


def table_preview(first_rows: Callable[[], pyarrow.Table]) -> TablePreview:
    """The first rows of a table, each value as text, so that no digit is lost on the way to the page.

    What cannot be read is told in one row.

    Args:
        first_rows: Reads them.

    Returns:
        ``columns``, ``index`` and ``data``, as pandas has them in its orientation "split".
    """
    try:
        found = first_rows()
    except WarehouseBusyError:
        return _told("A run is working on this table. Look again when it has ended.")
    except LendingClubError as error:
        return _told(str(error))
    rows = [[_text(value) for value in row.values()] for row in found.to_pylist()]
    return TablePreview({"index": list(range(len(rows))), "columns": found.column_names, "data": rows})


def first_rows(table: Table, count: int) -> pyarrow.Table:
    """The first rows of a table, for somebody who looks at it."""
    with table.warehouse.looking() as warehouse:
        return replace(table, warehouse=warehouse).to_arrow(limit=count)


def _told(message: str) -> TablePreview:
    return TablePreview({"index": [0], "columns": ["no preview"], "data": [[message]]})


def _text(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).lower()
        case Decimal():
            return f"{value:f}"
        case list():
            return ", ".join(map(_text, value))
        case _:
            return str(value)
