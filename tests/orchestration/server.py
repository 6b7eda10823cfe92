"""A Dagster that was really started, as the stack of compose.yaml or by ``dagster dev``, and its GraphQL API."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.request import Request, urlopen

from tests.conftest import PROJECT, run_environment
from tests.monitoring.servers import free_port

DEPLOYED = PROJECT / "deploy" / "dagster"
SELECTOR = {"repositoryLocationName": "lending_club", "repositoryName": "__repository__"}
ENDED = ("SUCCESS", "FAILURE", "CANCELED")
Found = TypeVar("Found")


class Api:
    """The API of a webserver."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.address}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=120) as answer:
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        return found["data"]

    def is_up(self) -> bool:
        """Whether it answers and has loaded the project."""
        try:
            found = self.ask("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }")
        except (URLError, ConnectionError, TimeoutError):
            return False
        return bool(found["repositoriesOrError"].get("nodes"))

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

    def ended(self, run_id: str) -> str:
        """How a run has ended; waits for it."""
        return wait(lambda: status if (status := self.runs()[run_id]) in ENDED else None)

    def all_ended(self) -> dict[str, str]:
        """How all runs have ended; waits for it, and for those that Dagster starts again by itself."""
        quiet_since = time.monotonic()

        def look() -> dict[str, str] | None:
            nonlocal quiet_since
            runs = self.runs()
            if set(runs.values()) - set(ENDED):
                quiet_since = time.monotonic()
            return runs if time.monotonic() - quiet_since > 30 else None

        return wait(look)

    def switch(self, kind: str, name: str, on: bool = True) -> None:
        """Start or stop a ``schedule`` or ``sensor``."""
        selector = {**SELECTOR, f"{kind}Name": name}
        if on:
            type_name = kind.capitalize()
            query = f"mutation($it: {type_name}Selector!) {{ start{type_name}({kind}Selector: $it) {{ __typename }} }}"
            (answer,) = self.ask(query, it=selector).values()
        else:
            query = {
                "schedule": "mutation($id: String!) { stopRunningSchedule(id: $id) { __typename } }",
                "sensor": "mutation($id: String!) { stopSensor(id: $id) { __typename } }",
            }[kind]
            (answer,) = self.ask(query, id=self._state(kind, name)["id"]).values()
        assert "Error" not in answer["__typename"], answer

    def ticks(self, kind: str, name: str) -> list[dict[str, Any]]:
        """The ticks that are over of a ``schedule`` or ``sensor``, newest first."""
        return [tick for tick in self._state(kind, name)["ticks"] if tick["status"] != "STARTED"]

    def _state(self, kind: str, name: str) -> dict[str, Any]:
        type_name = kind.capitalize()
        query = f"""query($it: {type_name}Selector!) {{ {kind}OrError({kind}Selector: $it) {{ ... on {type_name} {{
            {kind}State {{ id ticks(limit: 100) {{ timestamp status runIds skipReason error {{ message }} }} }} }} }} }}"""
        found = self.ask(query, it={**SELECTOR, f"{kind}Name": name})
        return dict(found[f"{kind}OrError"][f"{kind}State"])

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """What is told of a run: type and message, of a failure the error."""
        query = """query($id: ID!) { logsForRun(runId: $id, limit: 1000) { ... on EventConnection { events { __typename
            ... on MessageEvent { message } ... on ExecutionStepFailureEvent { error { message stack } }
            ... on AssetCheckEvaluationEvent { evaluation { checkName assetKey { path } success severity description } }
            } } } }"""
        return list(self.ask(query, id=run_id)["logsForRun"]["events"])

    def checks(self, run_id: str) -> dict[tuple[str, str], dict[str, Any]]:
        """What a run told of each check, by asset and name."""
        found = [event["evaluation"] for event in self.events(run_id) if "evaluation" in event]
        return {(each["assetKey"]["path"][0], each["checkName"]): each for each in found}


class Services(Api):
    """Code server, webserver and daemon, each a process of its own, with the deployed instance.

    Args:
        data: The data directory.
        home: Where instance and logs are.
        settings: Environment variables.
    """

    def __init__(self, data: Path, home: Path, **settings: str) -> None:
        self._code_port, web_port = free_port(), free_port()
        super().__init__(web_port)
        self._home = home
        home.mkdir()
        (home / "dagster.yaml").write_bytes((DEPLOYED / "dagster.yaml").read_bytes())
        workspace = (DEPLOYED / "workspace.yaml").read_text()
        assert "host: dagster-code" in workspace and "port: 4000" in workspace
        workspace = workspace.replace("dagster-code", "127.0.0.1").replace("4000", str(self._code_port))
        (home / "workspace.yaml").write_text(workspace)
        where = ["--workspace", str(home / "workspace.yaml")]
        module = ["--module-name", "lending_club.orchestration.definitions"]
        self._commands = {  # as in compose.yaml
            "code": ["dagster", "api", "grpc", "--host", "127.0.0.1", "--port", str(self._code_port), *module],
            "webserver": ["dagster-webserver", "--host", "127.0.0.1", "--port", str(web_port), *where],
            "daemon": ["dagster-daemon", "run", *where],
        }
        self._environment = run_environment(data, DAGSTER_HOME=str(home), **settings)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        """Start services, all where none is named; waits until they can be used."""
        for name in names or self._commands:
            program, *arguments = self._commands[name]
            with self.log(name).open("a") as log:
                self._processes[name] = subprocess.Popen(
                    [str(Path(sys.executable).with_name(program)), *arguments],
                    cwd=PROJECT,
                    env=self._environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            if name == "code":
                wait(lambda: self._is_alive("code") and is_open(self._code_port))
        wait(lambda: self._is_alive("webserver") and self.is_up())

    def kill(self, name: str, with_its_runs: bool = False) -> None:
        """Kill a service, as ``kill -9`` does; with its runs, as where its container or machine dies."""
        process = self._processes[name]
        with suppress(ProcessLookupError):
            (os.killpg if with_its_runs else os.kill)(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End all of it."""
        for name in self._processes:
            self.kill(name, with_its_runs=True)

    def log(self, name: str) -> Path:
        """Where a service writes."""
        return self._home / f"{name}.log"

    def _is_alive(self, name: str) -> bool:
        assert self._processes[name].poll() is None, self.log(name).read_text()
        return True


@contextmanager
def dagster_dev(data: Path, home: Path) -> Iterator[Api]:
    """What ``make dagster`` starts."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_bytes((DEPLOYED / "local" / "dagster.yaml").read_bytes())
    port = free_port()
    command = [str(Path(sys.executable).with_name("dagster")), "dev", "--port", str(port)]
    with (home / "log").open("w") as log:
        environment = run_environment(data, DAGSTER_HOME=str(home))
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log, start_new_session=True)
    dagster = Api(port)

    def is_up() -> bool:
        assert process.poll() is None, (home / "log").read_text()
        return dagster.is_up()

    try:
        wait(is_up)
        yield dagster
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(60)
        finally:
            with suppress(ProcessLookupError):
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
    serve = [*os_user, str(programs / "postgres"), "-D", str(cluster), "-c", f"listen_addresses={host}", "-c", "fsync=off"]
    process = subprocess.Popen([*serve, "-k", str(cluster)], cwd=cluster, stderr=subprocess.DEVNULL)
    try:
        ready = [str(programs / "pg_isready"), "-h", host]
        wait(lambda: subprocess.run(ready, capture_output=True).returncode == 0)
        login = {"HOST": host, "USER": "dagster", "PASSWORD": "wonderland", "DB": "postgres"}
        yield {f"DAGSTER_POSTGRES_{name}": value for name, value in login.items()}
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def wait(look: Callable[[], Found | None], seconds: float = 900) -> Found:
    """What a look gives when it gives anything; it may take long on a machine that has other things to do."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.5)
    raise TimeoutError("waited in vain")


def is_open(port: int) -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
