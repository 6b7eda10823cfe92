"""The Databricks SQL of every model and expectation, as somebody has read it: an upgrade of sqlglot shows what it changes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from sqlglot import exp

from lending_club.parameters import Parameters, read_parameters
from lending_club.pipelines.transformation.nodes import rate_tiers
from lending_club.quality.checks import BATCH_NAME, parse_query, query_values
from lending_club.warehouse import Table
from lending_club.warehouse.databricks_sql import databricks_sql
from lending_club.warehouse.duckdb import DuckDBWarehouse
from lending_club.warehouse.models import Models, bind_parameters, values_query
from tests.conftest import PROJECT

SNAPSHOTS = Path(__file__).parent / "databricks_sql"
RAW = {"raw_customers": "customers", "raw_accounts": "accounts", "landings": "landings"}
# Those of the ingestion pipeline are run by the embedded DuckDB that reads the files.
MODELS = {
    path.stem: Models(path.parent)
    for path in sorted((PROJECT / "src" / "lending_club" / "pipelines").glob("*/sql/*.sql"))
    if not path.stem.startswith("_") and "ingestion" not in path.parts
}


@cache
def parameters() -> Parameters:
    values: dict[str, Any] = {}
    for path in (PROJECT / "conf" / "base").glob("parameters*.yml"):
        values |= yaml.safe_load(path.read_text())
    return read_parameters(values)


def table(name: str) -> Table:
    """A table by the name that it has in prod; nothing is opened."""
    full_name = f"lending_club_raw.{RAW[name]}" if name in RAW else f"lending_club_staging.{name}"
    return Table(DuckDBWarehouse(Path("not_opened.duckdb")), f"workspace.{full_name}")


def model_sql(name: str) -> str:
    values = {
        "loan_bonus": parameters().interest.loan_bonus,
        "eligible_account_types": parameters().interest.eligible_account_types,
    }
    wanted = {placeholder.name for placeholder in MODELS[name].query(name).find_all(exp.Placeholder)}
    node = MODELS[name].node(name, {parameter: parameter for parameter in wanted})
    return databricks_sql(node.func(*(values[each] if each in values else table(each) for each in node.inputs)))


def suite_sql(suite: str) -> str:
    parts = []
    for name, expectation in parameters().expectations[suite].items():
        if expectation.query is None:
            continue
        query = parse_query(expectation.query)
        for each in list(query.find_all(exp.Table)):
            full_name = table(suite if each.name == BATCH_NAME else each.name).expression
            each.replace(exp.alias_(full_name, each.alias or each.name, table=True))
        bound = bind_parameters(query, query_values(parameters()))
        parts.append(f"-- {name}: {expectation.says}\n{databricks_sql(bound)}")
    return ";\n\n".join(parts)


def snapshots() -> Iterator[tuple[str, str]]:
    """Name of the file and what it should hold."""
    yield "rate_tiers", databricks_sql(rate_tiers(parameters().interest))
    yield from ((name, model_sql(name)) for name in MODELS)
    yield from ((f"expectations_{suite}", suite_sql(suite)) for suite in parameters().expectations)


def test_the_sql_is_the_one_that_was_reviewed() -> None:
    made = {f"{name}.sql": f"{sql}\n" for name, sql in snapshots()}
    if os.environ.get("UPDATE_SNAPSHOTS"):
        for path in SNAPSHOTS.glob("*.sql"):
            path.unlink()
        for name, sql in made.items():
            (SNAPSHOTS / name).write_text(sql, encoding="utf-8")
    reviewed = {path.name: path.read_text(encoding="utf-8") for path in SNAPSHOTS.glob("*.sql")}
    how = (
        "the Databricks SQL is another than the reviewed one in tests/warehouse/databricks_sql. Make it anew with"
        " UPDATE_SNAPSHOTS=1 pytest tests/warehouse/test_databricks_sql.py, read the difference (git diff), and commit it."
    )
    assert sorted(made) == sorted(reviewed), how
    for name, sql in made.items():
        assert sql == reviewed[name], f"{name}: {how}"


def test_a_translation_leaves_the_query_as_it_is() -> None:
    query = values_query([{"at": "2026-01-02 03:04:05"}], {"at": "TIMESTAMP"})
    before = query.sql("duckdb")
    databricks_sql(query)
    assert query.sql("duckdb") == before


@pytest.mark.parametrize(
    ("value", "sql_type", "sql"),
    [
        ("2026-01-02 03:04:05", "TIMESTAMP", "CAST('2026-01-02 03:04:05' AS TIMESTAMP_NTZ)"),
        (None, "TIMESTAMP", "CAST(NULL AS TIMESTAMP_NTZ)"),
        (Decimal("-12.50"), "DECIMAL(38, 2)", "CAST('-12.50' AS DECIMAL(38, 2))"),
        (None, "DECIMAL(18, 2)", "CAST(NULL AS DECIMAL(18, 2))"),
        (7, "BIGINT", "CAST(7 AS BIGINT)"),
        ("it's a \\z, a \n, a \v and an \N{LATIN SMALL LETTER E WITH ACUTE}", "VARCHAR", None),
    ],
)
def test_values_have_their_types_and_escapes(value: object, sql_type: str, sql: str | None) -> None:
    sql = sql or "CAST('it\\'s a \\\\z, a \\n, a \\013 and an é' AS STRING)"
    assert databricks_sql(values_query([{"v": value}], {"v": sql_type})).split() == f"SELECT {sql} AS v".split()


def test_a_timestamp_of_a_model_has_no_time_zone_either() -> None:
    assert "TIMESTAMP_NTZ" in databricks_sql(sqlglot.parse_one("SELECT CAST(a AS TIMESTAMP) FROM b", read="duckdb"))
