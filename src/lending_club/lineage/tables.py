"""What is told of a table and of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lending_club.lineage.facets import known
from lending_club.warehouse import Table

# Counted, but not told apart.
_NESTED = ("[]", "ARRAY", "STRUCT", "MAP", "JSON")


def schema(columns: Mapping[str, str], comments: Mapping[str, str]) -> dict[str, Any]:
    """The fields of the facet ``schema``.

    Args:
        columns: Each column with its type.
        comments: What columns are, by name.
    """
    named = enumerate(columns.items(), start=1)
    return {
        "fields": [
            known({"name": name, "type": kind, "description": comments.get(name), "ordinal_position": number})
            for number, (name, kind) in named
        ]
    }


def metrics(table: Table, columns: Mapping[str, str]) -> dict[str, Any]:
    """The fields of the facet ``dataQualityMetrics``, found by one query; every amount is exact.

    Args:
        table: The table.
        columns: Each column with its type.
    """
    from sqlglot import exp

    wanted: dict[tuple[str, str], exp.Expr] = {}
    for name, kind in columns.items():
        column = exp.column(name, quoted=True)
        wanted[name, "count"] = exp.Count(this=column)
        if not kind.upper().endswith(_NESTED) and not kind.upper().startswith(_NESTED):
            wanted[name, "distinctCount"] = exp.Count(this=exp.Distinct(expressions=[column]))
        if _is_number(kind):
            wanted[name, "min"], wanted[name, "max"] = exp.Min(this=column), exp.Max(this=column)
        if kind.upper().startswith("DECIMAL"):  # a sum of ids says nothing
            wanted[name, "sum"] = exp.Sum(this=column)
    selected = [exp.alias_(value, f"c{number}") for number, value in enumerate(wanted.values())]
    (found,) = table.warehouse.rows(
        exp.select(exp.alias_(exp.Count(this=exp.Star()), "all_rows"), *selected).from_(table.expression)
    )
    told: dict[str, dict[str, Any]] = {name: {} for name in columns}
    for number, (name, measure) in enumerate(wanted):
        told[name][measure] = found[f"c{number}"]
    for column_metrics in told.values():
        column_metrics["nullCount"] = found["all_rows"] - column_metrics["count"]
    return {"rowCount": found["all_rows"], "columnMetrics": {name: known(each) for name, each in told.items()}}


def _is_number(kind: str) -> bool:
    return kind.upper().startswith(("DECIMAL", "BIGINT", "INT", "HUGEINT", "SMALLINT", "TINYINT"))
