"""Which columns the values of a column are made of, found in the SQL that made it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlglot import exp
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

_DIALECT = "duckdb"

Column = tuple[str, str]


def made_of(query: exp.Query, columns: Mapping[str, Iterable[str]]) -> dict[str, list[Column]]:
    """The columns that each column of a query is computed from, by table and name; rows may depend on others as well.

    A column that is a constant, or counts rows, has none. Nothing is told of the columns that a row is looked up or left out by.

    Args:
        query: In DuckDB's dialect, its tables and parameters bound.
        columns: Columns of each table that it reads, by the table's name, all names with the same number of parts.

    Raises:
        SqlglotError: A column's table cannot be told.
    """
    schema: dict[str, Any] = {}
    for table, names in columns.items():
        place = schema
        for part in table.split("."):
            place = place.setdefault(part, {})
        place.update(dict.fromkeys(names, "VARCHAR"))  # what type it is makes no difference
    qualified = qualify(query.copy(), dialect=_DIALECT, schema=schema, identify=False)
    scope = build_scope(qualified)
    found = {}
    for name in query.named_selects if "*" not in query.named_selects else qualified.named_selects:
        leaves = lineage(name, qualified, schema=schema, scope=scope, dialect=_DIALECT, trim_selects=False).walk()
        read = {
            (".".join(part.name for part in leaf.expression.parts), exp.to_column(leaf.name).name)
            for leaf in leaves
            if not leaf.downstream and isinstance(leaf.expression, exp.Table)
        }
        found[name] = sorted(read)
    return found
