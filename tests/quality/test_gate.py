"""Every expectation catches what it is there for: a good result, spoiled in one way at a time."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from lending_club.errors import ParameterError
from lending_club.parameters import Expectation, Parameters, read_parameters
from lending_club.publication import Output
from lending_club.quality.checks import age_query, check_tables, fingerprint_query
from lending_club.quality.report import Report
from lending_club.warehouse import Table, TableOutput, close_warehouses, open_warehouse
from tests.conftest import PROJECT, change_scratch, run_here, write_inputs

DIRTY = PROJECT / "tests" / "data" / "dirty"
MARTS = ["account_summary", "customer_profile", "quarantine", "reconciliation", "reconciliation_reasons"]
NAMES = {
    **{name: f"marts.{name}" for name in MARTS},
    **{name: f"staging.{name}" for name in ("customers", "accounts", "rate_tiers", "output_fingerprints", "freshness")},
    "raw_customers": "raw.customers",
    "raw_accounts": "raw.accounts",
}
FORMS = {"account_summary": ["csv", "parquet"], "customer_profile": ["csv", "parquet"]}


def parameters(**changes: object) -> Parameters:
    """The project's own parameters; the dirty set has more quarantined rows than they allow."""
    values: dict[str, Any] = {}
    for path in (PROJECT / "conf" / "base").glob("parameters*.yml"):
        values |= yaml.safe_load(path.read_text())
    values["quality"] |= {"max_quarantined_share": 1, "kept_results": 3, **changes}
    return read_parameters(values)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good result of the dirty set: its scratch database and its published files."""
    data = tmp_path_factory.mktemp("good")
    write_inputs(data, (DIRTY / "Customer.csv").read_bytes(), (DIRTY / "accounts.csv").read_bytes())
    run_here(data, quality={"max_quarantined_share": 1})
    return data


@pytest.fixture
def spoiled(good: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it, to be spoiled."""
    shutil.copytree(good / "08_reporting" / ".current", tmp_path / "published")
    for part in ("", ".candidates"):
        shutil.copy(good / "02_intermediate" / f"lending_club{part}.duckdb", tmp_path / f"scratch{part}.duckdb")
    yield tmp_path
    close_warehouses()


def check(place: Path, hours_ago: int = 1, **changes: object) -> Report:
    """What a run checks, on what stands in ``place`` now."""
    warehouse = open_warehouse({"type": "duckdb", "path": str(place / "scratch.duckdb")})
    tables = {name: Table(warehouse, table) for name, table in NAMES.items()}
    marts = {name: tables[name] for name in MARTS}
    outputs: list[tuple[str, Output | TableOutput]] = []
    for name in MARTS:
        for form in [*FORMS.get(name, ["csv"]), "duckdb"]:
            path = place / "published" / ("lending_club.duckdb" if form == "duckdb" else f"{name}.{form}")
            if path.exists():
                outputs.append((name, Output(path, path, form)))
    warehouse.create_table(tables["output_fingerprints"], fingerprint_query(marts, outputs))
    warehouse.create_table(tables["freshness"], age_query({"accounts": timedelta(hours=hours_ago)}))
    return check_tables(tables, parameters(**changes), place / "data_docs")


def failed(report: Report) -> set[str]:
    return {f"{failure.table}.{failure.name}" for failure in report.failures}


def run_sql(place: Path, sql: str) -> None:
    close_warehouses()
    change_scratch(place / "scratch.duckdb", sql)


S, P, Q, R = "marts.account_summary", "marts.customer_profile", "marts.quarantine", "marts.reconciliation"
CUSTOMERS, ACCOUNTS = "staging.customers", "raw.accounts_records"
ONE = "rowid = (SELECT min(rowid) FROM marts.account_summary)"
OF_ACCOUNTS = "WHERE source = 'accounts'"
# What each mutant does to the scratch database, and the expectation that is there to catch it.
MUTANTS = [
    (
        "account_summary.columns",
        "a swapped column",
        f"CREATE OR REPLACE TABLE {S} AS SELECT account_id, * EXCLUDE account_id FROM {S}",
    ),
    ("account_summary.types", "an amount as floating point", f"ALTER TABLE {S} ALTER annual_interest TYPE DOUBLE"),
    ("account_summary.types", "a wider amount", f"ALTER TABLE {S} ALTER new_balance TYPE DECIMAL(20, 2)"),
    ("account_summary.account_id_is_unique", "a duplicate key", f"INSERT INTO {S} FROM {S} LIMIT 1"),
    ("account_summary.nothing_is_missing", "a null", f"UPDATE {S} SET customer_id = NULL WHERE {ONE}"),
    ("account_summary.nothing_is_missing", "a null amount", f"UPDATE {S} SET annual_interest = NULL WHERE {ONE}"),
    ("account_summary.balance_is_in_range", "a negative balance", f"UPDATE {S} SET original_balance = -0.01 WHERE {ONE}"),
    ("account_summary.balance_is_in_range", "a huge balance", f"UPDATE {S} SET original_balance = 10000000000000 WHERE {ONE}"),
    ("account_summary.rate_is_possible", "an unknown rate", f"UPDATE {S} SET interest_rate = 0.0101 WHERE {ONE}"),
    (
        "account_summary.rate_fits_balance_and_customer",
        "a rate of another tier, with its own interest",
        f"UPDATE {S} SET interest_rate = 0.0200, annual_interest = round(original_balance * 0.0200, 2),"
        f" new_balance = original_balance + round(original_balance * 0.0200, 2) WHERE original_balance < 1000",
    ),
    (
        "account_summary.rate_fits_balance_and_customer",
        "a customer of nobody's",
        f"UPDATE {S} SET customer_id = 424242 WHERE {ONE}",
    ),
    (
        "account_summary.interest_is_rounded_half_up",
        "a cent more",
        f"UPDATE {S} SET annual_interest = annual_interest + 0.01 WHERE {ONE}",
    ),
    (
        "account_summary.interest_is_rounded_half_up",
        "a cent less",
        f"UPDATE {S} SET annual_interest = annual_interest - 0.01 WHERE {ONE}",
    ),
    (
        "account_summary.new_balance_adds_up",
        "a cent lost",
        f"UPDATE {S} SET new_balance = new_balance - 0.01 WHERE {ONE}",
    ),
    ("account_summary.holds_all_eligible_accounts", "a row dropped", f"DELETE FROM {S} WHERE {ONE}"),
    (
        "account_summary.holds_all_eligible_accounts",
        "a cent between two accounts and none",
        f"UPDATE {S} SET original_balance = original_balance + 0.01 WHERE {ONE}",
    ),
    ("customer_profile.columns", "a column renamed", f"ALTER TABLE {P} RENAME has_loan TO loan"),
    ("customer_profile.types", "a count as text", f"ALTER TABLE {P} ALTER account_count TYPE VARCHAR"),
    ("customer_profile.customer_id_is_unique", "a duplicate key", f"INSERT INTO {P} FROM {P} LIMIT 1"),
    ("customer_profile.nothing_is_missing", "a null name", f"UPDATE {P} SET name = NULL WHERE customer_id = 1"),
    (
        "customer_profile.nothing_is_missing",
        "no accounts",
        f"UPDATE {P} SET account_count = 0 WHERE customer_id = 1",
    ),
    ("customer_profile.totals_are_those_of_the_accounts", "a row dropped", f"DELETE FROM {P} WHERE customer_id = 1"),
    (
        "customer_profile.totals_are_those_of_the_accounts",
        "a cent moved between two customers",
        f"UPDATE {P} SET total_balance = total_balance + CASE customer_id WHEN 1 THEN 0.01 ELSE -0.01 END"
        " WHERE customer_id IN (1, 2)",
    ),
    (
        "customer_profile.totals_are_those_of_the_accounts",
        "a new balance that does not add up",
        f"UPDATE {P} SET total_new_balance = total_new_balance + 0.01 WHERE customer_id = 1",
    ),
    ("customer_profile.customer_is_as_cleaned", "a loan forgotten", f"UPDATE {P} SET has_loan = NULL WHERE customer_id = 1"),
    ("customer_profile.customer_is_as_cleaned", "another name", f"UPDATE {P} SET name = 'Ada' WHERE customer_id = 1"),
    ("quarantine.columns", "a column too many", f"ALTER TABLE {Q} ADD COLUMN run_id VARCHAR"),
    ("quarantine.row_is_unique", "a row twice", f"INSERT INTO {Q} FROM {Q} LIMIT 1"),
    ("quarantine.row_is_whole", "a row without reasons", f"UPDATE {Q} SET reasons = [] WHERE line = 9"),
    ("quarantine.row_is_whole", "values lost", f"UPDATE {Q} SET values_read = NULL WHERE line = 9"),
    ("quarantine.row_is_whole", "an unknown source", f"UPDATE {Q} SET source = 'loans' WHERE line = 9"),
    ("quarantine.reasons_are_known", "an unknown reason", f"UPDATE {Q} SET reasons = ['because'] WHERE line = 9"),
    ("reconciliation.columns", "a column dropped", f"ALTER TABLE {R} DROP COLUMN balance_excluded"),
    ("reconciliation.has_both_sources", "a source dropped", f"DELETE FROM {R} WHERE source = 'customers'"),
    (
        "reconciliation.rows_reconcile",
        "a row more",
        f"UPDATE {R} SET rows_excluded = rows_excluded + 1 {OF_ACCOUNTS}",
    ),
    (
        "reconciliation.rows_in_are_those_of_the_files",
        "a row that never came in",
        f"UPDATE {R} SET rows_in = rows_in + 1, rows_published = rows_published + 1 WHERE source = 'customers'",
    ),
    (
        "reconciliation.rows_are_those_of_the_outputs",
        "a row quarantined and not kept",
        f"UPDATE {R} SET rows_quarantined = rows_quarantined + 1, rows_excluded = rows_excluded - 1 {OF_ACCOUNTS}",
    ),
    (
        "reconciliation.balances_reconcile",
        "a cent lost",
        f"UPDATE {R} SET balance_excluded = balance_excluded - 0.01 {OF_ACCOUNTS}",
    ),
    ("reconciliation.balances_reconcile", "a balance forgotten", f"UPDATE {R} SET balance_in = NULL {OF_ACCOUNTS}"),
    (
        "reconciliation.balance_is_that_of_the_output",
        "a cent moved between outcomes",
        f"UPDATE {R} SET balance_published = balance_published - 0.01, balance_excluded = balance_excluded + 0.01",
    ),
    (
        "reconciliation_reasons.counts_are_those_of_the_quarantine",
        "a reason miscounted",
        'UPDATE marts.reconciliation_reasons SET "rows" = "rows" + 1 WHERE reason = \'duplicate_row\'',
    ),
    (
        "reconciliation_reasons.counts_are_those_of_the_quarantine",
        "a reason forgotten",
        "DELETE FROM marts.reconciliation_reasons WHERE reason = 'malformed_row'",
    ),
    (
        "customers.customer_id_is_unique",
        "a customer twice",
        f"INSERT INTO {CUSTOMERS} SELECT * REPLACE (999 AS line) FROM {CUSTOMERS} WHERE line = 2",
    ),
    ("customers.values_are_clean", "a name untrimmed", f"UPDATE {CUSTOMERS} SET name = ' Ada ' WHERE line = 2"),
    ("customers.values_are_clean", "an id out of range", f"UPDATE {CUSTOMERS} SET customer_id = 0 WHERE line = 2"),
    ("accounts.values_are_clean", "a negative balance", f"UPDATE {ACCOUNTS} SET balance = -1 WHERE line = 5"),
    ("accounts.values_are_clean", "a type uncleaned", f"UPDATE {ACCOUNTS} SET account_type = 'savings' WHERE line = 5"),
    ("output_fingerprints.files_and_tables_are_equal", "a row in the table only", f"DELETE FROM {Q} WHERE line = 9"),
]


def test_a_good_result_meets_all_expectations_but_the_warning(spoiled: Path) -> None:
    report = check(spoiled)
    assert report.expectation_count == sum(len(suite) for suite in parameters().expectations.values())
    assert failed(report) == {"reconciliation.share_is_well_below_the_limit"}
    assert report.errors == []


@pytest.mark.parametrize(("expectation", "what", "sql"), MUTANTS, ids=[f"{name}: {what}" for name, what, _ in MUTANTS])
def test_a_mutant_is_caught(spoiled: Path, expectation: str, what: str, sql: str) -> None:
    run_sql(spoiled, sql)
    report = check(spoiled)
    assert expectation in failed(report)
    (failure,) = [each for each in report.failures if f"{each.table}.{each.name}" == expectation]
    assert failure.severity == "error"
    assert "could not be checked" not in failure.found, failure


def test_all_rows_are_counted_and_five_are_shown(spoiled: Path) -> None:
    run_sql(spoiled, f"UPDATE {S} SET new_balance = new_balance + 1")
    (failure,) = [each for each in check(spoiled).failures if each.name == "new_balance_adds_up"]
    assert failure.found == "11 rows do not meet it."
    assert len(failure.examples) == 5
    assert re.fullmatch(r"account_id: .*, original_balance: [0-9.]+, annual_interest: .*, new_balance: .*", failure.examples[0])


def test_the_examples_of_the_documentation_work(spoiled: Path) -> None:
    text = (PROJECT / "docs" / "how-to" / "checks.md").read_text()
    values = parameters().model_dump() | yaml.safe_load(
        text.split("```yaml conf/base/parameters_expectations.yml")[1].split("```")[0]
    )
    assert list(values["expectations"]["account_summary"]) == ["no_giants", "account_id_is_short"]
    warehouse = open_warehouse({"type": "duckdb", "path": str(spoiled / "scratch.duckdb")})
    table = Table(warehouse, "marts.account_summary")
    report = check_tables({"account_summary": table}, read_parameters(values), spoiled / "data_docs")
    assert [str(failure) for failure in report.failures] == [
        "account_summary: No balance is above a million. 1 rows do not meet it.\n"
        "      account_id: A-18, original_balance: 9999999999999.99"
    ]


FILE_MUTANTS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "a cent in the CSV": ("account_summary.csv", lambda data: data.replace(b"10150.00", b"10150.01")),
    "a row lost from the CSV": ("customer_profile.csv", lambda data: data[: data[:-1].rindex(b"\n") + 1]),
    "a reason changed in the CSV": ("quarantine.csv", lambda data: data.replace(b"duplicate_row", b"malformed_row", 1)),
}


@pytest.mark.parametrize("what", FILE_MUTANTS)
def test_a_spoiled_file_is_caught(spoiled: Path, what: str) -> None:
    name, spoil = FILE_MUTANTS[what]
    path = spoiled / "published" / name
    before = path.read_bytes()
    path.write_bytes(spoil(before))
    assert path.read_bytes() != before
    assert "output_fingerprints.files_and_tables_are_equal" in failed(check(spoiled))


def test_a_spoiled_parquet_file_and_table_are_caught(spoiled: Path) -> None:
    with duckdb.connect() as connection:
        path = spoiled / "published" / "account_summary.parquet"
        connection.execute(f"COPY (FROM read_parquet('{path}') OFFSET 1) TO '{path}.new' (FORMAT parquet)")
        Path(f"{path}.new").replace(path)
    assert "output_fingerprints.files_and_tables_are_equal" in failed(check(spoiled))
    close_warehouses()
    with duckdb.connect(str(spoiled / "published" / "lending_club.duckdb")) as connection:
        connection.execute("UPDATE marts.reconciliation SET rows_in = 7")
    (failure,) = [each for each in check(spoiled).errors if each.table == "output_fingerprints"]
    assert failure.found == "2 rows do not meet it."
    assert sorted(failure.examples) == ["table_name: account_summary, versions: 2", "table_name: reconciliation, versions: 2"]


def test_a_missing_output_is_caught(spoiled: Path) -> None:
    (spoiled / "published" / "quarantine.csv").unlink()
    assert "output_fingerprints.all_outputs_are_there" in failed(check(spoiled))


def test_a_stale_run_is_caught(spoiled: Path) -> None:
    assert "freshness.is_recent" not in failed(check(spoiled, hours_ago=24))
    close_warehouses()
    assert "freshness.is_recent" in failed(check(spoiled, hours_ago=25))


def test_every_expectation_has_its_mutant() -> None:
    caught = {name for name, _, _ in MUTANTS} | {
        "output_fingerprints.all_outputs_are_there",
        "freshness.is_recent",
        "reconciliation.share_is_well_below_the_limit",
    }
    assert caught == {f"{table}.{name}" for table, suite in parameters().expectations.items() for name in suite}


def test_suites_follow_the_parameters(spoiled: Path) -> None:
    values = parameters().model_dump()
    values["interest"]["loan_bonus"] = Decimal("0.0051")
    changed = read_parameters(values)
    warehouse = open_warehouse({"type": "duckdb", "path": str(spoiled / "scratch.duckdb")})
    check(spoiled)
    tables = {name: Table(warehouse, table) for name, table in NAMES.items()}
    assert {"account_summary.rate_is_possible", "account_summary.rate_fits_balance_and_customer"} <= failed(
        check_tables(tables, changed, spoiled / "data_docs")
    )


def test_only_the_last_results_are_kept(spoiled: Path) -> None:
    for _ in range(5):
        report = check(spoiled)
    for folder in (".results", "validations"):
        assert len(list((spoiled / "data_docs" / folder / "account_summary").iterdir())) == 3
    index = report.page.read_text()
    pages = {
        path.relative_to(spoiled / "data_docs").as_posix() for path in (spoiled / "data_docs" / "validations").rglob("*.html")
    }
    assert len(pages) == 3 * len(parameters().expectations)
    assert all(page in index for page in pages)


def test_the_site_needs_nothing_from_outside_and_its_links_lead_somewhere(spoiled: Path) -> None:
    run_sql(spoiled, f"UPDATE {S} SET new_balance = 9007199254740993.01, account_id = '<b>' WHERE {ONE}")
    docs = check(spoiled).page.parent
    for page in docs.rglob("*.html"):
        text = page.read_text()
        assert not re.search(r"https?://|<script|url\(", text), page
        for link in re.findall(r'href="([^"#]+)"|href=\'([^\'#]+)\'', text):
            assert (page.parent / (link[0] or link[1])).exists(), (page, link)
    index = (docs / "index.html").read_text()
    assert "The new balance is balance plus interest." in index
    assert "account_id: &lt;b&gt;" in index, "escaped"
    assert "new_balance: 9007199254740993.01" in index, "every digit of an amount"


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        ({"query": "SELECT * FROM {batch} WHERE rate > :limit"}, "expectations.quarantine.new: there is no parameter :limit."),
        ({"query": "SELEC * FROM {batch}"}, "expectations.quarantine.new: "),
        ({"type": "expect_miracles"}, "expectations.quarantine.new: "),
        ({"type": "expect_column_values_to_be_unique", "kwargs": {"colum": "a"}}, "expectations.quarantine.new: "),
    ],
)
def test_an_expectation_that_cannot_be_read_is_named(spoiled: Path, expectation: dict[str, Any], message: str) -> None:
    values = parameters().model_dump()
    values["expectations"] = {"quarantine": {"new": Expectation(says="Something.", **expectation)}}
    warehouse = open_warehouse({"type": "duckdb", "path": str(spoiled / "scratch.duckdb")})
    with pytest.raises(ParameterError) as error:
        check_tables({"quarantine": Table(warehouse, "marts.quarantine")}, read_parameters(values), spoiled / "data_docs")
    assert str(error.value).startswith(message)
    assert "Correct it in parameters_expectations.yml" in str(error.value)
