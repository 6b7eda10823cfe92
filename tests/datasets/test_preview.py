"""What Kedro-Viz shows of datasets."""

from __future__ import annotations

import inspect
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest

from lending_club.datasets import CsvSource, PublishedFile, TableDataset
from lending_club.datasets.preview import table_preview
from lending_club.errors import WarehouseError
from lending_club.warehouse import FileFormat, Table, close_warehouses, open_warehouse
from lending_club.warehouse.models import values_query

TYPES = {
    "id": "BIGINT",
    "name": "VARCHAR",
    "amount": "DECIMAL(38, 2)",
    "rate": "DECIMAL(5, 4)",
    "flag": "BOOLEAN",
    "codes": "VARCHAR[]",
}
HUGE = 10**18 - 1  # more than a browser's numbers hold
ROWS: list[dict[str, Any]] = [
    {
        "id": HUGE,
        "name": 'a,"b"\nc',
        "amount": Decimal("9" * 36 + ".10"),
        "rate": Decimal("0.0150"),
        "flag": True,
        "codes": ["x", "y"],
    },
    {"id": 2, "name": None, "amount": Decimal("0.00"), "rate": Decimal("0.0000"), "flag": None, "codes": None},
    {"id": 3, "name": "z" * 3_000_000, "amount": Decimal("1.00"), "rate": Decimal("0.0200"), "flag": False, "codes": []},
]


@pytest.fixture
def connection(tmp_path: Path) -> dict[str, Any]:
    return {"type": "duckdb", "path": str(tmp_path / "02_intermediate" / "scratch.duckdb")}


@pytest.fixture
def saved(connection: dict[str, Any], tmp_path: Path) -> Path:
    """A directory where the rows are published, beside a table of them."""
    warehouse = open_warehouse(connection)
    table = Table(warehouse, "marts.t")
    TableDataset("marts.t", connection).save(values_query(ROWS, TYPES))
    for form in get_args(FileFormat):
        warehouse.export(table, tmp_path / f"t.{form}", form)
    close_warehouses()
    return tmp_path


EXPECTED = [
    [str(HUGE), 'a,"b"\nc', "9" * 36 + ".10", "0.0150", "true", "x, y"],
    ["2", "NULL", "0.00", "0.0000", "NULL", "NULL"],
]


@pytest.mark.parametrize("form", ["table", "parquet", "duckdb", "csv"])
def test_values_keep_every_digit(saved: Path, connection: dict[str, Any], form: Any) -> None:
    dataset: Any = TableDataset("marts.t", connection)
    if form != "table":
        dataset = PublishedFile(str(saved / f"t.{form}"), form, "marts.t" if form == "duckdb" else None)
    preview = dataset.preview(nrows=2)
    expected = [[value.replace("x, y", "x,y") for value in row] for row in EXPECTED] if form == "csv" else EXPECTED
    assert preview == {"index": [0, 1], "columns": list(TYPES), "data": expected}
    assert json.loads(json.dumps(preview)) == preview
    assert len(dataset.preview()["data"]) == len(ROWS)


def test_kedro_viz_is_told_the_kind() -> None:
    for dataset, kind in ((TableDataset, "TablePreview"), (PublishedFile, "TablePreview"), (CsvSource, "TextPreview")):
        assert inspect.signature(dataset.preview).return_annotation == kind


def test_what_cannot_be_read_is_told_in_a_row(tmp_path: Path, connection: dict[str, Any]) -> None:
    def refuse() -> Any:
        raise WarehouseError("It is busy.")

    assert table_preview(refuse)["data"] == [["It is busy."]]
    assert "is not there yet" in TableDataset("marts.t", connection).preview()["data"][0][0]
    assert "is not there yet" in PublishedFile(str(tmp_path / "t.csv"), "csv").preview()["data"][0][0]
    (tmp_path / "t.parquet").write_text("nothing of the kind")
    assert "t.parquet" in PublishedFile(str(tmp_path / "t.parquet"), "parquet").preview()["data"][0][0]


def test_an_input_shows_its_first_lines(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    assert CsvSource(str(path), ["A"]).preview().endswith("in.csv: no such file or directory")
    path.write_bytes(b"A\n1\n\xff\n3\n")
    assert CsvSource(str(path), ["A"]).preview(nrows=2) == "A\n1\n\ufffd\n"
    path.write_text("A\n" + "1" * 10_000_000)
    assert len(CsvSource(str(path), ["A"]).preview()) < 20_000
