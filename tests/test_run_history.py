"""The record that every run leaves: its manifest, the tables, and what ``runs`` tells of them."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lending_club.csv_file import CsvFile
from lending_club.errors import ExitCode, HistoryError, InputFileError, ReconciliationError
from lending_club.run_history import Manifest, RunHistory
from lending_club.run_record import RunRecord
from tests.conftest import PROJECT, change_scratch, kedro, kedro_command, kedro_run, run_environment, run_here, unchecked_run

BAD = (b"CustomerID,Name,HasLoan\n1,A,Yes\n", b"AccountID,CustomerID,Balance,AccountType\nX,1,ABC,Savings\n")


def history(data: Path) -> RunHistory:
    return RunHistory(data / "09_runs")


def last(data: Path) -> dict[str, Any]:
    return next(history(data).runs())


def table(data: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(data / "09_runs" / "history.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def kedro_runs(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return kedro(data, "runs", *arguments)


def killed_run(data: Path) -> str:
    """A run that holds its manifest, and is then killed; its id."""
    command = kedro_command("run", "--params", "quality.checks=false,run.lock_wait_seconds=60")
    lock = data / "02_intermediate" / "run.lock"
    lock.parent.mkdir(exist_ok=True)
    with subprocess.Popen(["flock", "--no-fork", str(lock), "sleep", "60"]) as holder:
        with subprocess.Popen(command, cwd=PROJECT, env=run_environment(data), stderr=subprocess.DEVNULL) as run:
            known = set(history(data).ids())
            deadline = time.monotonic() + 60
            while not (new := set(history(data).ids()) - known):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert last(data)["outcome"] == "running"
            run.kill()
        holder.send_signal(signal.SIGKILL)
    return new.pop()


def test_a_run_is_told_whole(data: Path) -> None:
    assert kedro_run(data, "--params", "run.as_of_date=2026-01-30").returncode == 0
    run = last(data)
    assert (run["outcome"], run["is_published"], run["exit_code"], run["error"]) == ("published", True, 0, None)
    assert (run["as_of_date"], run["environment"], run["pipelines"]) == ("2026-01-30", "local", ["__default__"])
    assert run["parameters"]["interest"]["loan_bonus"] == "0.0050"
    accounts = data / "01_raw" / "accounts.csv"
    (told,) = [file for file in run["inputs"] if file["name"] == "accounts_csv"]
    assert (told["path"], told["size_bytes"]) == (str(accounts), accounts.stat().st_size)
    assert told["sha256"] == CsvFile(accounts, ()).sha256
    steps = {step["name"]: step for step in run["steps"]}
    assert (steps["account_summary"]["rows"], steps["account_summary"]["pipeline"]) == (8, "transformation")
    assert all(step["outcome"] == "done" and step["seconds"] > 0 for step in run["steps"])
    (found,) = [row for row in run["reconciliation"] if row["source"] == "accounts"]
    assert (found["rows_in"], found["rows_published"], found["rows_excluded"]) == (10, 8, 2)
    assert isinstance(found["balance_published"], str)
    assert run["total_interest"] == "5102.37"
    assert len(run["checks"]) == 35
    assert all(check["is_met"] for check in run["checks"])
    assert {"Engine", "Great Expectations"} <= set(run["versions"])
    ((run_id, total, checks, as_of),) = table(data, "SELECT run_id, total_interest, checks, as_of_date::VARCHAR FROM ops.runs")
    assert (run_id, total, checks, as_of) == (run["run_id"], Decimal("5102.37"), 35, "2026-01-30")
    assert table(data, "SELECT count(*), max(number) FROM ops.steps") == [(len(steps), len(steps))]


def test_outcomes(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert unchecked_run(data).returncode == 0
    assert unchecked_run(data).returncode == 0
    assert unchecked_run(data, "--pipelines", "ingestion").returncode == 0
    assert unchecked_run(data, "--params", "interest.loan_bonus=2").returncode == ExitCode.CONFIGURATION
    (data / "01_raw" / "accounts.csv").unlink()
    assert unchecked_run(data).returncode == ExitCode.INPUT
    runs = list(history(data).runs())
    assert [(run["outcome"], run["exit_code"], run["is_published"]) for run in runs] == [
        ("failed", 4, False),
        ("failed", 3, False),
        ("done", 0, False),
        ("left_out", 0, False),
        ("published", 0, True),
    ]
    assert runs[0]["error"]["type"] == "InputFileError"
    assert runs[0]["error"]["step"] == "raw_accounts"
    assert runs[0]["steps"][-1]["outcome"] == "failed"
    assert {file["name"]: file["size_bytes"] is None for file in runs[0]["inputs"]} == {
        "accounts_csv": True,
        "customers_csv": False,
    }
    assert sorted(table(data, "SELECT run_id FROM ops.runs")) == [(run["run_id"],) for run in reversed(runs)]


def test_a_refusal_keeps_its_figures(with_files: Callable[[bytes, bytes], Path]) -> None:
    data = with_files(*BAD)
    with pytest.raises(ReconciliationError):
        run_here(data)
    run = last(data)
    assert (run["outcome"], run["exit_code"], run["error"]["step"]) == ("failed", 5, "approve")
    assert run["reasons"] == [{"source": "accounts", "reason": "invalid_balance", "rows": 1}]


def test_a_failed_check_is_named(data: Path) -> None:
    run_here(data)
    spoil = "UPDATE marts.account_summary SET new_balance = new_balance + 1"
    change_scratch(data / "02_intermediate" / "lending_club.duckdb", spoil)
    assert kedro_run(data, "--pipelines", "reporting").returncode == ExitCode.NOT_AS_EXPECTED
    not_met = {f"{check['table']}.{check['name']}" for check in last(data)["checks"] if not check["is_met"]}
    assert "account_summary.new_balance_adds_up" in not_met
    assert table(data, "SELECT checks_not_met FROM ops.runs ORDER BY run_id")[-1] == (len(not_met),)


def test_a_killed_run_is_told(data: Path) -> None:
    run_id = killed_run(data)
    assert [(run["run_id"], run["outcome"], run["exit_code"]) for run in history(data).runs()] == [(run_id, "killed", None)]
    ended = unchecked_run(data)
    assert ended.returncode == 0
    assert f"The run {run_id} was killed" in ended.stderr
    assert json.loads((data / "09_runs" / f"{run_id}.json").read_text())["outcome"] == "killed"
    assert table(data, "SELECT outcome FROM ops.runs ORDER BY run_id") == [("killed",), ("published",)]
    assert "was killed" not in unchecked_run(data).stderr


def test_the_tables_catch_up(data: Path) -> None:
    run_here(data)
    with duckdb.connect(str(data / "09_runs" / "history.duckdb")):
        ended = unchecked_run(data, "--force")
    assert ended.returncode == 0
    assert "tables of the history cannot be written" in ended.stderr
    assert unchecked_run(data, "--force").returncode == 0
    assert table(data, "SELECT count(*) FROM ops.runs") == [(3,)]
    assert table(data, "SELECT count(DISTINCT run_id), count(*) % 3 FROM ops.steps") == [(3, 0)]


def test_a_history_that_is_no_database_is_left_as_it_is(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    (data / "09_runs").mkdir()
    (data / "09_runs" / "history.duckdb").write_text("precious")
    run_here(data)
    assert "tables of the history cannot be written" in caplog.text
    assert (data / "09_runs" / "history.duckdb").read_text() == "precious"
    assert last(data)["outcome"] == "published"


def test_a_directory_that_cannot_be_written_stops_nothing(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    (data / "09_runs").write_text("in the way")
    run_here(data)
    assert "the history lacks this run" in caplog.text
    assert (data / "08_reporting" / "account_summary.csv").is_file()


def test_a_file_that_changed_during_the_run_has_no_checksum(data: Path, tmp_path: Path) -> None:
    file = CsvFile(data / "01_raw" / "accounts.csv", ())
    record = RunRecord("1", "local", inputs={"accounts_csv": file})
    record.inputs_are_read_from_now()
    file.path.write_text("other")
    record.ends(InputFileError("no"))
    assert [each["sha256"] for each in record.as_json()["inputs"]] == [None]


def test_old_manifests_go_when_they_are_in_the_tables(tmp_path: Path) -> None:
    for number in range(5):
        record = RunRecord(str(number), "local")
        record.ends()
        Manifest(tmp_path, record).write()
    runs = RunHistory(tmp_path)
    runs.remove_old(2, known={"0", "2", "4"})
    assert runs.ids() == ["4", "3", "1"]


def test_runs_lists_and_shows(data: Path) -> None:
    assert "No run has left a record" in kedro_runs(data).stdout
    run_here(data)
    run_here(data, ["ingestion"])
    first = history(data).ids()[-1]
    lines = kedro_runs(data).stdout.splitlines()
    assert [line.split()[3] for line in lines[1:]] == ["done", "published"]
    assert lines[2].split() == [first, *lines[2].split()[1:3], "published", "0", "20", "18", "0", "5102.37"]
    assert kedro_runs(data, "--limit", "1").stdout.count("\n") == 2
    assert [run["run_id"] for run in json.loads(kedro_runs(data, "--json").stdout)] == history(data).ids()
    shown = kedro_runs(data, "show", first[11:-1])  # as the lines of the log name it
    assert "account_summary" in shown.stdout
    assert "total interest  5102.37" in shown.stdout
    assert json.loads(kedro_runs(data, "show", first, "--json").stdout) == history(data).run(first)
    for part, message in (("20", "2 runs have 20 in their id"), ("1999", "there is no run 1999")):
        ended = kedro_runs(data, "show", part)
        assert (ended.returncode, message in ended.stderr) == (ExitCode.USAGE, True)


def test_what_is_no_manifest_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "1.json").write_text('{"outcome": ')
    (tmp_path / "2.json").write_text("[]")
    assert list(RunHistory(tmp_path).runs()) == []
    assert caplog.text.count("cannot be read and is left out") == 2
    with pytest.raises(HistoryError):
        RunHistory(tmp_path).run("1")
