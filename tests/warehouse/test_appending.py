"""Adding rows to a table, on both engines."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from lending_club.run_tables import RUNS, STEPS
from lending_club.warehouse import Table, Warehouse, open_warehouse
from tests.warehouse.server_process import ServerProcess

TYPES = {
    "run_id": "VARCHAR",
    "noted_at": "TIMESTAMP",
    "noted_on": "DATE",
    "amount": "DECIMAL(38, 2)",
    "is_it": "BOOLEAN",
    "number": "BIGINT",
}


def row(run_id: str, **values: Any) -> dict[str, Any]:
    return {**dict.fromkeys(TYPES), "run_id": run_id, **values}


def assert_appends(warehouse: Warehouse, schema: str) -> None:
    table = Table(warehouse, f"{schema}.notes", order_by=("run_id",))
    exact = "123456789012345678901234567890123456.78"
    first = row("it's\\1", noted_at="2026-11-24T19:41:47.123Z", noted_on="2026-11-24", amount=exact, is_it=True, number=3)
    warehouse.append(table, TYPES, [first, row("2")], "run_id")
    warehouse.append(table, TYPES, [row("2", number=9), row("3", number=1)], "run_id")
    found = table.rows()
    assert [each["run_id"] for each in found] == ["2", "3", "it's\\1"]
    assert [each["number"] for each in found] == [None, 1, 3]
    assert (found[2]["amount"], found[2]["is_it"], str(found[2]["noted_on"])) == (Decimal(exact), True, "2026-11-24")
    assert f"{found[2]['noted_at']:%F %T.%f}" == "2026-11-24 19:41:47.123000"
    for name, types in (("runs", RUNS), ("steps", STEPS)):
        warehouse.append(Table(warehouse, f"{schema}.{name}"), types, [{**dict.fromkeys(types), "run_id": "1"}], "run_id")


def test_duckdb(tmp_path: Path) -> None:
    warehouse = open_warehouse({"type": "duckdb", "path": str(tmp_path / "history.duckdb"), "is_scratch": False})
    assert_appends(warehouse, "ops")
    warehouse.close()


def test_databricks(logged_in: None, warehouse: ServerProcess, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"type": "databricks", "schema": "workspace.appending", "volume": "workspace.appending.landing"}
    databricks = open_warehouse({**settings, "transfer": str(tmp_path / "transfer.duckdb")})
    assert_appends(databricks, "workspace.appending_ops")
    databricks.close()
