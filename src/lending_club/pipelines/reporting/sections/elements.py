"""What a section of the report is made of. The template escapes all text that is not ``Markup``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    heading: str
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the page; the first column names its rows."""

    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    has_total: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart: its name in the catalog, and what it shows in words."""

    name: str
    description: str


@dataclass(frozen=True)
class Section:
    """A section of the page: paragraphs, then a chart, then its tables."""

    id: str
    heading: str
    texts: Sequence[str] = ()
    tables: Sequence[Table] = ()
    chart: Chart | None = None


def safe(text: str) -> Markup:
    """Markup that this project has written."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - this project's own


def link(target: str, text: str) -> Markup:
    """A link to a file of the published set."""
    from markupsafe import Markup

    same = Markup(' class="same"') if target == text else ""  # which need not be told twice where it is printed
    return Markup('<a href="{}"{}>{}</a>').format(target, same, text)


def code(text: str) -> Markup:
    """A text to be shown as it is written."""
    from markupsafe import Markup

    return Markup("<code>{}</code>").format(text)
