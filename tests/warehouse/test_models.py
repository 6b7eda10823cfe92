"""From a .sql file to a node: inputs, macros, parameters, dialects."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from sqlglot import exp

from lending_club.warehouse import Table, open_warehouse
from lending_club.warehouse.models import Models, literal, tables_of, values_query


@pytest.fixture
def models(tmp_path: Path) -> Models:
    (tmp_path / "_macros.sql").write_text(
        "CREATE MACRO doubled(v) AS v * 2; CREATE MACRO sum_of_doubled(a, b) AS doubled(a) + doubled(b);"
    )
    (tmp_path / "total.sql").write_text(
        "WITH good AS (SELECT * FROM payments WHERE kind IN (:kinds))"
        " SELECT g.id, sum_of_doubled(g.amount, :bonus) - 1 AS twice FROM good AS g JOIN owners ON owners.id = g.id"
    )
    (tmp_path / "script.sql").write_text("DELETE FROM payments")
    return Models(tmp_path)


def test_a_node_reads_what_its_sql_names(models: Models) -> None:
    node = models.node("total", {"kinds": "params:kinds", "bonus": "params:interest.bonus"})
    assert node.inputs == ["owners", "payments", "params:kinds", "params:interest.bonus"]
    assert (node.outputs, node.name) == (["total"], "total")


def test_tables_macros_and_parameters_are_bound(models: Models, tmp_path: Path) -> None:
    node = models.node("total", {"kinds": "params:kinds", "bonus": "params:bonus"})
    warehouse = open_warehouse({"type": "duckdb", "path": str(tmp_path / "scratch.duckdb")})
    bound = node.func(Table(warehouse, "raw.owners"), Table(warehouse, "raw.payments"), ("a", "b"), Decimal("0.0050"))
    assert bound.sql("duckdb") == (
        "WITH good AS (SELECT * FROM \"raw\".\"payments\" AS payments WHERE kind IN ('a', 'b'))"
        " SELECT g.id, ((g.amount * 2) + (CAST('0.0050' AS DECIMAL(18, 4)) * 2)) - 1 AS twice"
        ' FROM good AS g JOIN "raw"."owners" AS owners ON owners.id = g.id'
    )


def test_parameters_must_be_those_of_the_sql(models: Models) -> None:
    with pytest.raises(ValueError, match=r"total.sql takes the parameters \['bonus', 'kinds'\], the node gives \['bonus'\]"):
        models.node("total", {"bonus": "params:bonus"})


def test_a_model_is_one_query(models: Models) -> None:
    with pytest.raises(ValueError, match=r"script.sql must be one SELECT"):
        models.node("script")


def test_a_binary_number_is_refused() -> None:
    with pytest.raises(TypeError, match="binary floating point"):
        literal(0.005)


def test_values_keep_their_digits() -> None:
    query = values_query(
        [{"rate": Decimal("0.0100"), "upper": None}, {"rate": "0.0150", "upper": 3}], {"rate": "DECIMAL(5, 4)", "upper": "BIGINT"}
    )
    assert query.sql("duckdb") == (
        "SELECT CAST('0.0100' AS DECIMAL(5, 4)) AS rate, CAST(NULL AS BIGINT) AS upper"
        " UNION ALL SELECT CAST('0.0150' AS DECIMAL(5, 4)) AS rate, CAST(3 AS BIGINT) AS upper"
    )


def test_no_values_still_have_their_columns() -> None:
    assert values_query([], {"n": "BIGINT"}).sql("duckdb") == "SELECT CAST(NULL AS BIGINT) AS n WHERE FALSE"


def test_inner_names_are_no_tables() -> None:
    query = exp.maybe_parse("WITH a AS (SELECT 1 FROM b) SELECT * FROM a, c", into=exp.Select)
    assert tables_of(query) == ["b", "c"]
