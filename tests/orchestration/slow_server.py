"""What takes minutes, with a Dagster that was really started: ``make test-dagster``."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import PROJECT, SAMPLE, kedro_command, run_environment, write_inputs
from tests.monitoring.conftest import Receiver, receiver  # noqa: F401  (a fixture)
from tests.orchestration.server import Services, dagster_dev, postgresql, wait

KILLS = int(os.environ.get("KILLS", 4))


@pytest.fixture
def server(data: Path, tmp_path: Path, receiver: Receiver) -> Iterator[Services]:  # noqa: F811
    """The stack; its schedule ``daily`` ticks every minute, and a webhook is told of failures."""
    settings = {
        "LENDING_CLUB_DAILY_CRON": "* * * * *",
        "LENDING_CLUB_LOG_FORMAT": "json",
        "LENDING_CLUB_METRICS_FILE": str(tmp_path / "metrics.prom"),
        "LENDING_CLUB_NOTIFY": receiver.url.replace("http", "json"),
    }
    with postgresql(tmp_path) as login:
        services = Services(data, tmp_path / "home", **login, **settings)
        try:
            services.start()
            yield services
        finally:
            services.stop()


def records(data: Path) -> list[dict[str, Any]]:
    """What the project itself knows of its runs, oldest first, as ``kedro runs`` tells it."""
    command = kedro_command("runs", "--json", "--limit", "1000")
    listed = subprocess.run(command, cwd=PROJECT, env=run_environment(data), check=True, capture_output=True, timeout=300)
    return list(reversed(json.loads(listed.stdout)))


def outcomes(data: Path) -> list[str]:
    return [record["outcome"] for record in records(data)]


def working(data: Path, since: set[str]) -> int | None:
    """The process of a run that works now, as its manifest tells it, and that is none of those before."""
    for path in (data / "09_runs").glob("[!.]*.json"):
        record = json.loads(path.read_text())
        if record["outcome"] == "running" and path.stem not in since:
            return int(record["process"])
    return None


def deliver(data: Path, account: str) -> None:
    """Both files again, with one account more."""
    more = f"{account},1001,50.00,Savings\n".encode()
    write_inputs(data, (SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes() + more)


def is_published(data: Path, account: str) -> bool:
    return f",{account}," in (data / "08_reporting" / "account_summary.csv").read_text()


def assert_whole(data: Path) -> None:
    """What is published is all of one run."""
    published = (data / "08_reporting" / "account_summary.csv").resolve().parent
    with duckdb.connect(str(published / "lending_club.duckdb"), read_only=True) as connection:
        read = (
            f"read_csv('{published}/account_summary.csv', all_varchar = true)",
            f"'{published}/account_summary.parquet'",
            "marts.account_summary",
        )
        found = {tuple(connection.execute(f"SELECT account_id FROM {name} ORDER BY 1").fetchall()) for name in read}
    assert len(found) == 1, found


def test_a_tick_of_the_schedule_starts_exactly_one_run(server: Services, data: Path) -> None:
    server.switch("schedule", "daily")

    def started() -> list[dict[str, Any]]:
        return [tick for tick in server.ticks("schedule", "daily") if tick["status"] == "SUCCESS"]

    wait(started)
    server.kill("daemon")
    before = len(started())
    server.start("daemon")
    wait(lambda: len(started()) > before)
    server.switch("schedule", "daily", on=False)
    runs = server.all_ended()
    ticks = server.ticks("schedule", "daily")
    assert set(runs.values()) == {"SUCCESS"}
    assert {tick["status"] for tick in ticks} <= {"SUCCESS", "SKIPPED"}
    assert all(len(tick["runIds"]) == (tick["status"] == "SUCCESS") for tick in ticks)
    assert len({int(tick["timestamp"]) for tick in ticks}) == len(ticks)
    assert all(int(tick["timestamp"]) % 60 == 0 for tick in ticks)
    assert sorted(runs) == sorted(run for tick in ticks for run in tick["runIds"])
    assert outcomes(data) == ["published", *["left_out"] * (len(runs) - 1)]


def test_an_arrival_starts_exactly_one_run_and_a_file_that_grows_none(server: Services, data: Path) -> None:
    def looks(number: int) -> None:
        before = len(server.ticks("sensor", "arrival"))
        wait(lambda: len(server.ticks("sensor", "arrival")) >= before + number)

    growing, stop = data / "01_raw" / "accounts.csv", threading.Event()

    def grow() -> None:
        while not stop.wait(1):
            with growing.open("a") as file:
                file.write(f"G{time.monotonic_ns()},1001,1.00,Savings\n")

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        server.switch("sensor", "arrival")
        looks(2)
        server.kill("daemon")
        server.start("daemon")
        looks(2)
        assert server.runs() == {}
        last = server.ticks("sensor", "arrival")[0]
        assert last["status"] == "SKIPPED" and "still growing" in last["skipReason"], last
    finally:
        stop.set()
        writer.join()
    run = wait(lambda: next(iter(server.runs()), None))
    server.kill("daemon")
    server.start("daemon")
    assert server.ended(run) == "SUCCESS"
    looks(3)
    assert list(server.runs()) == [run]
    assert outcomes(data) == ["published"]
    deliver(data, "AGAIN")
    wait(lambda: len(server.runs()) == 2)
    assert set(server.all_ended().values()) == {"SUCCESS"}
    looks(2)
    assert len(server.runs()) == 2
    assert is_published(data, "AGAIN")


def test_kills_at_random_moments(server: Services, data: Path) -> None:
    """A run that was killed is known to be, by Dagster too, and started again by it; nothing is published by halves."""
    assert server.ended(server.launch()) == "SUCCESS"
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    for number in range(KILLS):
        what = ("run", "machine", "code", "daemon")[number % 4]
        deliver(data, f"K{number}")
        since = {path.stem for path in (data / "09_runs").glob("[!.]*.json")}
        run = server.launch()
        process = wait(lambda since=since: working(data, since))  # type: ignore[misc]
        time.sleep(chance.uniform(0, 4))
        if what == "run":
            with suppress(ProcessLookupError):  # it had ended
                os.kill(process, signal.SIGKILL)
        elif what == "machine":
            server.kill("code", with_its_runs=True)
            server.kill("daemon")
        else:
            server.kill(what)
        assert_whole(data)
        if what != "run":
            server.start(*(("code", "daemon") if what == "machine" else (what,)))
        started = time.monotonic()
        status = server.ended(run)
        print(f"seed {seed}, {number}: {what} was killed, {status} is known after {time.monotonic() - started:.0f} s", flush=True)
        assert time.monotonic() - started < 300
        assert status == "SUCCESS" or what != "daemon"
        wait(lambda number=number: is_published(data, f"K{number}"))  # type: ignore[misc]
    runs = server.all_ended()
    found = outcomes(data)
    assert set(found) <= {"published", "left_out", "killed"}
    assert "killed" in found, "each kill came too late"
    validated = subprocess.run(kedro_command("validate"), cwd=PROJECT, env=run_environment(data), capture_output=True, text=True)
    assert validated.returncode == 0, validated.stderr
    assert server.ended(server.launch()) == "SUCCESS"
    server.kill("webserver")
    server.start("webserver")
    assert runs.items() <= server.runs().items()


def test_of_many_at_once_one_works_and_the_others_wait(server: Services, data: Path) -> None:
    """A schedule, an arrival, two people and a run that Dagster does not know of."""
    server.switch("schedule", "daily")
    server.switch("sensor", "arrival")
    wait(lambda: server.runs())
    server.all_ended()
    deliver(data, "MANY")
    by_hand = [server.launch() for _ in range(2)]
    piped: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    other = subprocess.Popen(kedro_command("run"), cwd=PROJECT, env=run_environment(data), **piped)
    together, now = 0, [""]
    until = time.monotonic() + 90
    while time.monotonic() < until or set(now) - {"SUCCESS", "FAILURE"}:
        now = list(server.runs().values())
        together = max(together, sum(status in ("STARTING", "STARTED") for status in now))
        if time.monotonic() > until:
            server.switch("schedule", "daily", on=False)
        time.sleep(0.2)
    told, _ = other.communicate()
    assert other.returncode in (0, 8), told
    assert set(server.runs().values()) == {"SUCCESS"}
    assert all(server.runs()[run] == "SUCCESS" for run in by_hand)
    assert together == 1
    worked = [record for record in records(data) if record["steps"]]
    for earlier, later in itertools.pairwise(worked):
        assert earlier["ended_at"] <= later["steps"][0]["started_at"]
    assert is_published(data, "MANY")


def test_a_run_that_dagster_does_not_know_is_waited_for(server: Services, data: Path) -> None:
    lock = data / "02_intermediate" / "run.lock"
    lock.parent.mkdir()
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        run = server.launch()
        wait(lambda: any("Tries again in 60 seconds" in event.get("message", "") for event in server.events(run)))
    assert server.ended(run) == "SUCCESS"
    told = [event["message"] for event in server.events(run) if event["__typename"] == "LogMessageEvent"]
    assert all(
        any(message.startswith(f"Another run works on {data}") and end in message for message in told)
        for end in ("Waits", "Tries")
    )
    assert outcomes(data) == ["failed", "published"]


def test_all_that_a_run_tells_is_told(server: Services, data: Path, tmp_path: Path, receiver: Receiver) -> None:  # noqa: F811
    """By the project's own hooks, and to Dagster: record, log, metrics, messages; rows, checks, and what is wrong."""
    run = server.launch()
    assert server.ended(run) == "SUCCESS"
    (record,) = records(data)
    lines = [json.loads(line) for line in server.log("code").read_text().splitlines() if line.startswith('{"time"')]
    assert {"account_summary", "publish"} <= {line["step"] for line in lines if line["run_id"] == record["run_id"]}
    assert "lending_club_" in (tmp_path / "metrics.prom").read_text()
    query = """{ assetNodes { assetKey { path } assetMaterializations(limit: 1) { metadataEntries { label
        ... on IntMetadataEntry { intValue } } } } }"""
    made = {node["assetKey"]["path"][0]: node["assetMaterializations"] for node in server.ask(query)["assetNodes"]}
    told = {entry["label"]: entry for entry in made["account_summary"][0]["metadataEntries"]}
    assert told["dagster/row_count"]["intValue"] == 8
    assert len(server.checks(run)) == len(record["checks"]) and all(check["success"] for check in server.checks(run).values())

    accounts = [f"A{number},1001,1.00,Savings" for number in range(37)] + ["B1,1001,ABC,Savings"] * 3
    (data / "01_raw" / "accounts.csv").write_text("\n".join(["AccountID,CustomerID,Balance,AccountType", *accounts]) + "\n")
    run = server.launch()
    assert server.ended(run) == "SUCCESS"
    (unmet,) = (check for check in server.checks(run).values() if not check["success"])
    assert unmet["severity"] == "WARN" and unmet["description"], unmet

    (data / "01_raw" / "accounts.csv").write_text("AccountID,Balance\n")
    run = server.launch()
    assert server.ended(run) == "FAILURE"
    (failed,) = (event["error"] for event in server.events(run) if event["__typename"] == "ExecutionStepFailureEvent")
    assert f"{data / '01_raw' / 'accounts.csv'}" in failed["message"]
    receiver.wait_for("lending_club failed", 60)
    deliver(data, "WELL")
    assert server.ended(server.launch()) == "SUCCESS"
    receiver.wait_for("well again", 60)
    assert outcomes(data) == ["published", "published", "failed", "published"]


def test_make_dagster(data: Path, tmp_path: Path) -> None:
    with dagster_dev(data, tmp_path / "home") as dagster:
        assert dagster.ended(dagster.launch()) == "SUCCESS"
    assert outcomes(data) == ["published"]
