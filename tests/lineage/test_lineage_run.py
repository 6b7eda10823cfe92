"""What real runs tell."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lending_club.lineage.names import run_uuid
from tests.conftest import PROJECT, kedro_run, run_environment, run_killed_at, unchecked_run
from tests.lineage.conftest import Event, LineageServer, job_events, kinds, read_events, slow

RUN = "lending_club"
DIRTY = PROJECT / "tests" / "data" / "dirty"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lineage.ndjson"


@pytest.fixture
def to(file: Path) -> dict[str, str]:
    return {"LENDING_CLUB_LINEAGE": str(file)}


def end_of(events: list[Event], step: str) -> Event:
    """The last event of a step's job."""
    return job_events(events, f"{RUN}.{step}")[-1]


def outputs(events: list[Event]) -> dict[str, dict[str, Any]]:
    """Each output by its name, without the part before its directory."""
    return {output["name"].rpartition("/")[2]: output for event in events for output in event.get("outputs", [])}


def made_of(output: dict[str, Any]) -> dict[str, set[tuple[str, str]]]:
    fields = output["facets"]["columnLineage"]["fields"]
    return {
        column: {(each["name"].rpartition("/")[2], each["field"]) for each in read["inputFields"]}
        for column, read in fields.items()
    }


def test_off_unless_set_and_nothing_is_imported(data: Path) -> None:
    script = """
import sys
from tests.conftest import run_here
from pathlib import Path
run_here(Path(sys.argv[1]))
print(*(name for name in sys.modules if name.startswith(("lending_club.lineage.", "openlineage", "sqlglot.lineage"))))
"""
    environment = run_environment(data, PYTHONPATH=str(PROJECT))
    found = subprocess.run([sys.executable, "-c", script, data], env=environment, cwd=PROJECT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[-1] == ""
    assert "ineage" not in found.stderr


def test_a_run_that_is_checked(data: Path, file: Path, to: dict[str, str]) -> None:
    assert kedro_run(data, **to).returncode == 0
    events = read_events(file)
    manifest = json.loads(next((data / "09_runs").glob("2*.json")).read_text())

    # The run is a job, and so is each step that makes a dataset; the steps' parent is the run.
    assert kinds(events, RUN) == ["START", "COMPLETE"]
    assert [events[0], events[-1]] == job_events(events, RUN)
    start, end = job_events(events, RUN)
    assert start["run"]["runId"] == end["run"]["runId"] == run_uuid("lending_club", manifest)
    assert start["run"]["facets"]["nominalTime"]["nominalStartTime"] == f"{manifest['as_of_date']}T00:00:00Z"
    assert {"key": "interest.loan_bonus", "value": "0.0050"} in start["run"]["facets"]["executionParameters"]["parameters"]
    tags = {tag["key"]: tag["value"] for tag in end["run"]["facets"]["tags"]["tags"]}
    assert tags == {"environment": "local", "as_of_date": manifest["as_of_date"], "outcome": "published", "is_published": "true"}
    in_memory = {"approval", "comparison", "report_facts", "run_summary", "published"}
    steps = {step["name"] for step in manifest["steps"] if step["dataset"] not in in_memory}
    assert {event["job"]["name"] for event in events} == {RUN, *(f"{RUN}.{step}" for step in steps)}
    for step in steps:
        assert kinds(events, f"{RUN}.{step}") == ["START", "COMPLETE"], step
        for event in job_events(events, f"{RUN}.{step}"):
            assert event["run"]["facets"]["parent"]["run"]["runId"] == start["run"]["runId"]
            assert event["run"]["facets"]["parent"]["job"] == {"namespace": "lending_club", "name": RUN}
    assert len({event["run"]["runId"] for event in events}) == len(steps) + 1
    times = [event["eventTime"] for event in events]
    assert all(begun["eventTime"] <= ended["eventTime"] for begun, ended in zip(events[1:-1:2], events[2:-1:2], strict=True))
    assert times[-1] == max(times)

    # Every file is a dataset from where it is delivered to where it is published, by one name.
    database, published = f"duckdb://{data}/02_intermediate/lending_club", f"{data}/08_reporting"
    summary = end_of(events, "account_summary")
    assert [(each["namespace"], each["name"]) for each in summary["inputs"]] == [
        (f"{database}.duckdb", f"lending_club.staging.{name}") for name in ("accounts", "customers", "rate_tiers")
    ]
    assert [(each["namespace"], each["name"]) for each in summary["outputs"]] == [
        (f"{database}.candidates.duckdb", "lending_club.marts.account_summary")
    ]
    files = {(each["namespace"], each["name"]) for event in events for each in event.get("outputs", []) if published in str(each)}
    databases = {(f"duckdb://{published}/lending_club.duckdb", f"lending_club.marts.{name}") for name in TABLES}
    assert files == databases | {
        ("file", f"{published}/{path.name}") for path in Path(published).iterdir() if path.suffix in (".csv", ".parquet", ".html")
    }
    made = {(each["namespace"], each["name"]) for event in events for each in event.get("outputs", [])}
    read = {(each["namespace"], each["name"]) for event in events for each in event.get("inputs", [])}
    before = ("file", f"{published}/account_summary.parquet")  # which the report compares with
    assert read - made == {("file", f"{data}/01_raw/{name}") for name in ("Customer.csv", "accounts.csv")}
    assert before in {(each["namespace"], each["name"]) for each in end_of(events, "report")["inputs"]} or before in made

    # What is known of a dataset.
    accounts = data / "01_raw" / "accounts.csv"
    (delivered,) = end_of(events, "raw_accounts")["inputs"]
    assert delivered["inputFacets"]["inputStatistics"]["rowCount"] == 10
    assert delivered["inputFacets"]["inputStatistics"]["size"] == accounts.stat().st_size
    assert delivered["facets"]["version"]["datasetVersion"] == f"sha256:{hashlib.sha256(accounts.read_bytes()).hexdigest()}"
    assert [each["name"] for each in delivered["facets"]["schema"]["fields"]] == [
        "AccountID",
        "CustomerID",
        "Balance",
        "AccountType",
    ]
    assert end_of(events, "account_summary")["run"]["facets"]["processing_engine"]["name"] == "DuckDB"
    assert end_of(events, "account_summary")["job"]["facets"]["sql"]["dialect"] == "duckdb"
    (output,) = summary["outputs"]
    assert output["facets"]["schema"]["fields"][2] == {
        "name": "original_balance",
        "type": "DECIMAL(18,2)",
        "description": "Balance as delivered.",
        "ordinal_position": 3,
    }
    (exported,) = end_of(events, "account_summary_csv")["outputs"]
    statistics = exported["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["size"], statistics["fileCount"]) == (
        8,
        (data / "08_reporting" / "account_summary.csv").stat().st_size,
        1,
    )
    assert exported["facets"]["dataQualityMetrics"] == output["facets"]["dataQualityMetrics"]

    # What was checked.
    told = [
        (dataset["name"].rpartition(".")[2], each["name"], each["severity"], each["success"])
        for dataset in end_of(events, "check")["inputs"]
        if "inputFacets" in dataset
        for each in dataset["inputFacets"]["dataQualityAssertions"]["assertions"]
    ]
    checked = [(each["table"], each["name"], each["severity"], each["is_met"]) for each in manifest["checks"]]
    assert sorted(told) == sorted(checked)
    assert len(told) == 35


TABLES = ("account_summary", "customer_profile", "quarantine", "reconciliation", "reconciliation_reasons")


def test_columns_are_told_from_the_file_to_the_result(data: Path, file: Path, to: dict[str, str]) -> None:
    assert unchecked_run(data, **to).returncode == 0
    events = read_events(file)
    made = outputs(events)
    assert made_of(made["lending_club.raw.accounts"])["balance"] == {("accounts.csv", "Balance")}
    assert made_of(made["lending_club.raw.customers"])["has_loan"] == {("Customer.csv", "HasLoan")}
    assert made_of(made["lending_club.staging.accounts"])["balance"] == {("lending_club.staging.stg_accounts", "balance")}
    balance, rate = ("lending_club.staging.accounts", "balance"), ("lending_club.staging.rate_tiers", "rate")
    loan = ("lending_club.staging.customers", "has_loan")
    (summary,) = end_of(events, "account_summary")["outputs"]
    assert made_of(summary) == {
        "customer_id": {("lending_club.staging.accounts", "customer_id")},
        "account_id": {("lending_club.staging.accounts", "account_id")},
        "original_balance": {balance},
        "interest_rate": {rate, loan},
        "annual_interest": {balance, rate, loan},
        "new_balance": {balance, rate, loan},
    }
    assert made_of(made["account_summary.csv"])["new_balance"] == {("lending_club.marts.account_summary", "new_balance")}
    # Python makes this one: nothing is known of it, and nothing is told.
    assert "columnLineage" not in end_of(events, "reconciliation")["outputs"][0]["facets"]


def test_column_statistics_are_those_of_the_published_rows(with_files: Callable[[bytes, bytes], Path], tmp_path: Path) -> None:
    data, file = with_files((DIRTY / "Customer.csv").read_bytes(), (DIRTY / "accounts.csv").read_bytes()), tmp_path / "l"
    allowed = ("--params", "quality.max_quarantined_share=1")
    assert unchecked_run(data, *allowed, LENDING_CLUB_LINEAGE=str(file)).returncode == 0
    made = outputs(read_events(file))
    for table in ("account_summary", "customer_profile"):
        with (data / "08_reporting" / f"{table}.csv").open(newline="") as published:
            rows = list(csv.DictReader(published))
        metrics = made[f"{table}.csv"]["facets"]["dataQualityMetrics"]
        assert rows
        assert metrics["rowCount"] == len(rows)
        assert set(metrics["columnMetrics"]) == set(rows[0])
        for column, found in metrics["columnMetrics"].items():
            values = [row[column] for row in rows if row[column] != ""]
            assert found["count"] == len(values)
            assert found["nullCount"] == len(rows) - len(values)
            assert found["distinctCount"] == len(set(values))
            if "min" in found:
                numbers = list(map(Decimal, values))
                assert (found["min"], found["max"]) == (min(numbers), max(numbers))
            if "." in values[0] and column != "name":
                assert found["sum"] == sum(map(Decimal, values))
            assert ("sum" in found) == bool(re.fullmatch(r"-?\d+\.\d+", values[0]))


def test_an_amount_has_more_digits_than_a_binary_number(with_files: Callable[[bytes, bytes], Path], tmp_path: Path) -> None:
    count, balance = 3001, Decimal("9999999999999.97")
    accounts = "".join(f"A{number},1,{balance},Savings\n" for number in range(count))
    data = with_files(b"CustomerID,Name,HasLoan\n1,Ada,No\n", f"AccountID,CustomerID,Balance,AccountType\n{accounts}".encode())
    file = tmp_path / "l"
    assert unchecked_run(data, LENDING_CLUB_LINEAGE=str(file)).returncode == 0
    total = balance * count
    assert Decimal(repr(float(total))) != total
    assert f'"sum": {total},' in file.read_text()
    assert (
        outputs(read_events(file))["account_summary.csv"]["facets"]["dataQualityMetrics"]["columnMetrics"]["original_balance"][
            "sum"
        ]
        == total
    )


def test_column_statistics_can_be_left_out(data: Path, tmp_path: Path, file: Path, to: dict[str, str]) -> None:
    shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    settings = tmp_path / "conf" / "base" / "globals.yml"
    settings.write_text(settings.read_text().replace("column_statistics: true", "column_statistics: false"))
    found = unchecked_run(data, "--conf-source", str(tmp_path / "conf"), LENDING_CLUB_LINEAGE_NAMESPACE="bank", **to)
    assert found.returncode == 0
    events = read_events(file)
    assert "dataQualityMetrics" not in file.read_text()
    assert "columnLineage" in file.read_text()
    assert {event["job"]["namespace"] for event in events} == {"bank"}


def test_a_failed_check(data: Path, tmp_path: Path, file: Path, to: dict[str, str]) -> None:
    shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    suites = tmp_path / "conf" / "base" / "parameters_expectations.yml"
    changed = suites.read_text().replace("original_balance >= 10000000000000\n", "original_balance >= 100000\n")
    suites.write_text(changed)
    found = kedro_run(data, "--conf-source", str(tmp_path / "conf"), **to)
    assert found.returncode == 5, found.stdout + found.stderr
    events = read_events(file)
    assert kinds(events, RUN) == ["START", "FAIL"]
    assert kinds(events, f"{RUN}.check") == ["START", "FAIL"]
    for event in (events[-1], end_of(events, "check")):
        assert "1 of 35 expectations are not met" in event["run"]["facets"]["errorMessage"]["message"]
    assert kinds(events, f"{RUN}.account_summary_csv") == []  # it was made, and is not published
    assert not any("08_reporting" in each["name"] for event in events for each in event.get("outputs", []))
    unmet = [
        each
        for dataset in end_of(events, "check")["inputs"]
        if "inputFacets" in dataset
        for each in dataset["inputFacets"]["dataQualityAssertions"]["assertions"]
        if not each["success"]
    ]
    assert [(each["name"], each["actual"]) for each in unmet] == [("balance_is_in_range", "1 rows do not meet it.")]
    rows = [line.strip() for line in found.stderr.splitlines() if line.startswith(" " * 6)]
    assert rows
    assert not any(row in file.read_text() for row in rows)  # they stay on the machine


def test_a_failed_step_and_a_run_that_is_left_out(data: Path, file: Path, to: dict[str, str]) -> None:
    accounts = data / "01_raw" / "accounts.csv"
    delivered = accounts.read_bytes()
    accounts.write_bytes(b"")
    assert unchecked_run(data, **to).returncode == 4
    failed = read_events(file)
    assert kinds(failed, RUN) == ["START", "FAIL"]
    assert kinds(failed, f"{RUN}.raw_accounts") == ["START", "FAIL"]
    assert str(accounts) in failed[-1]["run"]["facets"]["errorMessage"]["message"]
    assert [each["name"] for each in failed[-2]["outputs"]] == ["lending_club.raw.accounts"]

    accounts.write_bytes(delivered)
    assert unchecked_run(data, **to).returncode == 0
    before = len(read_events(file))
    assert unchecked_run(data, **to).returncode == 0
    left_out = read_events(file)[before:]
    assert [(event["job"]["name"], event["eventType"]) for event in left_out] == [(RUN, "START"), (RUN, "COMPLETE")]
    assert {"key": "outcome", "value": "left_out", "source": "lending_club"} in left_out[1]["run"]["facets"]["tags"]["tags"]


def test_a_run_of_one_pipeline(data: Path, file: Path, to: dict[str, str]) -> None:
    assert unchecked_run(data, "--pipelines", "ingestion", **to).returncode == 0
    assert unchecked_run(data, "--pipelines", "transformation", **to).returncode == 0
    events = read_events(file)
    assert kinds(events, "lending_club:ingestion") == ["START", "COMPLETE"]
    (made,) = end_of(events, "dirty_accounts")["outputs"]  # of a table that this run has not made
    assert made_of(made)["account_type"] == {("lending_club.raw.accounts", "account_type")}


def test_a_killed_run_is_told_of_by_the_next(data: Path, lineage_server: LineageServer) -> None:
    settings = {"LENDING_CLUB_LINEAGE": lineage_server.url}
    run_killed_at(9, data, **settings)
    killed = lineage_server.events
    assert kinds(killed, RUN) == ["START"]
    assert all(kinds(killed, job)[1:] in ([], ["COMPLETE"]) for job in {event["job"]["name"] for event in killed} - {RUN})
    assert unchecked_run(data, **settings).returncode == 0
    ended = [event for event in lineage_server.events if event["run"]["runId"] == killed[0]["run"]["runId"]]
    assert [event["eventType"] for event in ended] == ["START", "ABORT"]
    assert kinds(lineage_server.events, RUN) == ["START", "START", "ABORT", "COMPLETE"]


def test_a_run_that_finds_another_one_says_nothing(data: Path, file: Path, to: dict[str, str]) -> None:
    import fcntl

    lock = data / "02_intermediate" / "run.lock"
    lock.parent.mkdir()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert unchecked_run(data, "--params", "run.lock_wait_seconds=0", **to).returncode == 8
    assert file.read_text() == ""


def test_a_server_gets_it_all(data: Path, lineage_server: LineageServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    found = unchecked_run(data, LENDING_CLUB_LINEAGE=lineage_server.url, LENDING_CLUB_LINEAGE_TOKEN_FILE=str(tmp_path / "token"))
    assert found.returncode == 0
    assert "s3cret" not in found.stdout + found.stderr
    assert {authorization for _, authorization, _ in lineage_server.got} == {"Bearer s3cret"}
    assert kinds(lineage_server.events, RUN) == ["START", "COMPLETE"]
    assert f"Lineage goes to {lineage_server.url} as run {lineage_server.events[0]['run']['runId']}" in found.stderr


def silent_server() -> socket.socket:
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen()
    return silent


@pytest.mark.parametrize("fault", ["refused", "silent", "500", "401", "slow", "no such directory", "full", "no address"])
def test_what_is_wrong_there_changes_nothing(data: Path, lineage_server: LineageServer, fault: str) -> None:
    with silent_server() as silent, silent_server() as gone:
        gone_port, silent_port = gone.getsockname()[1], silent.getsockname()[1]
        gone.close()
        lineage_server.answer = {"500": slow(0, 500), "401": slow(0, 401), "slow": slow(1)}.get(fault, slow(0))
        address = {
            "refused": f"http://me:hush@127.0.0.1:{gone_port}",
            "silent": f"http://me:hush@127.0.0.1:{silent_port}",
            "no such directory": "/dev/null/lineage",
            "full": "/dev/full",
            "no address": "ftp://me:hush@127.0.0.1",
        }.get(fault, lineage_server.url.replace("//", "//me:hush@"))
        settings = {"LENDING_CLUB_LINEAGE": address, "LENDING_CLUB_LINEAGE_TOKEN": "s3cret"}
        found = unchecked_run(data, **settings)
        manifest = json.loads(next((data / "09_runs").glob("2*.json")).read_text())
    assert found.returncode == 0, found.stderr
    assert manifest["outcome"] == "published"
    (warning,) = [line for line in found.stderr.splitlines() if "not told, or not whole" in line]
    told = {
        "refused": "connection refused",
        "silent": "lacks 94 of 94 events",
        "500": "it answers 500",
        "401": "it answers 401 Unauthorized: see to LENDING_CLUB_LINEAGE_TOKEN",
        "slow": "it did not take all of them within 5 seconds of the run's end",
        "no such directory": "/dev/null: file exists",
        "full": "no space left on device",
        "no address": "LENDING_CLUB_LINEAGE is neither an address",
    }
    assert told[fault] in warning
    assert not any(secret in found.stdout + found.stderr for secret in ("hush", "s3cret"))
