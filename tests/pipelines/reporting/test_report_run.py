"""The report of whole runs: its figures against sums made here, and what changed from one run to the next."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from kedro.framework.session import KedroSession

from lending_club.warehouse.models import Models
from tests.conftest import PROJECT, run_here, unchecked_run, write_inputs
from tests.oracle import expected
from tests.published import assert_report_published

D = Decimal
DIRTY = PROJECT / "tests" / "data" / "dirty"
CUSTOMERS = b"CustomerID,Name,HasLoan\n1,Ada,Yes\n2,Grace,No\n3,Edsger,\n"
HEADER = "AccountID,CustomerID,Balance,AccountType\n"


def cells(data: Path, caption: str) -> list[list[str]]:
    """The rows of a table of the page."""
    page = (data / "08_reporting" / "report.html").read_text(encoding="utf-8")
    body = page[page.index(f">{caption}</caption>") :].split("<tbody", 1)[1].split("</tbody>", 1)[0]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in body.split("</tr>")[:-1]]


def accounts(*rows: str) -> bytes:
    return (HEADER + "".join(f"{row},Savings\n" for row in rows)).encode()


def table(data: Path, name: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(data / "02_intermediate" / "lending_club.duckdb"), read_only=True) as connection:
        return connection.execute(f"FROM staging.{name}").fetchall()


def test_the_figures_are_those_of_the_oracle(tmp_path: Path) -> None:
    inputs = (DIRTY / "Customer.csv").read_bytes(), (DIRTY / "accounts.csv").read_bytes()
    write_inputs(tmp_path, *inputs)
    run_here(tmp_path, quality={"max_quarantined_share": 1})
    wanted = expected(*inputs)
    assert_report_published(tmp_path, wanted)
    tiers: dict[Decimal, list[Any]] = {D(edge): [0, D(0), D(0), D(0)] for edge in (0, 10000, 20000)}
    sizes: dict[Decimal, list[Any]] = defaultdict(lambda: [0, D(0), D(0)])
    edges = [D(0), *(D(digit) * 10**power for power in range(2, 8) for digit in (1, 5)), D(10) ** 8, D(10) ** 9]
    for _, _, balance, rate, interest, _ in wanted.account_summary:
        for group, more in (
            (tiers[max(edge for edge in tiers if edge <= balance)], [1, balance, interest, balance * rate]),
            (sizes[max(edge for edge in edges if edge <= balance)], [1, balance, interest]),
        ):
            group[:] = [a + b for a, b in zip(group, more, strict=True)]
    assert {row[0]: list(row[3:]) for row in table(tmp_path, "interest_by_tier")} == tiers
    distribution = table(tmp_path, "balance_distribution")
    assert {row[0]: list(row[2:]) for row in distribution if row[2]} == sizes
    assert [row[0] for row in distribution] == sorted(set(edges)), "every size, in order"
    assert [row[1] for row in distribution] == [*sorted(set(edges))[1:], None], "each ends where the next begins"
    loans: dict[bool | None, list[Any]] = defaultdict(lambda: [0, 0, D(0), D(0)])
    for _, _, has_loan, count, balance, interest, _ in wanted.customer_profile:
        loans[has_loan] = [a + b for a, b in zip(loans[has_loan], [1, count, balance, interest], strict=True)]
    assert {row[0]: list(row[1:]) for row in table(tmp_path, "interest_by_loan")} == loans
    rounded = sum((row[2] for row in tiers.values()), D(0))
    unrounded = sum((row[3] for row in tiers.values()), D(0))
    rounded_sum = unrounded.quantize(D("0.01"), ROUND_HALF_UP)
    assert [row[1] for row in cells(tmp_path, "Rounding")][:3] == [f"{rounded:,.2f}", f"{unrounded:,.6f}", f"{rounded_sum:,.2f}"]


def test_what_changed_since_the_last_published_run(tmp_path: Path) -> None:
    write_inputs(tmp_path, CUSTOMERS, accounts("A,1,100.00", "B,2,9999.99", "C,3,10000.00", "D,1,50.00", "E,2,0.00"))
    run_here(tmp_path)
    assert "Nothing was published before this run" in (tmp_path / "08_reporting" / "report.html").read_text()
    # B moves up, C moves up two, D is gone, E has another balance, F and G are new.
    write_inputs(
        tmp_path,
        CUSTOMERS,
        accounts("A,1,100.00", "B,2,10000.00", "C,3,20000.00", "E,2,0.01", "F,1,7.00", "G,3,20000.00"),
    )
    run_here(tmp_path)
    assert cells(tmp_path, "Accounts that have changed") == [
        ["Added", "2", "0.00", "20,007.00"],
        ["Gone", "1", "50.00", "0.00"],
        ["With another balance", "3", "19,999.99", "30,000.01"],
        ["of these in another tier", "2", "19,999.99", "30,000.00"],
    ]
    first, second, third = "0.00 to below 10,000.00", "10,000.00 to below 20,000.00", "20,000.00 and above"
    assert cells(tmp_path, "Accounts that have moved to another tier") == [
        [first, second, "1", "9,999.99", "10,000.00"],
        [second, third, "1", "10,000.00", "20,000.00"],
    ]
    # 1.50 + 100.00 + 150.00 + 0.75 + 0.00, then 1.50 + 150.00 + 400.00 + 0.00 + 0.11 + 400.00
    assert cells(tmp_path, "Totals then and now") == [
        ["Accounts", "5", "6", "+1"],
        ["Balance", "20,149.99", "50,107.01", "+29,957.02"],
        ["Annual interest", "252.25", "951.61", "+699.36"],
        ["New balance", "20,402.24", "51,058.62", "+30,656.38"],
    ]
    run_here(tmp_path)
    assert [row[1] for row in cells(tmp_path, "Accounts that have changed")] == ["0", "0", "0", "0"]
    assert "No account has moved to another tier." in (tmp_path / "08_reporting" / "report.html").read_text()


def test_what_cannot_be_compared_with_is_told_and_stops_nothing(data: Path) -> None:
    assert unchecked_run(data).returncode == 0
    (data / "08_reporting" / "account_summary.parquet").resolve().write_bytes(b"no Parquet")
    ended = unchecked_run(data, "--force")
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"WARNING \S+ comparison +What was published before cannot be compared with: DuckDB", ended.stderr)
    assert "could not be compared with: DuckDB" in (data / "08_reporting" / "report.html").read_text()
    duckdb.execute(f"COPY (SELECT 1 AS other) TO '{(data / '08_reporting' / 'account_summary.parquet').resolve()}'")
    ended = unchecked_run(data, "--force")
    assert ended.returncode == 0 and "cannot be compared with" in ended.stderr


def test_only_quarantined_customers(tmp_path: Path) -> None:
    write_inputs(tmp_path, b"CustomerID,Name,HasLoan\nx,Ada,Yes\n", accounts("A,1,100.00"))
    run_here(tmp_path, quality={"max_quarantined_share": 1})
    page = (tmp_path / "08_reporting" / "report.html").read_text()
    assert "No account earns interest." in page
    assert cells(tmp_path, "Rows in and what became of them") == [
        ["accounts", "1", "0", "0", "1"],
        ["customers", "1", "0", "0", "1"],
    ]


def test_a_run_says_what_it_was_made_of_and_so_does_one_that_only_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "<script>alert(1)<"  # a slash would end the name
    write_inputs(data, CUSTOMERS, accounts("<script>alert(2)</script>,1,100.00"))
    made: list[str] = []
    create = KedroSession.create.__func__  # type: ignore[attr-defined]

    def noted(cls: type[KedroSession], *arguments: Any, **options: Any) -> KedroSession:
        session: KedroSession = create(cls, *arguments, **options)
        made.append(session.session_id)
        return session

    monkeypatch.setattr(KedroSession, "create", classmethod(noted))
    for pipelines in (None, ["reporting"]):
        run_here(data, pipelines)
        page = (data / "08_reporting" / "report.html").read_text()
        assert "<script>alert" not in page
        assert ["Run", made[-1]] in cells(data, "Run and versions")
        for name in ("Customer.csv", "accounts.csv"):
            content = (data / "01_raw" / name).read_bytes()
            assert hashlib.sha256(content).hexdigest() in page
        assert "NOT CHECKED." in page
    assert len(set(made)) == 2


def test_charts_are_entries_of_the_catalog_and_those_of_the_page(data: Path) -> None:
    run_here(data)
    page = (data / "08_reporting" / "report.html").read_text()
    drawn = json.loads(page.split('id="figures">')[1].split("</script>")[0])
    assert set(drawn) == {
        "reconciliation_flow",
        "interest_by_tier",
        "interest_by_loan",
        "balance_distribution",
        "largest_accounts",
    }
    for name, figure in drawn.items():
        assert json.loads((data / "07_model_output" / f"{name}.json").read_text()) == figure


def test_the_macro_and_the_table_name_the_same_sizes() -> None:
    models = Models(PROJECT / "src" / "lending_club" / "pipelines" / "reporting" / "sql")
    macro = re.findall(r"THEN (\d+)|ELSE (\d+)", models.query("account_groups").sql("duckdb"))
    sizes = re.findall(r"\((\d+), (?:\d{3,}|NULL)\)", models.query("balance_distribution").sql("duckdb"))
    assert [first or last for first, last in macro] == sizes
