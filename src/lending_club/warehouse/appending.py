"""Adding rows to a table, told so that it may be done again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp


def rows_query(types: Mapping[str, str], rows: list[dict[str, Any]]) -> exp.Select:
    """A query that gives the rows, with columns of the given SQL types; every value as a text that is cast.

    Unlike ``values_query`` it names each type once, so that a hundred rows are written in no time.
    """
    values = [tuple(None if row[name] is None else str(row[name]) for name in types) for row in rows] or [(None,) * len(types)]
    cast = [exp.alias_(exp.cast(exp.column(name), kind), name) for name, kind in types.items()]
    query = exp.select(*cast).from_(exp.values(values, alias="given", columns=list(types)))
    return query if rows else query.where("FALSE")


def appending(table: exp.Table, rows: exp.Select, columns: list[str], key: str) -> exp.Insert:
    """A statement that adds the rows whose key is not in the table yet: to send it once more changes nothing."""
    new = exp.select(*(exp.column(name, "added") for name in columns)).from_(rows.subquery("added"))
    known = exp.select("1").from_(exp.alias_(table.copy(), "known", table=True))
    known = known.where(exp.EQ(this=exp.column(key, "known"), expression=exp.column(key, "added")))
    return exp.insert(new.where(exp.not_(exp.Exists(this=known))), table, columns=columns)
