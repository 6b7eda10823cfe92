"""The history of runs as tables, ``runs`` and ``steps``: all that the manifests tell, also of runs that could not write here."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from lending_club.errors import LendingClubError, WarehouseError
from lending_club.run_history import RunHistory
from lending_club.warehouse import Table, open_warehouse

logger = logging.getLogger(__name__)

RUNS = {
    "run_id": "VARCHAR",
    "outcome": "VARCHAR",
    "is_published": "BOOLEAN",
    "exit_code": "INTEGER",
    "as_of_date": "DATE",
    "started_at": "TIMESTAMP",
    "ended_at": "TIMESTAMP",
    "seconds": "DECIMAL(18, 3)",
    "user_name": "VARCHAR",
    "host": "VARCHAR",
    "environment": "VARCHAR",
    "pipelines": "VARCHAR",
    "version": "VARCHAR",
    "code_sha256": "VARCHAR",
    "accounts_in": "BIGINT",
    "accounts_published": "BIGINT",
    "accounts_excluded": "BIGINT",
    "accounts_quarantined": "BIGINT",
    "customers_in": "BIGINT",
    "customers_published": "BIGINT",
    "customers_quarantined": "BIGINT",
    "balance_in": "VARCHAR",
    "balance_published": "DECIMAL(38, 2)",
    "balance_excluded": "DECIMAL(38, 2)",
    "balance_quarantined": "VARCHAR",
    "total_interest": "DECIMAL(38, 2)",
    "checks": "BIGINT",
    "checks_not_met": "BIGINT",
    "error": "VARCHAR",
    "manifest": "VARCHAR",
}
STEPS = {
    "run_id": "VARCHAR",
    "number": "INTEGER",
    "step": "VARCHAR",
    "pipeline": "VARCHAR",
    "dataset": "VARCHAR",
    "outcome": "VARCHAR",
    "started_at": "TIMESTAMP",
    "seconds": "DECIMAL(18, 6)",
    "row_count": "BIGINT",
    "byte_count": "BIGINT",
}


def catch_up(history: dict[str, Any]) -> list[dict[str, Any]]:
    """Add the runs that the tables lack; tell those that were killed.

    Where the tables cannot be written, a warning says so, and the next run adds them.

    Args:
        history: ``directory`` of the manifests, and how many of them are ``kept``; ``warehouse`` and ``schema`` of the tables.

    Returns:
        What the manifests say of the runs that were added.
    """
    manifests = RunHistory(Path(history["directory"]))
    try:
        warehouse = open_warehouse(history["warehouse"])
        runs, steps = (Table(warehouse, f"{history['schema']}.{name}") for name in ("runs", "steps"))
        known = _known_ids(runs)
        added = manifests.settled(known)
        if added:
            # A run counts as known when it is in the first table, so that goes last.
            if rows := [row for run in added for row in _step_rows(run)]:
                warehouse.append(steps, STEPS, rows, "run_id")
            warehouse.append(runs, RUNS, [_run_row(run) for run in added], "run_id")
        manifests.remove_old(history["kept"], known)
    except LendingClubError as error:
        logger.warning("The tables of the history cannot be written; the next run adds what they lack. %s", error)
        return []
    return added


def _known_ids(runs: Table) -> set[str]:
    try:
        return {row["run_id"] for row in runs.warehouse.rows(runs.select().select("run_id", append=False))}
    except WarehouseError:
        return set()  # there is no table yet; or adding to it will say what is wrong


def _run_row(run: dict[str, Any]) -> dict[str, Any]:
    sources = {row["source"]: row for row in run["reconciliation"]}
    accounts, customers = sources.get("accounts", {}), sources.get("customers", {})
    return {
        **{name: run[name] for name in RUNS if name in run and name not in ("checks", "error", "pipelines")},
        "user_name": run["user"],
        "pipelines": ", ".join(run["pipelines"]),
        "version": run["versions"]["lending_club"],
        **{f"accounts_{what}": accounts.get(f"rows_{what}") for what in ("in", "published", "excluded", "quarantined")},
        **{f"customers_{what}": customers.get(f"rows_{what}") for what in ("in", "published", "quarantined")},
        **{name: accounts.get(name) for name in RUNS if name.startswith("balance_")},
        "checks": len(run["checks"]),
        "checks_not_met": sum(not check["is_met"] for check in run["checks"]),
        "error": run["error"] and run["error"]["message"],
        "manifest": json.dumps(run),
    }


def _step_rows(run: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            **{name: step[name] for name in ("pipeline", "dataset", "outcome", "started_at", "seconds")},
            "run_id": run["run_id"],
            "number": number,
            "step": step["name"],
            "row_count": step["rows"],
            "byte_count": step["bytes"],
        }
        for number, step in enumerate(run["steps"], start=1)
    ]
