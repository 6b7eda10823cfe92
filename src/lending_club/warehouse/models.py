"""Models: a ``SELECT`` in a ``.sql`` file, which becomes a Kedro node.

Models are written in DuckDB's SQL. A table in a FROM is a dataset of the catalog, a table or a file, ``:name`` is a parameter,
and the macros in ``_macros.sql`` of the same folder are expanded into every model that calls them. What a node reads is found
in its SQL, so the lineage cannot disagree with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlglot
from kedro.pipeline import Node
from sqlglot import exp

from lending_club.csv_file import CsvFile
from lending_club.warehouse.base import FileQuery, ParquetFile, Table

_DIALECT = "duckdb"


@dataclass(frozen=True)
class Models:
    """The models of one folder."""

    folder: Path

    def node(self, name: str, parameters: Mapping[str, str] | None = None) -> Node:
        """A node that makes the table ``name`` from the model ``name.sql``.

        Args:
            name: Name of the model and of the dataset it makes.
            parameters: The Kedro parameter for each ``:name`` in the SQL, such as ``{"rate": "params:interest.rate"}``.

        Raises:
            ValueError: The SQL and ``parameters`` name different parameters.
        """
        query = self.query(name)
        wanted = {placeholder.name for placeholder in query.find_all(exp.Placeholder)}
        parameters = dict(parameters or {})
        if wanted != set(parameters):
            raise ValueError(f"{name}.sql takes the parameters {sorted(wanted)}, the node gives {sorted(parameters)}")
        tables = tables_of(query)
        names = [*tables, *parameters]
        return Node(
            Model(name, self.folder / f"{name}.sql", query, names),
            inputs=[*tables, *parameters.values()],
            outputs=name,
            name=name,
        )

    def bind(self, name: str, **values: object) -> exp.Query | FileQuery:
        """The model as a query of these tables and files, with these parameters, by the names that the SQL has for them."""
        return Model(name, self.folder / f"{name}.sql", self.query(name), list(values))(*values.values())

    def query(self, name: str) -> exp.Query:
        """The model as a query with its macros expanded, tables and parameters not yet bound.

        Raises:
            ValueError: The file is something else than a query.
        """
        text = (self.folder / f"{name}.sql").read_text(encoding="utf-8")
        query = _expand(sqlglot.parse_one(text, read=_DIALECT), self._macros)
        if not isinstance(query, exp.Query):
            raise ValueError(f"{name}.sql must be one SELECT")
        return query

    @cached_property
    def _macros(self) -> dict[str, tuple[list[str], exp.Expr]]:
        """Name of each macro, in lower case, its parameters and its body; a body may call the macros that stand before it."""
        path = self.folder / "_macros.sql"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        macros: dict[str, tuple[list[str], exp.Expr]] = {}
        for statement in sqlglot.parse(text, read=_DIALECT):
            if isinstance(statement, exp.Create):
                signature = statement.this
                body = _expand(exp.paren(statement.expression, copy=False), macros)
                macros[signature.this.name.lower()] = ([part.name for part in signature.expressions], body)
        return macros


def _expand(tree: Any, macros: Mapping[str, tuple[list[str], exp.Expr]]) -> Any:
    """Put the bodies of macros where they are called, in place; the innermost calls first, so that arguments have none."""
    for call in reversed(list(tree.find_all(exp.Anonymous))):
        if call.name.lower() in macros:
            names, body = macros[call.name.lower()]
            values = dict(zip(names, call.expressions, strict=True))
            expanded = body.copy()
            for column in list(expanded.find_all(exp.Column)):
                if column.name in values:
                    column.replace(values[column.name].copy())
            call.replace(expanded)
    return tree


class Model:
    """A model as the function of its node: from what it reads to the query that makes its table.

    Args:
        name: Its name.
        path: Its file.
        query: It, with its macros expanded.
        reads: Names in it of what its node is given, in this order: tables, a file, parameters.
    """

    def __init__(self, name: str, path: Path, query: exp.Query, reads: Sequence[str]) -> None:
        self.__name__ = name
        self.path = path
        self._query = query
        self._reads = reads

    def __call__(self, *values: Any) -> exp.Query | FileQuery:
        """The query with its tables and parameters bound; one about a file goes with the file."""
        bound = self._query.copy()
        by_name = dict(zip(self._reads, values, strict=True))
        bind_tables(bound, by_name)
        bind_parameters(bound, by_name)
        files = {name: value for name, value in by_name.items() if isinstance(value, CsvFile)}
        return FileQuery(bound, *files.popitem()) if files else bound

    @property
    def text(self) -> str:
        """The SQL as it stands in the file."""
        return self.path.read_text(encoding="utf-8")


def tables_of(query: exp.Expr) -> list[str]:
    """Names of the tables that a query reads, sorted."""
    inner = {cte.alias for cte in query.find_all(exp.CTE)}
    return sorted({table.name for table in query.find_all(exp.Table) if table.name and table.name not in inner})


def literal(value: object, sql_type: str | None = None) -> exp.Expr:
    """A value as it stands in SQL; a decimal keeps its digits.

    Raises:
        TypeError: The value is a binary floating point number, which is not exact.
    """
    if isinstance(value, float):
        raise TypeError(f"{value!r} is a binary floating point number: give a Decimal or a text")
    if isinstance(value, Decimal):
        digits = max(-int(value.as_tuple().exponent), 0)
        sql_type = sql_type or f"DECIMAL(18, {digits})"
        return exp.cast(exp.Literal.string(f"{value:f}"), sql_type)
    converted = exp.convert(value)
    return converted if sql_type is None else exp.cast(converted, sql_type)


def values_query(rows: list[dict[str, Any]], types: Mapping[str, str]) -> exp.Query:
    """A query that gives the rows, if any, with columns of the given SQL types."""
    if not rows:
        return values_query([dict.fromkeys(types)], types).where("FALSE")
    selects: list[exp.Query] = [
        exp.select(*(exp.alias_(literal(row[column], sql_type), column) for column, sql_type in types.items())) for row in rows
    ]
    query = selects[0]
    for other in selects[1:]:
        query = exp.union(query, other, distinct=False)
    return query


def bind_parameters(query: exp.Expr, values: Mapping[str, Any]) -> exp.Expr:
    """Put the values of its ``:name`` placeholders into a query, in place; a list stands in an ``IN``.

    Raises:
        KeyError: There is no value of that name.
    """
    for placeholder in list(query.find_all(exp.Placeholder)):
        value = values[placeholder.name]
        if isinstance(placeholder.parent, exp.In):
            placeholder.parent.set("expressions", [literal(item) for item in value])
        else:
            placeholder.replace(literal(value))
    return query


def bind_tables(query: exp.Expr, references: Mapping[str, Any]) -> None:
    """Put tables, or queries, in the place of the names that they have in a query, in place; other names stay."""
    for table in list(query.find_all(exp.Table)):
        reference = references.get(table.name)
        alias = table.alias or table.name
        if isinstance(reference, Table | ParquetFile):
            table.replace(exp.alias_(reference.expression, alias, table=True))
        elif isinstance(reference, exp.Query):
            table.replace(reference.copy().subquery(alias))
