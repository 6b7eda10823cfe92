from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lending_club.lineage.columns import made_of

COLUMNS = {"s.a": ["id", "amount"], "s.b": ["id", "rate"]}


def query(sql: str) -> exp.Query:
    parsed = sqlglot.parse_one(sql, read="duckdb")
    assert isinstance(parsed, exp.Query)
    return parsed


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT id, amount AS renamed FROM s.a", {"id": [("s.a", "id")], "renamed": [("s.a", "amount")]}),
        ("SELECT a.amount * b.rate AS x FROM s.a JOIN s.b ON b.id = a.id", {"x": [("s.a", "amount"), ("s.b", "rate")]}),
        ("SELECT count(*) AS n, 'x' AS text FROM s.a", {"n": [], "text": []}),
        ("WITH c AS (SELECT *, amount + 1 AS y FROM s.a) SELECT y FROM c", {"y": [("s.a", "amount")]}),
        ("SELECT id FROM s.a UNION ALL SELECT id FROM s.b", {"id": [("s.a", "id"), ("s.b", "id")]}),
        ("SELECT rate FROM s.a, s.b", {"rate": [("s.b", "rate")]}),  # whose column it is, the columns of the tables say
        ('SELECT "id" FROM "s"."a" WHERE amount > 0', {"id": [("s.a", "id")]}),
        ("SELECT * FROM s.b", {"id": [("s.b", "id")], "rate": [("s.b", "rate")]}),
    ],
)
def test_what_a_column_is_made_of(sql: str, found: dict[str, list[tuple[str, str]]]) -> None:
    asked = query(sql)
    assert made_of(asked, COLUMNS) == found
    assert asked == query(sql)


@pytest.mark.parametrize("sql", ["SELECT unknown FROM s.a", "SELECT id FROM s.a, s.b"])
def test_what_cannot_be_told_is_an_error(sql: str) -> None:
    with pytest.raises(SqlglotError):
        made_of(query(sql), COLUMNS)
