"""What a run writes down about itself for Kedro-Viz."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lending_club.errors import ReconciliationError
from tests.conftest import run_here, unchecked_run


def events(data: Path) -> list[dict[str, Any]]:
    return list(json.loads((data / "02_intermediate" / "last_run" / "kedro_pipeline_events.json").read_text()))


def statistics(data: Path) -> dict[str, Any]:
    return dict(json.loads((data / "02_intermediate" / "last_run" / "stats.json").read_text()))


def test_steps_have_durations_and_datasets_rows(data: Path) -> None:
    run_here(data)
    found = events(data)
    assert (found[0]["event"], found[-1]["event"]) == ("before_pipeline_run", "after_pipeline_run")
    durations = {event["node"]: event["duration"] for event in found if event["event"] == "after_node_run"}
    assert {"raw_accounts", "account_summary", "publish", "summarise"} <= set(durations)
    assert all(seconds > 0 for seconds in durations.values())
    assert statistics(data)["account_summary"] == {"rows": 8}
    csv = data / "08_reporting" / "account_summary.csv"
    assert statistics(data)["account_summary_csv"] == {"rows": 8, "file_size": csv.stat().st_size}


def test_a_run_of_a_part_keeps_the_rows_of_the_rest(data: Path) -> None:
    run_here(data)
    run_here(data, ["ingestion"])
    assert {event["node"] for event in events(data) if event["event"] == "after_node_run"} == {
        "raw_customers",
        "raw_accounts",
        "landings",
    }
    assert statistics(data)["account_summary"] == {"rows": 8}


def test_a_failure_is_told_with_its_step(with_files: Callable[[bytes, bytes], Path]) -> None:
    data = with_files(b"CustomerID,Name,HasLoan\n1,A,Yes\n", b"AccountID,CustomerID,Balance,AccountType\nX,1,ABC,Savings\n")
    with pytest.raises(ReconciliationError) as raised:
        run_here(data)
    *_, of_step, last = events(data)
    assert (of_step["event"], of_step["node"], of_step["error"]) == ("on_node_error", "approve", str(raised.value))
    assert (last["event"], last["error"]) == ("on_pipeline_error", str(raised.value))


def test_a_run_that_is_left_out_leaves_the_last_one(data: Path) -> None:
    assert unchecked_run(data).returncode == 0
    before = events(data)
    again = unchecked_run(data)
    assert (again.returncode, "left out" in again.stderr) == (0, True)
    assert events(data) == before


def test_a_status_that_cannot_be_written_stops_nothing(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    (data / "02_intermediate").mkdir()
    (data / "02_intermediate" / "last_run").write_text("in the way")
    run_here(data)
    assert "Kedro-Viz will not show this run" in caplog.text
    assert (data / "08_reporting" / "account_summary.csv").is_file()
