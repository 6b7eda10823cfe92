"""Makes a dbt project of this project's own models, so that the two cannot drift apart.

Runs in the project's environment: the project itself expands its macros and binds its parameters. What is not SQL there is what
dbt's users do: the files are views of read_csv, the tiers are values, and sums of balances that fit no type are left out.
"""

from __future__ import annotations

import shutil
import sys
from decimal import Decimal
from pathlib import Path

from lending_club.warehouse.models import Models, bind_parameters, tables_of
from sqlglot import exp

_HERE = Path(__file__).parent
_PIPELINES = _HERE.parents[2] / "src" / "lending_club" / "pipelines"
_PARAMETERS = {"loan_bonus": Decimal("0.0050"), "eligible_account_types": ["Savings"]}
_VIEWS = {"stg_customers", "stg_accounts", "customers", "accounts"}  # as in the catalog
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
    for folder in (_PIPELINES / "ingestion" / "sql", _PIPELINES / "transformation" / "sql"):
        models = Models(folder)
        for path in folder.glob("[!_]*.sql"):
            if path.stem not in _LEFT_OUT:
                text = _as_dbt(path.stem, bind_parameters(models.query(path.stem), _PARAMETERS))
                (target / "models" / path.name).write_text(text, encoding="utf-8")


def _as_dbt(name: str, query: exp.Expr) -> str:
    tables = set(tables_of(query))
    for table in list(query.find_all(exp.Table)):
        if table.name in tables:
            table.replace(exp.to_table(f"ref_{table.name}", alias=table.alias or table.name))
    sql = query.sql("duckdb", pretty=True)
    for table in sorted(tables, key=len, reverse=True):
        sql = sql.replace(f"ref_{table} ", f"{{{{ ref('{table}') }}}} ")
    hooks = [
        f"COPY {{{{ this }}}} TO '{{{{ var(\"output\") }}}}/{name}.{form}' (FORMAT {form}{', HEADER' if form == 'csv' else ''})"
        for form in _FILES.get(name, [])
    ]
    settings = ", ".join([f"materialized='{'view' if name in _VIEWS else 'table'}'", f"post_hook={hooks}"])
    return f"{{{{ config({settings}) }}}}\n{sql}\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
