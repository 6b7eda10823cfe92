"""Questions about what is published."""

from __future__ import annotations

import sqlglot
from kedro.io import DataCatalog
from sqlglot import exp

from lending_club.errors import QueryError
from lending_club.pipelines.reporting.pipeline import OUTPUTS
from lending_club.warehouse import Query, Table
from lending_club.warehouse.models import bind_tables, tables_of


def query(catalog: DataCatalog, sql: str) -> Query:
    """A question about the published tables, answered by the engine.

    Args:
        catalog: Kedro's catalog, as a notebook has it.
        sql: One SELECT in DuckDB's SQL; it is translated where the warehouse is another. Tables go by their names in the data
            contract, such as ``account_summary``.

    Raises:
        QueryError: It is no SELECT, or names a table that is not published.
    """
    try:
        parsed = sqlglot.parse_one(sql, read="duckdb")
    except sqlglot.ParseError as error:
        raise QueryError(f"This is no SQL: {str(error).splitlines()[0]}") from error
    if not isinstance(parsed, exp.Query):
        raise QueryError("Only a SELECT can be answered: what is published is changed by runs only.")
    names = tables_of(parsed)
    if unknown := sorted(set(names) - set(OUTPUTS)):
        raise QueryError(f"{', '.join(unknown)}: not published. Published are {', '.join(OUTPUTS)}.")
    tables = {name: published_table(catalog, name) for name in names or OUTPUTS}
    bind_tables(parsed, tables)
    return Query(next(iter(tables.values())).warehouse, parsed)


def published_table(catalog: DataCatalog, name: str) -> Table:
    """One of the published tables; those of an environment are all in one warehouse."""
    table: Table = catalog.load(f"{name}_marts").table
    return table
