"""What Kedro-Viz shows of a dataset: the first rows of a table, the first lines of a file.

Kedro-Viz knows the kind of a preview by the name of the type that ``preview`` says it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NewType

from lending_club.errors import LendingClubError
from lending_club.warehouse import FirstRows

TablePreview = NewType("TablePreview", dict[str, Any])
TextPreview = NewType("TextPreview", str)

PREVIEW_ROWS = 10


def table_preview(first_rows: Callable[[], FirstRows]) -> TablePreview:
    """The first rows of a table, each value as text, so that no digit is lost on the way to the page.

    What cannot be read is told in one row.

    Args:
        first_rows: Reads them.

    Returns:
        ``columns``, ``index`` and ``data``, as pandas has them in its orientation "split".
    """
    try:
        found = first_rows()
    except LendingClubError as error:
        found = FirstRows(["no preview"], [[str(error)]])
    rows = [[_text(value) for value in row] for row in found.rows]
    return TablePreview({"index": list(range(len(rows))), "columns": list(found.columns), "data": rows})


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
