"""The Databricks engine, a call at a time, with faults on purpose."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lending_club.csv_file import CsvFile
from lending_club.datasets.preview import first_rows
from lending_club.errors import WarehouseError
from lending_club.warehouse import FileQuery, Table
from lending_club.warehouse.databricks import DatabricksWarehouse
from lending_club.warehouse.models import values_query
from tests.databricks import reader
from tests.warehouse.server_process import ServerProcess

SCHEMA, VOLUME = "workspace.engine_test", "workspace.engine_test.landing"
VOLUME_PATH = "/Volumes/workspace/engine_test/landing"
TEXTS = ['a,"b"', "it's", "", " x\ty ", "\\n \\ \\'", "Ä \u2028 \U0001f600", "\x01\x1f", "null", "N\nL"]


pytestmark = pytest.mark.usefixtures("logged_in")


@pytest.fixture
def databricks(warehouse: ServerProcess, tmp_path: Path) -> Iterator[DatabricksWarehouse]:
    made = DatabricksWarehouse(SCHEMA, VOLUME, tmp_path / "transfer.duckdb", patience_seconds=40)
    for _, step in made.connection_steps():
        step()
    yield made
    made.close()


def numbers(databricks: DatabricksWarehouse, count: int = 3) -> Table:
    table = Table(databricks, f"{SCHEMA}.numbers", order_by=("n",))
    rows = [{"n": n, "amount": Decimal(n) / 100} for n in reversed(range(count))]
    databricks.create_table(table, values_query(rows, {"n": "BIGINT", "amount": "DECIMAL(18, 2)"}))
    return table


def csv_of(tmp_path: Path, rows: int = 3) -> FileQuery:
    path = tmp_path / "in.csv"
    path.write_text("A,B\n" + "".join(f"{n},b{n}\n" for n in range(rows)))
    return FileQuery.all_of(CsvFile(path, ("A", "B")))


def test_values_arrive_as_they_are(databricks: DatabricksWarehouse, tmp_path: Path) -> None:
    table = Table(databricks, f"{SCHEMA}.texts", order_by=("n",))
    types = {"n": "BIGINT", "text": "VARCHAR", "amount": "DECIMAL(38, 2)", "flag": "BOOLEAN"}
    amounts = [Decimal("-0.01"), Decimal("9" * 36 + ".99"), None]
    rows = [
        {"n": n, "text": text, "amount": amounts[n % 3], "flag": [True, False, None][n % 3]}
        for n, text in enumerate([*TEXTS, None])
    ]
    assert databricks.create_table(table, values_query(rows, types)) == len(rows)
    assert table.rows() == rows
    assert databricks.export(table, tmp_path / "out.csv", "csv") == len(rows)
    assert databricks.export(table, tmp_path / "out.parquet", "parquet") == len(rows)
    assert databricks.fingerprint(table) == databricks.fingerprint(table, tmp_path / "out.parquet", "parquet")
    without_empty = values_query([row for row in rows if row["text"] != ""], types)  # '' and NULL are one in a CSV
    databricks.create_table(table, without_empty)
    databricks.export(table, tmp_path / "out.csv", "csv")
    assert databricks.fingerprint(table) == databricks.fingerprint(table, tmp_path / "out.csv", "csv")


def test_first_rows_are_read_in_order_on_a_connection_of_their_own(databricks: DatabricksWarehouse) -> None:
    table = numbers(databricks, 5)
    working = databricks._session._open_connection
    assert first_rows(table, 2).to_pylist() == [{"n": 0, "amount": Decimal("0.00")}, {"n": 1, "amount": Decimal("0.01")}]
    assert databricks._session._open_connection is working
    with pytest.raises(WarehouseError, match="TABLE_OR_VIEW_NOT_FOUND"):
        first_rows(Table(databricks, f"{SCHEMA}.nothing"), 2)


def test_a_table_without_rows_is_exported_with_its_header(databricks: DatabricksWarehouse, tmp_path: Path) -> None:
    table = numbers(databricks, count=0)
    assert databricks.export(table, tmp_path / "out.csv", "csv") == 0
    assert (tmp_path / "out.csv").read_text() == "n,amount\n"
    assert databricks.fingerprint(table) == databricks.fingerprint(table, tmp_path / "out.csv", "csv") == (0, "0")


def test_a_file_is_uploaded_in_parts_at_once(
    warehouse: ServerProcess, databricks: DatabricksWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lending_club.warehouse.databricks._PART_BYTES", "100KB")
    warehouse.faults([{"do": "status", "code": 503, "on": "put", "times": 2}])
    table = Table(databricks, f"{SCHEMA}.loaded")
    assert databricks.load_csv(table, csv_of(tmp_path, 300_000)) == 300_000
    uploads = [statement for statement in warehouse.statements() if statement.startswith("PUT")]
    assert len(uploads) > 4
    assert warehouse.requests()["OpenSession"] > 1
    with reader() as reading:
        assert reading.execute(f"SELECT count(*), sum(line) FROM {SCHEMA}.loaded") == [(300_000, sum(range(2, 300_002)))]
        assert reading.execute(f"LIST '{VOLUME_PATH}'") == []


def test_a_part_that_cannot_be_uploaded_ends_the_upload(
    warehouse: ServerProcess, databricks: DatabricksWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lending_club.warehouse.databricks._PART_BYTES", "100KB")
    warehouse.faults([{"do": "fail", "on": "ExecuteStatement", "matching": "PUT ", "message": "[PERMISSION_DENIED] no"}])
    with pytest.raises(WarehouseError, match=r"PERMISSION_DENIED.*Tried once .*: PUT "):
        databricks.load_csv(Table(databricks, f"{SCHEMA}.loaded"), csv_of(tmp_path, 300_000))
    databricks.close()
    assert not [statement for statement in warehouse.statements() if "read_files" in statement]
    assert warehouse.requests()["OpenSession"] == warehouse.requests()["CloseSession"] > 1
    with reader() as reading:
        assert reading.execute(f"LIST '{VOLUME_PATH}'") == []


def test_parts_are_removed_after_a_failure_and_after_a_killed_run(
    warehouse: ServerProcess, databricks: DatabricksWarehouse, tmp_path: Path
) -> None:
    table, query = Table(databricks, f"{SCHEMA}.loaded"), csv_of(tmp_path)
    warehouse.faults([{"do": "fail", "on": "ExecuteStatement", "matching": "read_files", "message": "[BOOM] no"}])
    with pytest.raises(WarehouseError, match="BOOM"):
        databricks.load_csv(table, query)
    with reader() as reading:
        assert reading.execute(f"LIST '{VOLUME_PATH}'") == []
    databricks.put_file(query.file.path, f"{VOLUME_PATH}/loaded-{'0' * 32}-00003.parquet")
    databricks.put_file(query.file.path, f"{VOLUME_PATH}/loaded-by-somebody-else.parquet")
    databricks.load_csv(table, query)
    with reader() as reading:
        assert [row[1] for row in reading.execute(f"LIST '{VOLUME_PATH}'")] == ["loaded-by-somebody-else.parquet"]
    databricks._session.execute(f"REMOVE '{VOLUME_PATH}/loaded-by-somebody-else.parquet'")


def test_rows_lost_on_the_way_are_noticed(warehouse: ServerProcess, databricks: DatabricksWarehouse, tmp_path: Path) -> None:
    run = databricks._session.execute

    def lossy(statement: str) -> Any:
        return run(f"{statement} WHERE line <> 3" if "read_files" in statement else statement)

    databricks._session.execute = lossy  # type: ignore[method-assign]
    with pytest.raises(WarehouseError, match=r"loaded holds 2 rows .* not the 3 rows"):
        databricks.load_csv(Table(databricks, f"{SCHEMA}.loaded"), csv_of(tmp_path))


PASSING_FAULTS: dict[str, dict[str, Any]] = {
    "429 with Retry-After": {"do": "status", "code": 429, "retry_after": 1, "on": "ExecuteStatement"},
    "503": {"do": "status", "code": 503, "on": "ExecuteStatement"},
    "starting": {"do": "starting", "seconds": 3, "on": "OpenSession"},
    "cut before": {"do": "cut_before", "on": "ExecuteStatement", "matching": "CREATE OR REPLACE TABLE"},
    "answer lost": {"do": "cut_after", "on": "ExecuteStatement", "matching": "CREATE OR REPLACE TABLE"},
    "upload refused": {"do": "status", "code": 503, "on": "put"},
    "upload cut": {"do": "cut_before", "on": "put"},
    "session lost": {"do": "lose_session", "on": "ExecuteStatement", "matching": "SELECT count"},
    "session lost, said over HTTP": {
        "do": "lose_session",
        "over_http": True,
        "on": "ExecuteStatement",
        "matching": "SELECT count",
    },
    "result link refused": {"do": "status", "code": 503, "on": "cloudfetch"},
    "result link cut": {"do": "cut_before", "on": "cloudfetch"},
}


@pytest.mark.parametrize("fault", PASSING_FAULTS)
def test_a_fault_that_passes_is_waited_out(
    warehouse: ServerProcess, databricks: DatabricksWarehouse, tmp_path: Path, fault: str
) -> None:
    warehouse.cloud_fetch(1)
    databricks.close()
    warehouse.faults([PASSING_FAULTS[fault]])
    table = Table(databricks, f"{SCHEMA}.loaded", order_by=("line",))
    assert databricks.load_csv(table, csv_of(tmp_path)) == 3
    assert databricks.export(table, tmp_path / "out.csv", "csv") == 3
    assert all(warehouse.applied_faults()), "the fault did not happen"
    assert (tmp_path / "out.csv").read_text() == "line,malformed,a,b\n2,,0,b0\n3,,1,b1\n4,,2,b2\n"


LASTING_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "a statement that fails": (
        {"do": "fail", "on": "ExecuteStatement", "message": "[DIVIDE_BY_ZERO] Division by zero."},
        "DIVIDE_BY_ZERO.*Tried once",
    ),
    "a token that expired": ({"do": "expire_token", "on": "ExecuteStatement"}, "Tried once.*DATABRICKS_TOKEN"),
    "a 500 to a statement": ({"do": "status", "code": 500, "on": "ExecuteStatement", "message": "BROKEN"}, "500.*Tried once"),
}


@pytest.mark.parametrize("fault", LASTING_FAULTS)
def test_a_fault_that_lasts_is_told_at_once(warehouse: ServerProcess, databricks: DatabricksWarehouse, fault: str) -> None:
    rule, message = LASTING_FAULTS[fault]
    warehouse.faults([rule])
    started = time.monotonic()
    with pytest.raises(WarehouseError, match=message):
        numbers(databricks)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("on", ["ExecuteStatement", "put"])
def test_patience_has_an_end(warehouse: ServerProcess, tmp_path: Path, on: str) -> None:
    databricks = DatabricksWarehouse(SCHEMA, VOLUME, tmp_path / "transfer.duckdb", patience_seconds=12)
    warehouse.faults([{"do": "status", "code": 503, "on": on, "times": None}])
    started = time.monotonic()
    with pytest.raises(WarehouseError, match=r"503.*Tried .* in \d+ s: .*patience_seconds"):
        databricks.load_csv(Table(databricks, f"{SCHEMA}.loaded"), csv_of(tmp_path))
    assert 4 < time.monotonic() - started < 25
    warehouse.clear()
    databricks.close()


def test_a_candidate_replaces_what_is_published_with_comments(databricks: DatabricksWarehouse) -> None:
    comments = {"n": "It's a \\ number.", "amount": 'Of "money".'}
    table = Table(databricks, f"{SCHEMA}.commented", comment="What it's for.", column_comments=comments)
    databricks.create_table(table, values_query([{"n": 1, "amount": 2}], {"n": "INT", "amount": "INT"}))
    with reader() as reading:
        described = {row[0]: row for row in reading.execute(f"DESCRIBE TABLE EXTENDED {table.name}")}
        assert {name: described[name][2] for name in comments} == comments
        assert described["Comment"][1] == "What it's for."


def test_names_are_quoted(warehouse: ServerProcess, tmp_path: Path) -> None:
    odd = DatabricksWarehouse("workspace.where", "workspace.where.landing", tmp_path / "transfer.duckdb")
    try:
        for _, step in odd.connection_steps():
            step()
        table = Table(odd, "workspace.where.order")
        odd.create_table(table, values_query([{"n": 1}], {"n": "INT"}))
        assert odd.exists(table)
        assert table.rows() == [{"n": 1}]
        odd.drop_table(table)
        assert not odd.exists(table)
    finally:
        odd.close()


def test_a_view_takes_the_place_of_a_table_and_the_other_way_round(databricks: DatabricksWarehouse) -> None:
    table, rows = Table(databricks, f"{SCHEMA}.kind"), values_query([{"n": 1}], {"n": "INT"})
    databricks.create_table(table, rows)
    databricks.create_view(table, rows)
    databricks.create_table(table, rows)
    assert table.rows() == [{"n": 1}]
    databricks.drop_table(table)


def test_the_state_of_a_table_tells_of_every_change(databricks: DatabricksWarehouse) -> None:
    table, rows = Table(databricks, f"{SCHEMA}.watched"), values_query([{"n": 1}], {"n": "INT"})
    databricks.create_table(table, rows)
    states = [databricks.state(table)]
    assert databricks.state(table) == states[0]
    with reader() as reading:
        reading.execute(f"INSERT INTO {SCHEMA}.watched VALUES (2)")
    states.append(databricks.state(table))
    databricks.create_table(table, rows)
    states.append(databricks.state(table))
    databricks.drop_table(table)
    with pytest.raises(WarehouseError, match="TABLE_OR_VIEW_NOT_FOUND"):
        databricks.state(table)
    databricks.create_table(table, rows)
    states.append(databricks.state(table))
    assert len(set(states)) == 4
