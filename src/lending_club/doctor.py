"""Whether a run can do its work here, found out by doing a little of each thing that it does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext

from lending_club.csv_file import CsvFile
from lending_club.errors import DataDirectoryError, InputFileError
from lending_club.warehouse import FileQuery, Table, Warehouse, open_warehouse
from lending_club.warehouse.models import values_query

_TABLE = "lending_club_doctor"


def examine(context: KedroContext) -> Iterator[tuple[str, str]]:
    """Try, in order, all that a run needs.

    Yields:
        What was tried, and what was found.

    Raises:
        LendingClubError: The first thing that is wrong; the message says what to do about it.
    """
    for what, find_out in _steps(context):
        yield what, find_out()


def _steps(context: KedroContext) -> list[tuple[str, Callable[[], str]]]:
    settings: dict[str, Any] = context.config_loader["globals"]
    warehouse = open_warehouse(settings["warehouse"])
    schemas: dict[str, str] = settings["schemas"]
    others = sorted(set(schemas.values()) - {schemas["raw"]})
    data = Path(settings["data"]).absolute()
    return [
        ("data directory", lambda: _write_a_file(data)),
        *warehouse.connection_steps(),
        ("version", warehouse.version),
        ("load a file", lambda: _load_a_file(warehouse, f"{schemas['raw']}.{_TABLE}")),
        *((f"make a table in {schema}", _table_maker(warehouse, f"{schema}.{_TABLE}")) for schema in others),
        ("input files", lambda: _find_inputs(context)),
    ]


def _write_a_file(data: Path) -> str:
    try:
        data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data):
            return f"{data} can be written"
    except OSError as error:
        raise DataDirectoryError(
            f"{data}: {(error.strerror or str(error)).lower()}. A run writes there: LENDING_CLUB_DATA names it."
        ) from error


def _load_a_file(warehouse: Warehouse, name: str) -> str:
    table = Table(warehouse, name)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "doctor.csv"
        path.write_text("Name\nAda\n", encoding="utf-8")
        try:
            count = warehouse.load_csv(table, FileQuery.all_of(CsvFile(path, ("Name",))))
        finally:
            warehouse.drop_table(table)
    return f"{count} row into {name}, removed again"


def _table_maker(warehouse: Warehouse, name: str) -> Callable[[], str]:
    def make() -> str:
        table = Table(warehouse, name)
        try:
            warehouse.create_table(table, values_query([{"number": 1}], {"number": "BIGINT"}))
        finally:
            warehouse.drop_table(table)
        return "made and dropped again"

    return make


def _find_inputs(context: KedroContext) -> str:
    files: list[CsvFile] = [context.catalog.load(name) for name in ("customers_csv", "accounts_csv")]
    for file in files:
        if not file.path.is_file():
            raise InputFileError(f"{file.path} is not there. Put the file there before a run.")
    return " and ".join(str(file.path) for file in files)
