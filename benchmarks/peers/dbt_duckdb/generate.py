"""Makes a dbt project of this project's own models and expectations, so that the two cannot drift apart.

Runs in the project's environment: the project itself expands its macros and binds its parameters. What is not SQL there is what
dbt's users do: the files are views of read_csv, the tiers are values, and sums of balances that fit no type are left out. Each
expectation on a table that is there is a test.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import yaml
from lending_club.parameters import Expectation, read_parameters
from lending_club.quality.checks import BATCH_NAME, parse_query, query_values
from lending_club.warehouse.models import Models, bind_parameters, tables_of
from sqlglot import exp

_HERE = Path(__file__).parent
_PROJECT = _HERE.parents[2]
_PIPELINES = _PROJECT / "src" / "lending_club" / "pipelines"
_CONFIGURATION = _PROJECT / "conf" / "base"
_VIEWS = {"stg_customers", "stg_accounts", "accounts"}  # as in the catalog
_FILES = {
    "account_summary": ["csv", "parquet"],
    "customer_profile": ["csv", "parquet"],
    "quarantine": ["csv"],
    "reconciliation_counts": ["csv"],
    "reconciliation_reasons": ["csv"],
}
_LEFT_OUT = {"refused_balances"}


def main(target: Path) -> None:
    """Make the dbt project in a directory."""
    shutil.copytree(_HERE, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"), dirs_exist_ok=True)
    files = [_CONFIGURATION / name for name in ("parameters.yml", "parameters_expectations.yml")]
    parameters = read_parameters({key: value for file in files for key, value in yaml.safe_load(file.read_text()).items()})
    values = query_values(parameters)
    for folder in (_PIPELINES / "ingestion" / "sql", _PIPELINES / "transformation" / "sql"):
        models = Models(folder)
        for path in folder.glob("[!_]*.sql"):
            if path.stem not in _LEFT_OUT:
                text = _as_dbt(path.stem, bind_parameters(models.query(path.stem), values))
                (target / "models" / path.name).write_text(text, encoding="utf-8")
    there = {path.stem for path in (target / "models").glob("*.sql")}
    (target / "tests").mkdir()
    for table, suite in parameters.expectations.items():
        for name, expectation in suite.items():
            if table in there and (query := _query_of(expectation, table)) and set(tables_of(query)) <= there:
                sql = _with_references(bind_parameters(query, values))
                (target / "tests" / f"{table}_{name}.sql").write_text(sql, encoding="utf-8")


def _query_of(expectation: Expectation, table: str) -> exp.Expr | None:
    if expectation.query is None:
        return None
    query = parse_query(expectation.query)
    for batch in list(query.find_all(exp.Table)):
        if batch.name == BATCH_NAME:
            batch.replace(exp.to_table(table, alias=batch.alias or BATCH_NAME))
    return query


def _with_references(query: exp.Expr) -> str:
    """The query in DuckDB's SQL, with dbt's references for tables."""
    tables = set(tables_of(query))
    for table in list(query.find_all(exp.Table)):
        if table.name in tables:
            table.replace(exp.to_table(f"ref_{table.name}", alias=table.alias or table.name))
    sql = query.sql("duckdb", pretty=True)
    for table in sorted(tables, key=len, reverse=True):
        sql = sql.replace(f"ref_{table} ", f"{{{{ ref('{table}') }}}} ")
    return sql


def _as_dbt(name: str, query: exp.Expr) -> str:
    hooks = [
        f"COPY {{{{ this }}}} TO '{{{{ var(\"output\") }}}}/{name}.{form}' (FORMAT {form}{', HEADER' if form == 'csv' else ''})"
        for form in _FILES.get(name, [])
    ]
    settings = ", ".join([f"materialized='{'view' if name in _VIEWS else 'table'}'", f"post_hook={hooks}"])
    return f"{{{{ config({settings}) }}}}\n{_with_references(query)}\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
