"""A Dagster that was really started, and its GraphQL API."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from tests.conftest import PROJECT, run_environment

MODULE = "lending_club.orchestration.definitions"
SELECTOR = {"repositoryLocationName": MODULE, "repositoryName": "__repository__"}


class Dagster:
    """The API of a webserver."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.address}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        return found["data"]

    def launch(self) -> str:
        """Start the job; the id of its run."""
        query = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
            __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
        params = {"selector": {**SELECTOR, "jobName": "lending_club"}, "runConfigData": {}}
        found = self.ask(query, params=params)["launchRun"]
        assert found["__typename"] == "LaunchRunSuccess", found
        return str(found["run"]["runId"])

    def runs(self) -> dict[str, str]:
        """The status of each run, by its id."""
        found = self.ask("{ runsOrError { ... on Runs { results { runId status } } } }")
        return {run["runId"]: run["status"] for run in found["runsOrError"]["results"]}

    def start_sensor(self) -> None:
        query = """mutation($selector: SensorSelector!) { startSensor(sensorSelector: $selector) { __typename } }"""
        found = self.ask(query, selector={**SELECTOR, "sensorName": "arrival"})
        assert found["startSensor"]["__typename"] == "Sensor", found

    def ended(self, run_id: str) -> str:
        """How a run has ended; waits for it."""
        return wait(lambda: status if (status := self.runs()[run_id]) in ("SUCCESS", "FAILURE", "CANCELED") else None)


def wait(look: Callable[[], str | None], seconds: float = 600) -> str:
    """What a look gives when it gives anything."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.5)
    raise TimeoutError("waited in vain")


@contextmanager
def dagster_dev(data: Path, home: Path, instance: str = "local/dagster.yaml", **settings: str) -> Iterator[Dagster]:
    """``dagster dev`` with the instance of ``make dagster``, or another one in ``deploy/dagster`` with its settings."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_bytes((PROJECT / "deploy" / "dagster" / instance).read_bytes())
    port = 20_000 + os.getpid() % 20_000
    command = [str(Path(sys.executable).with_name("dagster")), "dev", "--module-name", MODULE, "--port", str(port)]
    environment = run_environment(data, DAGSTER_HOME=str(home), **settings)
    log = (home / "log").open("w")
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log, start_new_session=True)
    dagster = Dagster(port)

    def is_up() -> str | None:
        assert process.poll() is None, (home / "log").read_text()
        try:
            found = dagster.ask("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }")
        except (URLError, ConnectionError, TimeoutError):
            return None
        return "up" if found["repositoriesOrError"].get("nodes") else None

    try:
        wait(is_up)
        yield dagster
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def postgresql(directory: Path) -> Iterator[dict[str, str]]:
    """A PostgreSQL of its own, on an address of its own; the settings by which Dagster finds it."""
    host = f"127.77.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    cluster = directory / "cluster"
    cluster.mkdir()
    os_user: list[str] = []
    if os.geteuid() == 0:  # it refuses to run as root
        shutil.chown(cluster, "nobody")
        for path in (directory, *directory.parents):
            if path.owner() == "root" and path != Path("/tmp"):
                path.chmod(path.stat().st_mode | 0o011)
        os_user = ["setpriv", "--reuid=nobody", "--clear-groups", "--"]
    password = directory / "password"
    password.write_text("wonderland")
    password.chmod(0o644)
    initdb = [*os_user, str(programs / "initdb"), "-D", str(cluster), "-U", "dagster", "-A", "scram-sha-256"]
    subprocess.run([*initdb, "--pwfile", str(password)], check=True, capture_output=True, cwd=cluster)
    serve = [*os_user, str(programs / "postgres"), "-D", str(cluster), "-c", f"listen_addresses={host}"]
    process = subprocess.Popen([*serve, "-k", str(cluster)], cwd=cluster, stderr=subprocess.DEVNULL)
    try:
        ready = [str(programs / "pg_isready"), "-h", host]
        wait(lambda: "ready" if subprocess.run(ready, capture_output=True).returncode == 0 else None, 60)
        login = {"HOST": host, "USER": "dagster", "PASSWORD": "wonderland", "DB": "postgres"}
        yield {f"DAGSTER_POSTGRES_{name}": value for name, value in login.items()}
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
