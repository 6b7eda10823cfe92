"""The job as a person runs it: what it prints, how it fails, what survives."""

from __future__ import annotations

import csv
import os
import random
import re
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from lending_club.errors import ExitCode
from tests.conftest import (
    PROJECT,
    SAMPLE,
    UNCHECKED,
    kedro_command,
    kedro_run,
    run_environment,
    run_here,
    unchecked_run,
    write_inputs,
)
from tests.oracle import expected
from tests.published import assert_published

PUBLISHED = {
    "account_summary.csv",
    "account_summary.parquet",
    "customer_profile.csv",
    "customer_profile.parquet",
    "quarantine.csv",
    "reconciliation.csv",
    "reconciliation_reasons.csv",
    "lending_club.duckdb",
    "report.html",
}
OTHER_CUSTOMERS = b"CustomerID,Name,HasLoan\n7,Grace Hopper,Yes\n"
OTHER_ACCOUNTS = b"AccountID,CustomerID,Balance,AccountType\nX-1,7,500.00,Savings\nX-2,7,12.34,Checking\n"


def contents(data: Path) -> dict[str, bytes]:
    """The published files, byte by byte."""
    return {name: (data / "08_reporting" / name).read_bytes() for name in PUBLISHED}


def wanted_from(data: Path) -> dict[str, bytes]:
    return {name: (data / "01_raw" / name).read_bytes() for name in ("Customer.csv", "accounts.csv")}


def assert_result_of_inputs(data: Path) -> None:
    inputs = wanted_from(data)
    assert_published(data, expected(inputs["Customer.csv"], inputs["accounts.csv"]))


def assert_tidy(data: Path) -> None:
    """No temporary file is left after a run."""
    assert {path.name for path in (data / "08_reporting").iterdir()} - {"data_docs"} == PUBLISHED | {".current", ".versions"}
    assert {path.name for path in (data / "02_intermediate").iterdir()} - {"last_run.json", "last_run"} == {
        "lending_club.duckdb",
        "lending_club.candidates.duckdb",
        "run.lock",
    }
    for version in (data / "08_reporting" / ".versions").iterdir():
        assert {path.name for path in version.iterdir()} == PUBLISHED


def start_run(data: Path, output: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """A run that goes on while the test does."""
    command = kedro_command("run", "--force", *UNCHECKED)
    return subprocess.Popen(command, cwd=PROJECT, env=run_environment(data), stdout=output, stderr=subprocess.STDOUT)


def test_the_sample(data: Path) -> None:
    ended = kedro_run(data)
    assert ended.returncode == 0, ended.stderr
    assert_result_of_inputs(data)
    assert_tidy(data)
    with (data / "08_reporting" / "account_summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert re.search(r"^accounts +10 +8 +2 +0$", ended.stdout, re.MULTILINE), ended.stdout
    total = sum(Decimal(row["annual_interest"]) for row in rows)
    assert re.search(rf"^total annual interest +{total:,}$", ended.stdout, re.MULTILINE), ended.stdout
    assert f"published in {data}/08_reporting" in ended.stdout
    progress = re.findall(r"INFO +\S+ \w+ +(\d+)/(\d+) ", ended.stderr)
    assert [int(step) for step, _ in progress] == list(range(1, int(progress[0][1]) + 1))
    assert not re.search("warning|kedro", ended.stderr, re.IGNORECASE), ended.stderr


def test_the_main_module(data: Path) -> None:
    arguments = [sys.executable, "-m", "lending_club", "--pipelines", "ingestion"]
    ended = subprocess.run(arguments, cwd=PROJECT, env=run_environment(data), capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert "raw_accounts" in ended.stderr


def test_the_pipelines_one_by_one(data: Path) -> None:
    for name in ("ingestion", "transformation", "reporting"):
        assert not (data / "08_reporting").exists()
        run_here(data, [name])
    assert_result_of_inputs(data)
    assert_tidy(data)


def test_a_pipeline_whose_input_was_never_made(data: Path) -> None:
    ended = unchecked_run(data, "--pipelines", "transformation")
    assert ended.returncode == ExitCode.WAREHOUSE
    assert re.fullmatch(
        r"Error: .*Table with name \w+ does not exist! Run the pipelines that come before: kedro run\.\n",
        ended.stderr.splitlines(keepends=True)[-1],
    ), ended.stderr


def test_two_runs_give_the_same_bytes(data: Path) -> None:
    rng = random.Random(1)
    customers = [f"{number},Customer {number},{rng.choice(['Yes', 'No', ''])}" for number in range(1, 20_001)]
    accounts = [
        f"{rng.randrange(10**9):09},{rng.randrange(1, 20_101)},{rng.randrange(5_000_000)}.{rng.randrange(100):02},Savings"
        for _ in range(150_000)
    ]
    header = {"Customer.csv": "CustomerID,Name,HasLoan", "accounts.csv": "AccountID,CustomerID,Balance,AccountType"}
    for name, lines in (("Customer.csv", customers), ("accounts.csv", accounts)):
        (data / "01_raw" / name).write_text("\n".join([header[name], *lines]))
    runs = []
    for _ in range(2):
        run_here(data)
        runs.append({name: content for name, content in contents(data).items() if name.endswith("csv")})
    assert runs[0] == runs[1]
    assert_result_of_inputs(data)


def test_parameters_of_a_run(data: Path) -> None:
    tiers = [{"at_least": 0, "below": 100, "rate": 0}, {"at_least": 100, "rate": "0.1234"}]
    interest = {"tiers": tiers, "loan_bonus": 1, "eligible_account_types": ["Savings", "Checking"]}
    run_here(data, interest=interest)
    inputs = wanted_from(data)
    wanted = expected(
        inputs["Customer.csv"],
        inputs["accounts.csv"],
        [(Decimal(0), Decimal(0)), (Decimal(100), Decimal("0.1234"))],
        Decimal(1),
        ("Savings", "Checking"),
    )
    assert len(wanted.account_summary) == 10
    assert_published(data, wanted)


def test_a_wrong_parameter_stops_before_any_work(data: Path) -> None:
    ended = unchecked_run(data, "--params", "interest.loan_bonus=2,quality.max=1")
    assert ended.returncode == ExitCode.CONFIGURATION
    assert ended.stderr == (
        "Error: Parameters are wrong. Correct them in conf/base/parameters.yml or --params.\n"
        "  - interest.loan_bonus: input should be less than or equal to 1, not 2\n"
        "  - quality.max: there is no such parameter\n"
    )
    assert not (data / "02_intermediate").exists()


@pytest.mark.parametrize(("bad_rows", "is_published"), [(1, True), (2, False)])
def test_the_quarantined_share(data: Path, bad_rows: int, is_published: bool) -> None:
    run_here(data)
    before = contents(data)
    lines = (SAMPLE / "accounts.csv").read_text().splitlines()
    lines[1 : 1 + bad_rows] = [f"B-{number},1001,oops,Savings" for number in range(bad_rows)]
    (data / "01_raw" / "accounts.csv").write_text("\n".join(lines))
    ended = unchecked_run(data)
    assert ended.returncode == (0 if is_published else ExitCode.NOT_AS_EXPECTED)
    if is_published:
        assert_result_of_inputs(data)
    else:
        assert ended.stderr.splitlines()[-1] == (
            "Error: 2 of the 10 rows of accounts are quarantined: 20.0%, and quality.max_quarantined_share allows 10%."
            " Nothing was published. Most frequent reasons: invalid_balance (2 rows). Correct the file, or allow a larger"
            " share with --params quality.max_quarantined_share=..."
        )
        assert contents(data) == before
        assert unchecked_run(data, "--params", "quality.max_quarantined_share=1").returncode == 0
        assert_result_of_inputs(data)


def test_an_input_that_cannot_be_read_leaves_what_is_published(data: Path) -> None:
    run_here(data)
    before = contents(data)
    (data / "01_raw" / "accounts.csv").write_bytes(b"AccountID,CustomerID,Balance\n1,2,3\n")
    ended = unchecked_run(data)
    assert ended.returncode == ExitCode.INPUT
    assert ended.stderr.splitlines()[-1] == (
        f"Error: {data}/01_raw/accounts.csv, line 1: column AccountType is missing."
        " The header reads: AccountID, CustomerID, Balance"
    )
    assert "Traceback" not in ended.stderr + ended.stdout
    assert contents(data) == before


@pytest.mark.parametrize("runner", ["ThreadRunner", "ParallelRunner"])
def test_a_runner_that_cannot_work_is_refused(data: Path, runner: str) -> None:
    ended = unchecked_run(data, "--runner", runner)
    assert ended.returncode == ExitCode.CONFIGURATION
    told = "Error: Steps share one connection to the warehouse, which has its own threads. Leave --runner away."
    assert ended.stderr.splitlines()[2:] == [told]  # after "Run" and "failed"


def test_a_traceback_is_shown_at_debug_level_only(data: Path) -> None:
    (data / "01_raw" / "accounts.csv").unlink()
    assert "Traceback" not in unchecked_run(data).stderr
    assert "Traceback" in unchecked_run(data, LENDING_CLUB_LOG_LEVEL="debug").stderr


def test_columns_that_are_not_used_are_named(data: Path) -> None:
    path = data / "01_raw" / "Customer.csv"
    path.write_text("\n".join(f"{line},x" for line in path.read_text().splitlines()).replace("HasLoan,x", "HasLoan,Branch"))
    ended = unchecked_run(data)
    assert ended.returncode == 0
    assert re.search(rf"WARNING \S+ raw_customers +{path}: columns not used: 'Branch'", ended.stderr)


def test_a_second_run_waits_or_names_the_holder(data: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom lending_club.run_lock import RunLock\n"
        f"lock = RunLock(Path({str(data / '02_intermediate' / 'run.lock')!r})); lock.acquire(0)\n"
        "print('held', flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        ended = unchecked_run(data, "--params", "run.lock_wait_seconds=0.3")
        assert ended.returncode == ExitCode.IN_PROGRESS
        assert re.fullmatch(
            rf"(.*\n){{3}}Error: Another run works on {data}: process {holder.pid} of \S+ on \S+, since \S+\. Waited 0\.3 seconds"
            r" \(run\.lock_wait_seconds\)\. Try again when it has ended\.\n",
            ended.stderr,
        ), ended.stderr
        with start_run(data) as second:
            time.sleep(2)
            assert second.poll() is None, "it waits"
            holder.kill()
            assert second.wait(timeout=60) == 0
    assert_result_of_inputs(data)


def test_a_race(data: Path) -> None:
    commands = [start_run(data, subprocess.PIPE) for _ in range(4)]
    for command in commands:
        output, _ = command.communicate(timeout=120)
        assert command.returncode == 0, output
    assert_result_of_inputs(data)
    assert_tidy(data)


def test_readers_neither_stop_a_run_nor_see_it_change(data: Path) -> None:
    run_here(data)
    query = "SELECT count(*), sum(annual_interest) FROM marts.account_summary"
    code = (
        f"import duckdb, sys\nc = duckdb.connect({str(data / '08_reporting' / 'lending_club.duckdb')!r}, read_only=True)\n"
        f"def look(): print(c.execute({query!r}).fetchone(), flush=True)\n"
        "look(); sys.stdin.readline(); look()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        first = reader.stdout.readline()
        write_inputs(data, OTHER_CUSTOMERS, OTHER_ACCOUNTS)
        for _ in range(2):
            assert unchecked_run(data, "--force").returncode == 0
        assert reader.communicate("\n")[0] == first
    assert_result_of_inputs(data)


def test_a_kill_at_any_moment(data: Path) -> None:
    """Kill runs at random moments: the published set is all old or all new, and the next run needs no help."""
    rng = random.Random(os.environ.get("KILL_SEED", "7"))
    inputs = [((SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes()), (OTHER_CUSTOMERS, OTHER_ACCOUNTS)]
    run_here(data)
    results = []
    for files in (inputs[1], inputs[0]):
        write_inputs(data, *files)
        started = time.monotonic()
        assert unchecked_run(data).returncode == 0
        duration = time.monotonic() - started
        results.append({name: content for name, content in contents(data).items() if name.endswith("csv")})
    for attempt in range(int(os.environ.get("KILLS", "12"))):
        old, new = (results[1], results[0]) if attempt % 2 == 0 else (results[0], results[1])
        write_inputs(data, *inputs[(attempt + 1) % 2])
        with start_run(data) as run:
            time.sleep(rng.uniform(0.4, 1.05) * duration)
            run.send_signal(signal.SIGKILL)
        found = {name: content for name, content in contents(data).items() if name.endswith("csv")}
        assert found in (old, new)
        with duckdb.connect(str(data / "08_reporting" / "lending_club.duckdb"), read_only=True) as connection:
            ((rows,),) = connection.execute("SELECT count(*) FROM marts.account_summary").fetchall()
        assert rows == len(found["account_summary.csv"].splitlines()) - 1, "the table is of the same set as the files"
        assert unchecked_run(data).returncode == 0
        assert_result_of_inputs(data)
        assert_tidy(data)


def test_published_tables_tell_what_they_are(data: Path) -> None:
    run_here(data)
    with duckdb.connect(str(data / "08_reporting" / "lending_club.duckdb"), read_only=True) as connection:
        untold = "SELECT table_name FROM duckdb_tables() WHERE comment IS NULL"
        assert connection.execute(untold).fetchall() == []
        assert connection.execute(f"{untold.replace('tables', 'columns')} AND schema_name = 'marts'").fetchall() == []
        told = "SELECT comment FROM duckdb_columns() WHERE table_name = 'account_summary' AND column_name = 'annual_interest'"
        assert connection.execute(told).fetchall() == [("Balance times rate, rounded half up to cents.",)]
