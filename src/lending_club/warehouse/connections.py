"""The one connection that a process has to each warehouse."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lending_club.errors import ParameterError
from lending_club.warehouse.base import Warehouse

_PATHS = ("path", "transfer")

_open: dict[str, Warehouse] = {}


def open_warehouse(connection: dict[str, Any]) -> Warehouse:
    """The process's one connection to a warehouse, made on first use.

    Args:
        connection: ``type`` (``duckdb``, ``databricks``) and what that engine needs, from the catalog.

    Raises:
        ParameterError: No such type, or no such settings.
    """
    try:
        # Kedro makes paths in the catalog absolute, and not those in the globals: both mean one database.
        paths = {name: str(Path(connection[name]).absolute()) for name in _PATHS if name in connection}
        settings = {**connection, **paths}
        key = repr(sorted(settings.items()))
        if key not in _open:
            _open[key] = _made(settings)
        return _open[key]
    except (KeyError, TypeError) as error:  # a setting is missing, or there is no such
        raise ParameterError(f"warehouse in globals.yml: {error}. Correct it there.") from error


def _made(settings: dict[str, Any]) -> Warehouse:
    match settings.pop("type", None):
        case "duckdb":
            from lending_club.warehouse.duckdb import DuckDBWarehouse

            return DuckDBWarehouse(Path(settings.pop("path")), **settings)
        case "databricks":
            from lending_club.warehouse.databricks import DatabricksWarehouse

            if not find_spec("databricks") or not find_spec("databricks.sql") or not find_spec("pyarrow"):
                raise ParameterError(
                    "Databricks: what it takes to speak to it is not installed here. Install the package with its extra:"
                    " pip install 'lending_club[databricks]'"
                )
            return DatabricksWarehouse(transfer=Path(settings.pop("transfer")), **settings)
        case unknown:
            raise ParameterError(f"warehouse in globals.yml is of type {unknown!r}. Known types: duckdb, databricks.")


def close_warehouses() -> None:
    """Close every connection of the process, as a run does at its end."""
    while _open:
        _open.popitem()[1].close()
