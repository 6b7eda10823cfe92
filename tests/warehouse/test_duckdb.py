"""What only DuckDB's side of the warehouse does."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from sqlglot import exp, parse_one

from lending_club.csv_file import CsvFile
from lending_club.errors import ParameterError, WarehouseBusyError, WarehouseError
from lending_club.plain_csv import plain_rows
from lending_club.warehouse import FileQuery, Table, close_warehouses, open_warehouse
from lending_club.warehouse.base import Warehouse
from lending_club.warehouse.duckdb import DuckDBWarehouse
from lending_club.warehouse.models import values_query


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "scratch.duckdb")


def all_of(path: Path) -> FileQuery:
    return FileQuery.all_of(CsvFile(path, ("A", "B")))


def rows(warehouse: Warehouse, table: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in warehouse.rows(exp.select("*").from_(table).order_by("line"))]


def test_a_process_has_one_connection(tmp_path: Path) -> None:
    connection = {"type": "duckdb", "path": str(tmp_path / "scratch.duckdb")}
    assert open_warehouse(connection) is open_warehouse(dict(connection))
    close_warehouses()
    with pytest.raises(ParameterError, match="Known types: duckdb"):
        open_warehouse({"type": "oracle"})


@pytest.mark.parametrize(
    "content",
    [
        b"B,A,X\n1,2,3\n4,5,6\n",
        b'B,A,X\n"1","2",3\n4,5,6\n',
        b'B,A,X\n1,2,",\n"\n4,5,6\n',
    ],
    ids=["plain", "quoted", "read by Python"],
)
def test_every_way_of_reading_gives_the_same_table(warehouse: DuckDBWarehouse, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    assert warehouse.load_csv(Table(warehouse, "raw.t"), all_of(path)) == 2
    last_line = content.count(b"\n")
    assert rows(warehouse, "raw.t") == [(2, None, "2", "1"), (last_line, None, "5", "4")]


def test_a_row_that_does_not_fit_sends_a_plain_file_the_careful_way(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    path = tmp_path / "in[1].csv"
    path.write_bytes(b"A,B\n1,2\n1\n1,2,3\n3,4")
    assert warehouse.load_csv(Table(warehouse, "raw.t"), all_of(path)) == 4
    assert rows(warehouse, "raw.t") == [(2, None, "1", "2"), (3, "1", None, None), (4, "1,2,3", None, None), (5, None, "3", "4")]


@pytest.mark.parametrize("rest", [b"\n1,2,\n", b"\n1,2,3\n", b"1\n3,4,5\n", b"3,4,5\n1\n"])
def test_a_line_too_short_and_one_too_long_do_not_make_up_for_each_other(
    warehouse: DuckDBWarehouse, tmp_path: Path, rest: bytes
) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b"A,B\n1,2\n" + rest + b"5,6\n")
    assert plain_rows(all_of(path).file) == 4
    lines = rest.decode().splitlines()
    assert warehouse.load_csv(Table(warehouse, "raw.t"), all_of(path)) == 2 + sum(line != "" for line in lines)
    malformed = [(number, line, None, None) for number, line in enumerate(lines, start=3) if line]
    assert rows(warehouse, "raw.t") == [(2, None, "1", "2"), *malformed, (5, None, "5", "6")]


def test_a_failed_load_leaves_the_old_table(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b"A,B\n1,2\n")
    warehouse.load_csv(Table(warehouse, "raw.t"), all_of(path))
    path.write_bytes(b'A,B\n3,4\n"5,6\n')
    with pytest.raises(Exception, match="never closed"):
        warehouse.load_csv(Table(warehouse, "raw.t"), all_of(path))
    assert rows(warehouse, "raw.t") == [(2, None, "1", "2")]


def test_a_csv_has_only_the_quotes_it_needs(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    texts = ["#1", " a ", "a'b", "x;y", "a,b", 'a"b', "a\nb", "a\rb", None, "null"]
    values = [{"line": line, "text": text, "amount": Decimal("1.50")} for line, text in enumerate(texts)]
    warehouse.create_table(
        Table(warehouse, "staging.t"), values_query(values, {"line": "INT", "text": "VARCHAR", "amount": "DECIMAL(38, 2)"})
    )
    assert warehouse.export(Table(warehouse, "staging.t"), tmp_path / "out.csv", "csv") == len(texts)
    assert (tmp_path / "out.csv").read_bytes() == (
        b"line,text,amount\n0,#1,1.50\n1, a ,1.50\n2,a'b,1.50\n3,x;y,1.50\n"
        b'4,"a,b",1.50\n5,"a""b",1.50\n6,"a\nb",1.50\n7,"a\rb",1.50\n8,,1.50\n9,null,1.50\n'
    )


def test_a_long_line_is_found_equal_too(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    table = Table(warehouse, "staging.t")
    warehouse.create_table(table, values_query([{"text": "x" * 3_000_000}, {"text": "y"}], {"text": "VARCHAR"}))
    warehouse.export(table, tmp_path / "out.csv", "csv")
    assert warehouse.fingerprint(table, tmp_path / "out.csv", "csv") == warehouse.fingerprint(table)


def test_a_view_takes_the_place_of_a_table_and_the_other_way_round(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    table, query = Table(warehouse, "raw.t"), values_query([{"line": 1}], {"line": "BIGINT"})
    (tmp_path / "in.csv").write_text("A,B\n1,2\n")
    warehouse.create_table(table, query)
    warehouse.create_view(table, query)
    warehouse.create_table(table, query)
    assert rows(warehouse, "raw.t") == [(1,)]
    warehouse.load_csv(table, all_of(tmp_path / "in.csv"))
    assert rows(warehouse, "raw.t") == [(2, None, "1", "2")]
    warehouse.drop_table(table)
    assert not warehouse.exists(table)
    assert warehouse.rows(exp.select("count(*) AS n").from_("duckdb_tables()")) == [{"n": 0}]


def test_wide_decimals_are_written_whole(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    amounts = [Decimal("0.00"), Decimal("-1.10"), Decimal("9" * 36 + ".99"), None, Decimal("9" * 16 + ".99")]
    warehouse.create_table(
        Table(warehouse, "staging.t"), values_query([{"amount": amount} for amount in amounts], {"amount": "DECIMAL(38, 2)"})
    )
    warehouse.export(Table(warehouse, "staging.t"), tmp_path / "out.csv", "csv")
    assert (tmp_path / "out.csv").read_text() == "amount\n" + "".join(f"{a if a is not None else ''}\n" for a in amounts)


def test_a_scratch_database_that_cannot_be_opened_is_made_anew_by_a_run(
    warehouse: DuckDBWarehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "scratch.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(WarehouseError, match="not a valid DuckDB database"):
        warehouse.exists(Table(warehouse, "raw.t"))
    connect(warehouse)
    assert not warehouse.exists(Table(warehouse, "raw.t"))
    assert "cannot be opened and is made anew" in caplog.text


def connect(warehouse: DuckDBWarehouse) -> None:
    """Open it as a run does."""
    for _, step in warehouse.connection_steps():
        step()


@contextmanager
def held(path: Path, read_only: bool) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the database open."""
    opening = f"import duckdb, sys; c = duckdb.connect({str(path)!r}, read_only={read_only})"
    code = f"{opening}; print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "open\n"
        yield holder
        assert holder.stdin is not None
        holder.stdin.close()


def test_a_scratch_database_that_a_run_has_open_is_not_touched_and_said_to_be_busy(tmp_path: Path) -> None:
    path = tmp_path / "scratch.duckdb"
    started = time.monotonic()
    with held(path, read_only=False) as holder:
        for use in (connect, lambda warehouse: warehouse.exists(Table(warehouse, "raw.t"))):
            with pytest.raises(
                WarehouseBusyError, match=f"scratch.duckdb is busy: process {holder.pid} has it open, such as a run"
            ):
                use(DuckDBWarehouse(path))
        assert time.monotonic() - started < 10
    connect(DuckDBWarehouse(path))


def test_reading_keeps_nobody_out(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    table = Table(warehouse, "marts.t")
    warehouse.create_table(
        table, values_query([{"n": 1, "amount": Decimal("1.50")}], {"n": "BIGINT", "amount": "DECIMAL(38, 2)"})
    )
    warehouse.create_view(Table(warehouse, "marts.v"), exp.select("*").from_("marts.t"))
    warehouse.close()
    assert warehouse.exists(table)
    assert list(warehouse.columns(table)) == ["n", "amount"]
    assert warehouse.rows(Table(warehouse, "marts.v").select()) == [{"n": 1, "amount": Decimal("1.50")}]
    assert str(warehouse.arrow(table.select()).schema.field("amount").type) == "decimal128(38, 2)"
    with held(tmp_path / "scratch.duckdb", read_only=False), pytest.raises(WarehouseBusyError):
        warehouse.rows(table.select())
    with held(tmp_path / "scratch.duckdb", read_only=True):
        assert warehouse.exists(table)


def test_reading_makes_no_file(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    assert not warehouse.exists(Table(warehouse, "raw.t"))
    with pytest.raises(WarehouseError, match=r"scratch.duckdb is not there yet. Run the job first: kedro run"):
        warehouse.rows(exp.select("1"))
    assert not list(tmp_path.iterdir())


def test_a_run_waits_for_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scratch.duckdb"
    connect(warehouse := DuckDBWarehouse(path))
    warehouse.close()
    with held(path, read_only=True) as holder:
        monkeypatch.setattr("lending_club.warehouse.duckdb_database._READERS_SECONDS", 0.2)
        with pytest.raises(WarehouseBusyError, match=f"process {holder.pid}"):
            connect(warehouse)
        monkeypatch.undo()
        assert holder.stdin is not None
        threading.Timer(0.5, holder.stdin.close).start()
        connect(warehouse)


def test_an_unknown_table_is_told_with_what_to_do(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    connect(warehouse)
    with pytest.raises(WarehouseError, match=r"Table with name nothing does not exist.* Run the pipelines that come before"):
        warehouse.export(Table(warehouse, "raw.nothing"), tmp_path / "out.csv", "csv")


def test_what_is_exported_opens_without_the_scratch_database(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    warehouse.create_table(Table(warehouse, "marts.t"), values_query([{"n": 1}, {"n": 2}], {"n": "BIGINT"}))
    assert warehouse.export(Table(warehouse, "marts.t"), tmp_path / "out.duckdb", "duckdb") == 2
    warehouse.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.duckdb", "scratch.candidates.duckdb", "scratch.duckdb"]
    with duckdb.connect(str(tmp_path / "out.duckdb"), read_only=True) as connection:
        assert connection.execute("FROM marts.t").fetchall() == [(1,), (2,)]


def test_what_is_exported_is_as_large_as_its_rows_however_often_they_were_made(
    warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    table = Table(warehouse, "marts.t", comment="Numbers.", column_comments={"n": "One of them."})
    numbers = parse_one("SELECT (i * 7919) % 1000003 AS n, md5(i::VARCHAR) AS text FROM range(300000) AS t(i)", into=exp.Select)
    sizes = []
    for number in range(3):
        path = tmp_path / f"out{number}.duckdb"
        warehouse.create_table(table, numbers)
        assert warehouse.export(table, path, "duckdb") == 300_000
        sizes.append(path.stat().st_size)
    assert max(sizes) < 1.1 * min(sizes), sizes
    assert warehouse.fingerprint(table, path, "duckdb") == warehouse.fingerprint(table)
    with duckdb.connect(str(path), read_only=True) as connection:
        told = connection.execute("SELECT comment FROM duckdb_columns() WHERE column_name = 'n' AND table_name = 't'")
        assert told.fetchall() == [("One of them.",)]


def test_the_candidates_stay_locked_after_they_were_copied(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    table = Table(warehouse, "marts.t")
    warehouse.create_table(table, values_query([{"n": 1}], {"n": "BIGINT"}))
    warehouse.export(table, tmp_path / "out.duckdb", "duckdb")
    opening = f"import duckdb; duckdb.connect({str(tmp_path / 'scratch.candidates.duckdb')!r})"
    other = subprocess.run([sys.executable, "-c", opening], capture_output=True, text=True, timeout=60)
    assert other.returncode != 0 and "lock" in other.stderr
    assert warehouse.rows(table.select()) == [{"n": 1}]


@pytest.mark.parametrize(
    ("connection", "told"),
    [
        ({"type": "oracle"}, r"type 'oracle'. Known types: duckdb, databricks"),
        ({"type": "duckdb"}, r"'path'. Correct it there"),
        ({"type": "duckdb", "path": "x.duckdb", "memory": "2GB"}, r"unexpected keyword argument 'memory'. Correct it there"),
    ],
)
def test_wrong_settings_of_a_warehouse_are_told(connection: dict[str, str], told: str) -> None:
    with pytest.raises(ParameterError, match=rf"warehouse in globals.yml.*{told}"):
        open_warehouse(connection)
