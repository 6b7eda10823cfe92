"""From DuckDB's SQL, in which models and expectations are written, to Databricks'."""

from __future__ import annotations

from sqlglot import exp


def databricks_sql(query: exp.Expr) -> str:
    """A query, read as DuckDB's SQL and with its names and parameters bound, as Databricks takes it.

    Args:
        query: The query; it is left as it is.
    """
    return query.transform(_without_time_zone).sql("databricks", pretty=True)


def _without_time_zone(part: exp.Expr) -> exp.Expr:
    """DuckDB's TIMESTAMP has no time zone, and Databricks' has the session's: only the SQL's reader knows whose it is."""
    if isinstance(part, exp.DataType) and part.is_type("TIMESTAMP"):
        return exp.DataType.build("TIMESTAMP_NTZ", dialect="databricks")
    return part


def quoted(text: object) -> str:
    """A text as a literal of Databricks' SQL."""
    return "'" + str(text).replace("\\", "\\\\").replace("'", "\\'") + "'"
