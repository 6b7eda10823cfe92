"""The whole job with Databricks as the warehouse: the unmodified connector against a server that speaks its protocol."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from lending_club.errors import ExitCode
from lending_club.warehouse import Table, TableOutput
from lending_club.warehouse.databricks import DatabricksWarehouse
from lending_club.warehouse.duckdb_database import DuckDBDatabase
from lending_club.warehouse.models import values_query
from tests.conftest import PROJECT, kedro, kedro_command, run_environment, run_here, write_inputs
from tests.databricks import Reader, assert_tables_published, reader
from tests.lineage.conftest import job_events, kinds, read_events
from tests.oracle import ACCOUNT_COLUMNS, CUSTOMER_COLUMNS, FileFaultError, expected
from tests.published import COLUMNS, assert_files_published, assert_report_published
from tests.test_contract import ACCOUNT, CUSTOMER, csv_file
from tests.warehouse.conftest import CLIENT_ID, CLIENT_SECRET
from tests.warehouse.server_process import ServerProcess

DIRTY = PROJECT / "tests" / "data" / "dirty"
PUBLISHED, STAGING, RAW = "workspace.default", "workspace.lending_club_staging", "workspace.lending_club_raw"
FILES_VOLUME = "/Volumes/workspace/default/files"
LINEAGE = "lineage.ndjson"
ALL_ALLOWED = "quality.max_quarantined_share=1"
# The tables on the way, by their names in DuckDB's scratch database.
STEPS = {
    "raw.customers": f"{RAW}.customers",
    "raw.accounts": f"{RAW}.accounts",
    **{
        f"staging.{name}": f"{STAGING}.{name}"
        for name in (
            "dirty_customers",
            "dirty_accounts",
            "stg_customers",
            "stg_accounts",
            "customer_reasons",
            "account_reasons",
            "customers",
            "accounts",
            "rate_tiers",
            "reconciliation_counts",
            "refused_balances",
        )
    },
    **{f"marts.{name}": f"{STAGING}.{name}" for name in COLUMNS},
}


pytestmark = pytest.mark.usefixtures("logged_in")


def prod_run(data: Path, *arguments: str, command: str = "run", **extra: str) -> subprocess.CompletedProcess[str]:
    """``kedro run --env prod`` as a process of its own; all of the dirty set may be quarantined."""
    parameters = ["--params", ALL_ALLOWED] if command == "run" else []
    return kedro(data, command, "--env", "prod", *parameters, *arguments, **extra)


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    write_inputs(tmp_path / "data", (DIRTY / "Customer.csv").read_bytes(), (DIRTY / "accounts.csv").read_bytes())
    return tmp_path / "data"


def wanted_of_dirty() -> Any:
    return expected((DIRTY / "Customer.csv").read_bytes(), (DIRTY / "accounts.csv").read_bytes())


def assert_all_tables_equal(data: Path, warehouse: Reader) -> int:
    """Compare every table of a run on DuckDB with that of the run on Databricks; return the number of rows."""
    count = 0
    with DuckDBDatabase(data / "02_intermediate" / "lending_club.duckdb").reading() as connection:
        for here, there in STEPS.items():
            cursor = connection.execute(f"FROM {here}")
            columns = [column[0] for column in cursor.description or ()]
            ours = Counter(map(repr, map(_comparable, cursor.fetchall())))
            names = ", ".join(f"`{column}`" for column in columns)
            theirs = Counter(map(repr, map(_comparable, warehouse.execute(f"SELECT {names} FROM {there}"))))
            assert theirs == ours, here
            count += ours.total()
    return count


def _comparable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(list(value) if isinstance(value, (list, tuple)) else value for value in row)


@pytest.fixture(scope="module")
def published(warehouse: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The data directory of a run on the dirty set, and what the run said."""
    data = tmp_path_factory.mktemp("published")
    write_inputs(data, (DIRTY / "Customer.csv").read_bytes(), (DIRTY / "accounts.csv").read_bytes())
    settings = {**warehouse.environment(), "LENDING_CLUB_FILES_VOLUME": FILES_VOLUME, "LENDING_CLUB_LINEAGE": str(data / LINEAGE)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        with reader() as reading:
            reading.execute("CREATE VOLUME IF NOT EXISTS workspace.default.files")
    done = prod_run(data, **settings)
    assert done.returncode == 0, done.stderr
    return data, done.stdout


def test_the_dirty_set_gives_what_it_gives_on_duckdb(published: tuple[Path, str], tmp_path: Path) -> None:
    data, told = published
    assert re.search(r"3[45] of 35 expectations met", told)  # one warns of the many quarantined rows
    assert_files_published(data, wanted_of_dirty())
    assert_report_published(data, wanted_of_dirty())
    assert "Databricks SQL" in (data / "08_reporting" / "report.html").read_text()
    shutil.copytree(data / "01_raw", tmp_path / "01_raw")
    run_here(tmp_path, quality={"max_quarantined_share": 1})
    for path in (tmp_path / "08_reporting").glob("*.csv"):
        assert path.read_bytes() == (data / "08_reporting" / path.name).read_bytes(), path.name
    with reader() as warehouse:
        assert_tables_published(warehouse, PUBLISHED, wanted_of_dirty())
        assert_all_tables_equal(tmp_path, warehouse)
        assert warehouse.execute(f"LIST '/Volumes/{RAW.replace('.', '/')}/landing'") == []


def test_the_lineage_leads_to_the_published_tables(published: tuple[Path, str]) -> None:
    events = read_events(published[0] / LINEAGE)
    assert len(events) == 96
    assert kinds(events, "lending_club") == ["START", "COMPLETE"]
    (made,) = job_events(events, "lending_club.account_summary")[-1]["outputs"]
    (output,) = job_events(events, "lending_club.account_summary_marts")[-1]["outputs"]
    assert {each["namespace"] for each in (made, output)} == {"databricks://localhost"}
    assert [each["name"] for each in (made, output)] == [f"{STAGING}.account_summary", f"{PUBLISHED}.account_summary"]
    assert output["facets"]["schema"]["fields"][4] == {
        "name": "annual_interest",
        "type": "decimal(18,2)",
        "description": "Balance times rate, rounded half up to cents.",
        "ordinal_position": 5,
    }
    rows = wanted_of_dirty().account_summary
    metrics = output["facets"]["dataQualityMetrics"]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == metrics["rowCount"] == len(rows)
    assert metrics["columnMetrics"]["annual_interest"]["sum"] == sum(row[4] for row in rows)
    rate = made["facets"]["columnLineage"]["fields"]["interest_rate"]["inputFields"]
    assert [(each["name"], each["field"]) for each in rate] == [
        (f"{STAGING}.customers", "has_loan"),
        (f"{STAGING}.rate_tiers", "rate"),
    ]
    engine = job_events(events, "lending_club.account_summary")[-1]["run"]["facets"]["processing_engine"]
    assert engine["name"] == "Databricks SQL"
    assert os.environ["DATABRICKS_TOKEN"] not in (published[0] / LINEAGE).read_text()


def test_published_tables_have_comments_and_files_are_copied_to_a_volume(published: tuple[Path, str]) -> None:
    data, _ = published
    with reader() as warehouse:
        described = {row[0]: row for row in warehouse.execute(f"DESCRIBE TABLE EXTENDED {PUBLISHED}.account_summary")}
        assert described["Comment"][1] == "What each eligible account earns in a year, one row an account."
        assert described["annual_interest"][2] == "Balance times rate, rounded half up to cents."
        copies = sorted(row[1] for row in warehouse.execute(f"LIST '{FILES_VOLUME}'"))
        assert copies == sorted(
            path.name for path in (data / "08_reporting").iterdir() if path.suffix in (".csv", ".parquet", ".html")
        )
        copied = warehouse.execute(f"SELECT sum(annual_interest) FROM parquet.`{FILES_VOLUME}/account_summary.parquet`")
        assert copied == [(sum(row[4] for row in wanted_of_dirty().account_summary),)]


def test_a_run_on_the_same_is_left_out_with_few_statements(warehouse: ServerProcess, published: tuple[Path, str]) -> None:
    data, told = published
    settings = {"LENDING_CLUB_FILES_VOLUME": FILES_VOLUME}
    warehouse.clear()
    done = prod_run(data, **settings)
    assert "left out" in done.stderr
    assert done.stdout == told
    assert len(warehouse.statements()) <= 11
    with reader() as reading:
        reading.execute(f"ALTER TABLE {PUBLISHED}.quarantine SET TBLPROPERTIES ('touched' = 'yes')")
    warehouse.clear()
    again = prod_run(data, **settings)
    assert "Changed since" in again.stderr and ": what was published" in again.stderr
    assert len(warehouse.statements()) <= 165


def test_what_is_published_can_be_validated(published: tuple[Path, str]) -> None:
    done = prod_run(published[0], command="validate")
    assert done.returncode == 0, done.stderr
    assert "28 expectations" in done.stdout


def test_the_gate_stops_a_result_that_was_spoiled_in_the_warehouse(published: tuple[Path, str]) -> None:
    with reader() as warehouse:
        ((account,),) = warehouse.execute(f"SELECT min(account_id) FROM {STAGING}.account_summary")
        change = "annual_interest = annual_interest + 0.01, new_balance = new_balance + 0.01"
        warehouse.execute(f"UPDATE {STAGING}.account_summary SET {change} WHERE account_id = '{account}'")
        done = prod_run(published[0], "--pipelines", "reporting")
        assert done.returncode == ExitCode.NOT_AS_EXPECTED
        assert "account_summary: Annual interest is balance times rate" in done.stderr
        assert "1 rows do not meet it" in done.stderr
        assert_tables_published(warehouse, PUBLISHED, wanted_of_dirty())
    assert_files_published(published[0], wanted_of_dirty())


@settings(
    max_examples=30 if "HYPOTHESIS_PROFILE" in os.environ else 2,
    phases=[Phase.explicit, Phase.generate],  # each example takes half a minute: too long to look for a smaller one
    suppress_health_check=list(HealthCheck),
)
@given(
    customers=csv_file(CUSTOMER_COLUMNS, CUSTOMER, row_count=60),
    accounts=csv_file(ACCOUNT_COLUMNS, ACCOUNT, row_count=200),
)
def test_generated_files_give_what_they_give_on_duckdb(
    tmp_path_factory: pytest.TempPathFactory, customers: bytes, accounts: bytes
) -> None:
    try:
        wanted = expected(customers, accounts)
    except FileFaultError:
        return  # refused by the same reader before any table is made
    note(f"Customer.csv: {customers!r}")
    note(f"accounts.csv: {accounts!r}")
    data = tmp_path_factory.mktemp("generated")
    write_inputs(data, customers, accounts)
    run_here(data, ["ingestion", "transformation"])
    run_here(data, ["ingestion", "transformation"], env="prod", quality={"max_quarantined_share": 1})
    with reader() as warehouse:
        assert_tables_published(warehouse, STAGING, wanted)
        print(f"held against DuckDB's: {assert_all_tables_equal(data, warehouse):,} rows of all tables")


# One for each part of a run; all of them pass.
MANY_FAULTS: list[dict[str, Any]] = [
    {"do": "starting", "seconds": 3, "on": "OpenSession"},
    {"do": "status", "code": 503, "on": "put"},
    {"do": "lose_session", "on": "ExecuteStatement", "matching": "customer_reasons"},
    {"do": "status", "code": 429, "retry_after": 1, "on": "ExecuteStatement", "matching": "stg_accounts"},
    {"do": "cut_after", "on": "ExecuteStatement", "matching": "CREATE OR REPLACE TABLE .*customer_profile"},
    {"do": "status", "code": 503, "on": "cloudfetch"},
]


def test_a_run_that_fails_or_is_killed_leaves_what_is_published_and_is_simply_run_again(
    warehouse: ServerProcess, dirty: Path
) -> None:
    with reader() as reading:
        reading.execute(f"CREATE OR REPLACE TABLE {PUBLISHED}.account_summary AS SELECT 'as it was' AS text")
        warehouse.faults(
            [{"do": "fail", "on": "ExecuteStatement", "matching": "TABLE .*customer_profile", "message": "[BOOM] broke"}]
        )
        failed = prod_run(dirty)
        assert failed.returncode == ExitCode.WAREHOUSE
        assert re.search(r"Error: Databricks: \[BOOM\] broke.* Tried once in 0 s: CREATE OR REPLACE TABLE", failed.stderr)
        assert "Traceback" not in failed.stderr
        assert reading.execute(f"SELECT * FROM {PUBLISHED}.account_summary") == [("as it was",)]

        warehouse.faults([{"do": "delay", "seconds": 30, "on": "ExecuteStatement", "matching": "read_files"}])
        with started(*kedro_command("run", "--env", "prod"), env=run_environment(dirty)) as process:
            _await(lambda: any(warehouse.applied_faults()))
            process.kill()
        assert reading.execute(f"LIST '/Volumes/{RAW.replace('.', '/')}/landing'") != [], "killed too late"
        warehouse.clear()
        warehouse.cloud_fetch(1)
        warehouse.faults(MANY_FAULTS)
        again = prod_run(dirty)
        assert again.returncode == 0, again.stderr
        assert all(warehouse.applied_faults()), warehouse.applied_faults()
        assert "Trying again" in again.stderr
        assert_files_published(dirty, wanted_of_dirty())
        assert_tables_published(reading, PUBLISHED, wanted_of_dirty())
        assert reading.execute(f"LIST '/Volumes/{RAW.replace('.', '/')}/landing'") == []


@contextmanager
def started(*command: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that takes Ctrl-C even where this one was started in the background, and that ends with the test."""
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_ctrl_c_ends_a_run_at_once(warehouse: ServerProcess, dirty: Path) -> None:
    warehouse.faults([{"do": "delay", "seconds": 20, "on": "ExecuteStatement", "matching": "stg_accounts"}])
    with started(*kedro_command("run", "--env", "prod"), env=run_environment(dirty)) as process:
        _await(lambda: any(warehouse.applied_faults()))
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "Traceback" not in told
    assert told.endswith("Aborted!\n")


def test_ctrl_c_cancels_the_running_statement(warehouse: ServerProcess) -> None:
    """Of a process that has nothing but a session, so that the statement can be a long one."""
    script = f"""
from lending_club.warehouse.databricks_session import DatabricksSession
session = DatabricksSession({STAGING.partition(".")[0]!r}, patience_seconds=600, cloud_fetch=True)
session.execute("SELECT count(*) AS forever FROM range(100000000000) WHERE id % 7 = 3")
"""
    with started(sys.executable, "-c", script) as process:
        _await(lambda: warehouse.requests().get("GetOperationStatus", 0) > 0)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert warehouse.requests()["CancelOperation"] == 1
    (record,) = [record for record in warehouse.statement_records() if "forever" in record["statement"]]
    assert record["state"] == "CANCELED"


def test_a_reader_sees_no_gap_and_no_mixture_during_twenty_publishes(tmp_path: Path) -> None:
    databricks = DatabricksWarehouse(STAGING, f"{RAW}.landing", tmp_path / "transfer.duckdb")
    published = Table(databricks, f"{PUBLISHED}.polled")
    candidates = []
    for version in range(2):
        comments = {"version": "Which one."}
        candidate = Table(databricks, f"{STAGING}.polled_{version}", comment="Polled.", column_comments=comments)
        rows = [{"version": version, "part": part} for part in range(10)]
        databricks.create_table(candidate, values_query(rows, {"version": "INT", "part": "INT"}))
        candidates.append(candidate)
    TableOutput(published, candidates[0]).publish()
    seen: list[list[tuple[Any, ...]]] = []
    ended = threading.Event()

    def poll() -> None:
        with reader() as reading:
            while not ended.is_set():
                seen.append(reading.execute(f"SELECT version, part FROM {PUBLISHED}.polled ORDER BY part"))

    with reader() as reading, ThreadPoolExecutor() as pool:
        reading.execute(f"GRANT SELECT ON TABLE {PUBLISHED}.polled TO `analysts`")
        polling = pool.submit(poll)
        try:
            for number in range(1, 21):
                TableOutput(published, candidates[number % 2]).publish()
        finally:
            ended.set()
        polling.result()
        for found in seen:
            assert [part for _, part in found] == list(range(10))
            assert len({version for version, _ in found}) == 1
        versions = [found[0][0] for found in seen]
        switches = sum(before != after for before, after in pairwise(versions))
        assert switches > 10, "too few looks to mean anything"
        assert any("analysts" in row for row in reading.execute(f"SHOW GRANTS ON TABLE {PUBLISHED}.polled"))
        assert len(reading.execute(f"DESCRIBE HISTORY {PUBLISHED}.polled")) >= 21
        assert ("version", "int", "Which one.") in reading.execute(f"DESCRIBE TABLE {PUBLISHED}.polled")
    databricks.close()


def test_a_service_principal_may_log_in(warehouse: ServerProcess, dirty: Path) -> None:
    given = {
        "DATABRICKS_TOKEN": "",
        "DATABRICKS_CLIENT_ID": CLIENT_ID,
        "DATABRICKS_CLIENT_SECRET": CLIENT_SECRET,
    }
    done = prod_run(dirty, command="doctor", **given)
    assert done.returncode == 0, done.stderr
    assert "All is well" in done.stdout
    assert "service principal" in done.stdout


def test_settings_come_from_files_too(warehouse: ServerProcess, dirty: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(PROJECT / "conf", project / "conf")
    given = warehouse.environment()
    (project / "conf" / "local").mkdir(exist_ok=True)
    (project / "conf" / "local" / "credentials.yml").write_text(
        f"databricks:\n  host: {given['DATABRICKS_HOST']}\n  http_path: /wrong\n  token: {given['DATABRICKS_TOKEN']}\n"
    )
    (project / ".env").write_text(f"DATABRICKS_HTTP_PATH={given['DATABRICKS_HTTP_PATH']}\n")
    unset = dict.fromkeys(("DATABRICKS_HOST", "DATABRICKS_HTTP_PATH", "DATABRICKS_TOKEN"), "")
    done = prod_run(dirty, "--conf-source", str(project / "conf"), command="doctor", **unset)
    assert done.returncode == 0, done.stderr


def _await(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


SECRET = "dapi-5ecret-0f-the-leak-test"


# What goes wrong, the settings that do it, the server's faults, and what the message names.
WRONG: dict[str, tuple[dict[str, str], list[dict[str, Any]], str]] = {
    "no host": ({"DATABRICKS_HOST": ""}, [], "DATABRICKS_HOST"),
    "no path": ({"DATABRICKS_HTTP_PATH": ""}, [], "DATABRICKS_HTTP_PATH"),
    "no token": ({"DATABRICKS_TOKEN": ""}, [], "DATABRICKS_TOKEN"),
    "half a service principal": ({"DATABRICKS_TOKEN": "", "DATABRICKS_CLIENT_SECRET": SECRET}, [], "DATABRICKS_CLIENT_ID"),
    "an unknown host": ({"DATABRICKS_HOST": "no-such-host.invalid"}, [], "DATABRICKS_HOST"),
    "nobody listens": ({"DATABRICKS_HOST": "localhost:1"}, [], "DATABRICKS_HOST"),
    "a wrong path": ({"DATABRICKS_HTTP_PATH": "/sql/nothing"}, [], "DATABRICKS_HTTP_PATH"),
    "a path that is none": ({"DATABRICKS_HTTP_PATH": "sql"}, [], "DATABRICKS_HTTP_PATH"),
    "a wrong token": ({"DATABRICKS_TOKEN": SECRET}, [], "DATABRICKS_TOKEN"),
    "a token with a line break": ({"DATABRICKS_TOKEN": f"{SECRET}\nx"}, [], "DATABRICKS_TOKEN"),
    "a wrong secret": (
        {"DATABRICKS_TOKEN": "", "DATABRICKS_CLIENT_ID": "someone", "DATABRICKS_CLIENT_SECRET": SECRET},
        [],
        "DATABRICKS_CLIENT_ID",
    ),
    "a certificate of nobody's": ({"SSL_CERT_FILE": "", "REQUESTS_CA_BUNDLE": ""}, [], "SSL_CERT_FILE"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_setting_is_named_in_seconds_and_no_secret_is_told(warehouse: ServerProcess, dirty: Path, wrong: str) -> None:
    given, rules, named = WRONG[wrong]
    warehouse.faults(rules)
    started = time.monotonic()
    done = prod_run(dirty, LENDING_CLUB_LOG_LEVEL="DEBUG", **given)
    assert time.monotonic() - started < 20
    assert done.returncode in (ExitCode.CONFIGURATION, ExitCode.WAREHOUSE)
    message = done.stderr[done.stderr.rindex("Error: Databricks") :]
    assert named in message
    assert len(message.strip().splitlines()) == 1
    for secret in (SECRET, warehouse.token, CLIENT_SECRET):
        assert secret not in done.stdout + done.stderr
    assert not (dirty / "08_reporting").exists()
    assert not any("CREATE" in statement for statement in warehouse.statements())


def test_no_secret_is_kept_anywhere(warehouse: ServerProcess, dirty: Path) -> None:
    """After a run that fails half-way with its token expired, at the most talkative log level."""
    warehouse.faults([{"do": "expire_token", "on": "ExecuteStatement", "matching": "account_reasons", "times": 1}])
    done = prod_run(dirty, LENDING_CLUB_LOG_LEVEL="DEBUG")
    assert done.returncode == ExitCode.WAREHOUSE
    assert "DATABRICKS_TOKEN" in done.stderr
    told = done.stdout + done.stderr + "".join(warehouse.statements())
    assert warehouse.token not in told
    for path in [*dirty.rglob("*"), *(PROJECT / "conf").rglob("*"), *(PROJECT / "sessions").rglob("*")]:
        if path.is_file():
            assert warehouse.token.encode() not in path.read_bytes(), path


def test_what_is_not_permitted_is_told_with_what_to_do(warehouse: ServerProcess, dirty: Path) -> None:
    warehouse.deny(["CREATE OR REPLACE TABLE .*default"])
    done = prod_run(dirty, command="doctor")
    assert done.returncode == ExitCode.WAREHOUSE
    assert "ok  load a file" in done.stdout
    assert "PERMISSION_DENIED" in done.stderr
    assert "docs/how-to/databricks.md" in done.stderr
