"""What takes minutes, with a Dagster that was really started: ``make test-dagster``."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SAMPLE, write_inputs
from tests.orchestration.server import Dagster, dagster_dev, postgresql, wait
from tests.test_run import contents

KILLS = int(os.environ.get("KILLS", 3))


@pytest.fixture
def server(data: Path, tmp_path: Path) -> Iterator[Dagster]:
    with dagster_dev(data, tmp_path / "home") as dagster:
        yield dagster


def process_of(data: Path, but: set[str]) -> str | None:
    """The process of a run that works now, as its manifest tells it."""
    for path in (data / "09_runs").glob("[!.]*.json"):
        record = json.loads(path.read_text())
        if record["outcome"] == "running" and path.name not in but:
            return str(record["process"])
    return None


def test_a_run_that_is_launched_a_kill_and_the_next_run(server: Dagster, data: Path) -> None:
    assert server.ended(server.launch()) == "SUCCESS"
    for number in range(KILLS):
        before = contents(data)
        write_inputs(
            data,
            (SAMPLE / "Customer.csv").read_bytes(),
            (SAMPLE / "accounts.csv").read_bytes() + f"K{number},1,{number}.50,Savings\n".encode(),
        )
        old = {path.name for path in (data / "09_runs").glob("[!.]*.json")}
        run = server.launch()
        process = int(wait(lambda old=old: process_of(data, old)))  # type: ignore[misc]
        time.sleep(random.uniform(0, 3))
        os.kill(process, signal.SIGKILL)
        assert server.ended(run) == "FAILURE"
        assert contents(data) == before
        assert server.ended(server.launch()) == "SUCCESS"
        assert f"K{number}," not in before and f"K{number}," in (data / "08_reporting" / "account_summary.csv").read_text()
    outcomes = [json.loads(path.read_text())["outcome"] for path in sorted((data / "09_runs").glob("[!.]*.json"))]
    assert outcomes == ["published", *["killed", "published"] * KILLS]


def test_an_arrival_starts_exactly_one_run_and_a_file_that_grows_none(server: Dagster, data: Path) -> None:
    server.start_sensor()
    growing = data / "01_raw" / "accounts.csv"
    deadline = time.monotonic() + 75  # two looks at least
    while time.monotonic() < deadline:
        with growing.open("a") as file:
            file.write(f"G{time.monotonic_ns()},1,1.00,Savings\n")
        time.sleep(2)
    assert server.runs() == {}
    run = wait(lambda: next(iter(server.runs()), None))
    assert server.ended(run) == "SUCCESS"
    time.sleep(75)
    assert list(server.runs()) == [run]


def test_two_at_once_run_one_after_the_other(server: Dagster, data: Path) -> None:
    runs = [server.launch() for _ in range(2)]
    together = 0
    while set(now := list(server.runs().values())) - {"SUCCESS", "FAILURE"}:
        together = max(together, sum(status in ("STARTING", "STARTED") for status in now))
        time.sleep(0.2)
    assert [server.runs()[run] for run in runs] == ["SUCCESS", "SUCCESS"]
    assert together == 1
    records = [json.loads(path.read_text()) for path in sorted((data / "09_runs").glob("[!.]*.json"))]
    assert [record["outcome"] for record in records] == ["published", "left_out"]


def test_the_deployed_instance_keeps_its_history_in_postgresql(data: Path, tmp_path: Path) -> None:
    with postgresql(tmp_path) as settings:
        with dagster_dev(data, tmp_path / "home", "dagster.yaml", **settings) as dagster:
            run = dagster.launch()
            assert dagster.ended(run) == "SUCCESS"
        with dagster_dev(data, tmp_path / "another_home", "dagster.yaml", **settings) as dagster:
            assert dagster.runs() == {run: "SUCCESS"}
