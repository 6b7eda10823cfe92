"""Data frames, questions in SQL and other rates, on what a run of the dirty set has published."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, cast

import pyarrow
import pytest
from kedro.framework.session import KedroSession
from kedro.io import DataCatalog

from lending_club.analysis import query, scenario
from lending_club.errors import LendingClubError, ParameterError, QueryError, WarehouseError
from lending_club.warehouse import close_warehouses
from tests.conftest import PROJECT, run_here, write_inputs
from tests.oracle import expected

DIRTY = PROJECT / "tests" / "data" / "dirty"
FILES = ((DIRTY / "Customer.csv").read_bytes(), (DIRTY / "accounts.csv").read_bytes())
CENT = Decimal("0.01")
OWN_TIERS = [("0.00", "10000.00", "0.0100"), ("10000.00", "20000.00", "0.0150"), ("20000.00", None, "0.0200")]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataCatalog]:
    data = tmp_path_factory.mktemp("data")
    write_inputs(data, *FILES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENDING_CLUB_DATA", str(data))  # run_here sets it for good
        run_here(data, quality={"max_quarantined_share": "1"})
        with KedroSession.create(project_path=PROJECT) as session:
            yield cast(DataCatalog, cast(KedroSession, session).load_context().catalog)
    close_warehouses()


@pytest.mark.parametrize("name", ["account_summary", "account_summary_marts"])
def test_a_table_is_loaded_with_its_decimals(catalog: DataCatalog, name: str) -> None:
    table = catalog.load(name)
    wanted = [row[2] for row in expected(*FILES).account_summary]
    assert table.to_arrow().schema.field("original_balance").type == pyarrow.decimal128(18, 2)
    for balances in (table.to_pandas()["original_balance"].tolist(), table.to_polars()["original_balance"].to_list()):
        assert sorted(balances) == sorted(wanted)
        assert all(type(balance) is Decimal for balance in balances)


def test_the_engine_chooses_rows_and_columns(catalog: DataCatalog) -> None:
    found = catalog.load("quarantine_marts").to_pandas(
        where="list_contains(reasons, 'invalid_balance')", columns=["source", "line"]
    )
    wanted = [(source, line) for source, line, reasons, _ in expected(*FILES).quarantine if "invalid_balance" in reasons]
    assert sorted(found.itertuples(index=False, name=None)) == wanted
    assert catalog.load("account_summary_marts").to_arrow(limit=2).num_rows == 2


def test_many_rows_have_to_be_asked_for(catalog: DataCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    table = catalog.load("account_summary_marts")
    count = table.to_arrow().num_rows
    monkeypatch.setattr("lending_club.warehouse.frames.MAX_ROWS", count)
    assert table.to_arrow().num_rows == count
    monkeypatch.setattr("lending_club.warehouse.frames.MAX_ROWS", count - 1)
    with pytest.raises(QueryError, match=rf"more than {count - 1} rows.* limit= or LIMIT"):
        table.to_pandas()
    assert table.to_pandas(limit=count).shape[0] == count
    assert query(catalog, "SELECT * FROM account_summary LIMIT 1000").to_polars().height == count


def test_sql_is_about_published_tables(catalog: DataCatalog) -> None:
    sql = """
        WITH rich AS (SELECT * FROM account_summary WHERE original_balance >= 10000)
        SELECT p.name, sum(r.annual_interest) AS interest FROM rich AS r JOIN customer_profile AS p USING (customer_id)
        GROUP BY p.name ORDER BY p.name
    """
    published, names = expected(*FILES), {row[0]: row[1] for row in expected(*FILES).customer_profile}
    wanted: dict[str, Decimal] = {}
    for customer, _, balance, _, interest, _ in published.account_summary:
        if balance >= 10000:
            wanted[names[customer]] = wanted.get(names[customer], Decimal(0)) + interest
    assert query(catalog, sql).to_polars().rows() == sorted(wanted.items())


def has_loan_of(catalog: DataCatalog) -> dict[int, bool]:
    return {row["customer_id"]: bool(row["has_loan"]) for row in catalog.load("customer_profile_marts").table.rows()}


@pytest.mark.parametrize(
    ("arguments", "tiers", "bonus"),
    [
        ({}, OWN_TIERS, "0.0050"),
        ({"basis_points": -25}, [(low, high, str(Decimal(rate) - Decimal("0.0025"))) for low, high, rate in OWN_TIERS], "0.0050"),
        (
            {
                "loan_bonus": "0.0125",
                "tiers": [{"at_least": 0, "below": "7.21", "rate": "0.0333"}, {"at_least": "7.21", "rate": 0}],
            },
            [("0.00", "7.21", "0.0333"), ("7.21", None, "0.0000")],
            "0.0125",
        ),
        (
            {"loan_bonus": 0, "tiers": [{"at_least": 0, "below": "1e15", "rate": 0.05}, {"at_least": "1e15", "rate": 0}]},
            [("0.00", "1000000000000000.00", "0.0500"), ("1000000000000000.00", None, "0.0000")],
            "0",
        ),
    ],
    ids=["the same rates", "25 basis points less", "other tiers and bonus", "a tier without accounts"],
)
def test_other_rates_are_worked_out_to_the_cent(
    catalog: DataCatalog, arguments: dict[str, Any], tiers: list[tuple[str, str | None, str]], bonus: str
) -> None:
    loans, rows, wanted = has_loan_of(catalog), expected(*FILES).account_summary, []
    for at_least, below, rate in tiers:
        own = [row for row in rows if row[2] >= Decimal(at_least) and (below is None or row[2] < Decimal(below))]
        rates = [Decimal(rate) + (Decimal(bonus) if loans[row[0]] else 0) for row in own]
        now = sum((row[4] for row in own), Decimal("0.00"))
        then = sum(
            ((row[2] * own_rate).quantize(CENT, ROUND_HALF_UP) for row, own_rate in zip(own, rates, strict=True)), Decimal("0.00")
        )
        balance = sum((row[2] for row in own), Decimal("0.00"))
        limits = (Decimal(at_least), None if below is None else Decimal(below))
        wanted.append((*limits, Decimal(rate), len(own), balance, now, then, then - now))
    found = scenario(catalog, **arguments)
    assert [tuple(row.values()) for row in found.to_arrow().to_pylist()] == wanted
    if not arguments:
        assert found.to_polars()["difference"].sum() == 0


@pytest.mark.parametrize(
    ("ask", "kind", "told"),
    [
        (
            lambda c: scenario(c, basis_points=-500),
            ParameterError,
            r"These rates are wrong.\n  - tiers\[0\].rate: input should be gr",
        ),
        (lambda c: scenario(c, basis_points=cast(int, 2.5)), ParameterError, "basis_points is 2.5, and must be a whole number"),
        (lambda c: scenario(c, bonus="0.01"), ParameterError, "bonus: there is no such parameter"),
        (lambda c: scenario(c, tiers=[{"at_least": 1, "rate": 0}]), ParameterError, r"tiers\[0\].at_least: must be 0"),
        (lambda c: scenario(c, eligible_account_types=["Checking"]), ParameterError, "eligible_account_types stays as it is"),
        (lambda c: query(c, "SELECT * FROM accounts"), QueryError, "accounts: not published. Published are account_summary"),
        (lambda c: query(c, "DROP TABLE account_summary"), QueryError, "Only a SELECT can be answered"),
        (lambda c: query(c, "SELECT FROM WHERE"), QueryError, "This is no SQL"),
        (lambda c: c.load("quarantine_marts").to_arrow(where="line ="), QueryError, "no condition in SQL: line ="),
        (lambda c: c.load("quarantine_marts").to_arrow(where="1 = 1; DROP TABLE x"), QueryError, "no condition in SQL"),
        (lambda c: c.load("quarantine_marts").to_arrow(columns=["nothing"]), WarehouseError, "nothing.* not found"),
    ],
)
def test_a_wrong_question_is_told(
    catalog: DataCatalog, ask: Callable[[DataCatalog], object], kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        ask(catalog)


def test_a_notebook_shows_the_message_and_no_traceback() -> None:
    capture_output: Any = importlib.import_module("IPython.utils.capture").capture_output
    shell: Any = importlib.import_module("IPython.core.interactiveshell").InteractiveShell()

    with capture_output() as captured:
        shell.run_cell(f"from {LendingClubError.__module__} import QueryError\nraise QueryError('too many')")
    assert captured.stdout.strip().splitlines()[-1] == "QueryError: too many"
    assert "Traceback" not in captured.stdout


def test_before_a_run_there_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LENDING_CLUB_DATA", str(tmp_path))
    with KedroSession.create(project_path=PROJECT) as session:
        empty = cast(KedroSession, session).load_context().catalog
        with pytest.raises(WarehouseError, match=r"lending_club.duckdb is not there yet. Run the job first: kedro run."):
            scenario(cast(DataCatalog, empty)).to_arrow()
