"""compose.yaml's services, really started: ``make stack-test``. Needs Docker with BuildKit, and twenty minutes.

``tests/engine.py`` tells of the environment. Without a registry, ``tests/stack/Dockerfile`` stands in for the images of others,
and Grafana, which it cannot make, is left out.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from tests.browser.conftest import Visit, browser, visit  # noqa: F401 - fixtures
from tests.conftest import PROJECT, SAMPLE, write_inputs
from tests.engine import GROUP, USER, base_image, build, docker, is_without_registry, owned
from tests.monitoring.servers import query
from tests.oracle import expected
from tests.orchestration.server import Api
from tests.published import assert_published

PROJECT_NAME = "lending-club-stack-test"
TAG = "stack-test"
IMAGE, DAGSTER_IMAGE = f"lending-club:{TAG}", f"lending-club-dagster:{TAG}"
SERVICES = yaml.safe_load((PROJECT / "compose.yaml").read_text())["services"]
DAGSTER = ["dagster-code", "dagster-daemon", "dagster-webserver"]
PROMETHEUS = "http://127.0.0.1:9090"
SECONDS = 600


@dataclass
class Stack:
    """The services, with a data directory of their own."""

    place: Path

    @property
    def data(self) -> Path:
        return self.place / "data"

    def deliver(self, accounts: bytes) -> None:
        write_inputs(self.data, (SAMPLE / "Customer.csv").read_bytes(), accounts)
        owned(self.data)

    def compose(self, *arguments: str, check: bool = True, **settings: str) -> subprocess.CompletedProcess[str]:
        files = ["compose.yaml", "tests/stack/compose.yaml"]
        if is_without_registry():
            files.append("tests/stack/compose-without-grafana.yaml")
        options = [word for name in files for word in ("--file", name)]
        command = ["docker-compose", "--project-name", PROJECT_NAME, *options, *arguments]
        environment = {
            **os.environ,
            "ALERTMANAGER_URL_FILE": str(self.place / "url"),
            "LENDING_CLUB_DATA": str(self.data),
            "LENDING_CLUB_NOTIFY": "",
            "LENDING_CLUB_PUSHGATEWAY": "http://pushgateway:9091",
            "LENDING_CLUB_TAG": TAG,
            "LENDING_CLUB_USER": f"{USER}:{GROUP}",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **settings,
        }
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def up(self) -> None:
        self.compose("--profile", "dagster", "--profile", "monitoring", "up", "--detach", "--wait", "--no-build")

    def containers(self) -> dict[str, dict[str, Any]]:
        """What Docker tells of each service's container."""
        found = docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={PROJECT_NAME}").stdout.split()
        told = json.loads(docker("inspect", *found).stdout) if found else []
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in told}

    def health(self) -> dict[str, str]:
        """``starting``, ``healthy`` or ``unhealthy``, of each service that has a health check."""
        states = {name: each["State"] for name, each in self.containers().items()}
        return {name: state["Health"]["Status"] for name, state in states.items() if "Health" in state}

    def wait_for(self, health: str, *services: str) -> None:
        start = time.monotonic()
        waited = set(services or self.health())
        while waited:
            now = self.health()
            for service in sorted(service for service in waited if now.get(service) == health):
                told(f"{service} {health} after {time.monotonic() - start:.0f} s")
                waited.remove(service)
            assert time.monotonic() - start < SECONDS, f"{waited} not {health}: {now}"
            time.sleep(1)

    def signal(self, name: str, *services: str) -> None:
        """To the processes of services, as if it had come from within: Docker's own commands would say that it was meant."""
        containers = self.containers()
        tables = (docker("top", containers[service]["Id"], "-eo", "pid").stdout for service in services)
        processes = " ".join(process for table in tables for process in table.split()[1:])
        options = ["--pid=host", "--network=none", "--user=0", "--cap-drop=ALL", "--cap-add=KILL"]
        docker("run", "--rm", *options, IMAGE, "sh", "-c", f"kill -{name} {processes}; true")  # some are gone by now

    def database(self, sql: str) -> list[str]:
        """The lines that Dagster's database answers."""
        query = ["psql", "--username=dagster", "--no-align", "--tuples-only", f"--command={sql}", "dagster"]
        return self.compose("--profile", "dagster", "exec", "-T", "postgres", *query).stdout.splitlines()


def told(what: str) -> None:
    print(f"--- {what}", flush=True)


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    start = time.monotonic()
    while not is_true():
        assert time.monotonic() - start < SECONDS, what
        time.sleep(1)
    told(f"{what} after {time.monotonic() - start:.0f} s")


def left() -> dict[str, list[str]]:
    """What there is of the services on this engine."""
    ours = ("--quiet", "--filter", f"label=com.docker.compose.project={PROJECT_NAME}")
    asked = {"containers": ("ps", "--all"), "networks": ("network", "ls"), "volumes": ("volume", "ls")}
    return {what: docker(*command, *ours).stdout.split() for what, command in asked.items()}


@pytest.fixture(scope="module")
def images() -> Iterator[None]:
    """The project's images, and where there is no registry those of others that are not there yet."""
    start = time.monotonic()
    build(IMAGE, PROJECT)
    build(DAGSTER_IMAGE, PROJECT, "--build-arg", "EXTRAS=dagster databricks notify")
    told(f"images built in {time.monotonic() - start:.0f} s")
    made = [IMAGE, DAGSTER_IMAGE]
    if is_without_registry():
        for name in ("postgres", "prometheus", "pushgateway", "alertmanager"):
            image = SERVICES[name]["image"]
            if docker("image", "inspect", image, check=False).returncode:
                build(image, PROJECT / "tests" / "stack", "--target", name)
                made.append(image)
    yield
    docker("image", "rm", *made)


@pytest.fixture(scope="module")
def stack(images: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All of it, started once and healthy."""
    stack = Stack(tmp_path_factory.mktemp("stack"))
    (stack.place / "url").write_text("http://webhook:8080/services/T1/B1/secret")
    stack.deliver((SAMPLE / "accounts.csv").read_bytes())
    try:
        with cold_start():
            stack.up()
        yield stack
    finally:
        print(stack.compose("--profile", "*", "logs", "--tail", "40", check=False).stdout)
        stack.compose("--profile", "*", "down", "--volumes")


@contextmanager
def cold_start() -> Iterator[None]:
    """Tell how long each service takes, by what Docker tells: read at once, for it remembers little."""
    events = ("--filter", "event=start", "--filter", "event=health_status", "--format", "{{json .}}")
    ours = ("--filter", f"label=com.docker.compose.project={PROJECT_NAME}")
    start = time.time()
    with subprocess.Popen(["docker", "events", *ours, *events], stdout=subprocess.PIPE, text=True) as listening:
        try:
            yield
        finally:
            listening.terminate()
        heard = listening.communicate()[0]
    started: dict[str, float] = {}
    for event in map(json.loads, heard.splitlines()):
        service, at = event["Actor"]["Attributes"]["com.docker.compose.service"], event["timeNano"] / 1e9
        if event["Action"] == "start":
            started[service] = at
        else:
            since = f"{at - started[service]:.1f} s after its start, {at - start:.1f} s after up"
            told(f"{service} {event['Action'].split()[-1]} {since}")


@pytest.fixture(scope="module")
def dagster(stack: Stack) -> Api:
    return Api(3000)


def alerts() -> list[dict[str, Any]]:
    with urlopen("http://127.0.0.1:9093/api/v2/alerts", timeout=10) as answer:
        return list(json.load(answer))


def test_every_service_is_up_and_confined(stack: Stack) -> None:
    expected_services = {*SERVICES, "webhook"} - {"pipeline"} - ({"grafana"} if is_without_registry() else set())
    containers = stack.containers()
    assert set(containers) == expected_services
    assert set(stack.health().values()) == {"healthy"}
    for name, container in containers.items():
        if name != "webhook":
            assert container["HostConfig"]["ReadonlyRootfs"] and container["HostConfig"]["CapDrop"] == ["ALL"], name
            assert container["Config"]["User"] not in ("", "root", "0"), name


def test_a_run_is_launched_by_the_api_and_kept_in_postgresql(stack: Stack, dagster: Api) -> None:
    start = time.monotonic()
    run = dagster.launch()
    assert dagster.ended(run) == "SUCCESS"
    told(f"a run through Dagster took {time.monotonic() - start:.0f} s")
    assert_published(stack.data, expected((SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes()))
    assert {path.lstat().st_uid for path in stack.data.rglob("*")} == {USER}

    assert stack.database("SELECT run_id || ' ' || status FROM runs") == [f"{run} SUCCESS"]
    of_run = f"FROM event_logs WHERE run_id = '{run}' AND dagster_event_type"
    made = set(stack.database(f"SELECT asset_key {of_run} = 'ASSET_MATERIALIZATION'"))
    assert made == set(stack.database(f"SELECT asset_key {of_run} = 'ASSET_MATERIALIZATION_PLANNED'"))
    assert {'["account_summary"]', '["published"]', '["report"]'} <= made
    checks = stack.database(f"SELECT count(*) {of_run} = 'ASSET_CHECK_EVALUATION'")
    [record] = [json.loads(path.read_text()) for path in (stack.data / "09_runs").glob("[!.]*.json")]
    assert record["outcome"] == "published" and checks == [str(len(record["checks"]))]
    entries = "assetMaterializations { metadataEntries { label ... on IntMetadataEntry { intValue } } }"
    asset = f'{{ assetNodeOrError(assetKey: {{path: "account_summary"}}) {{ ... on AssetNode {{ {entries} }} }} }}'
    [made_once] = dagster.ask(asset)["assetNodeOrError"]["assetMaterializations"]
    assert {"label": "dagster/row_count", "intValue": 8} in made_once["metadataEntries"]


def test_the_figures_of_the_run_come_to_prometheus(stack: Stack) -> None:
    wait_until(lambda: bool(query(PROMETHEUS, "lending_club_total_interest")), "the run's figures are in Prometheus")
    [interest] = query(PROMETHEUS, "lending_club_total_interest")
    assert interest["value"][1] == "5102.37" and interest["metric"]["job"] == "lending_club"
    with urlopen(f"{PROMETHEUS}/api/v1/rules", timeout=10) as answer:
        [group] = json.load(answer)["data"]["groups"]
    written = yaml.safe_load((PROJECT / "deploy" / "monitoring" / "alerts.yml").read_text())["groups"][0]["rules"]
    assert [rule["name"] for rule in group["rules"]] == [rule.get("alert") or rule["record"] for rule in written]
    assert {rule["health"] for rule in group["rules"]} == {"ok"}
    with urlopen(f"{PROMETHEUS}/api/v1/alertmanagers", timeout=10) as answer:
        assert [each["url"] for each in json.load(answer)["data"]["activeAlertmanagers"]] == [
            "http://alertmanager:9093/api/v2/alerts"
        ]


def test_a_failed_run_is_told_by_alertmanager(stack: Stack, dagster: Api) -> None:
    stack.deliver(b"")
    assert dagster.ended(dagster.launch()) == "FAILURE"
    wait_until(
        lambda: "LendingClubRunFailed" in {each["labels"]["alertname"] for each in alerts()}, "an alert is in Alertmanager"
    )

    def posted() -> str:
        return stack.compose("--profile", "monitoring", "logs", "--no-log-prefix", "webhook").stdout

    wait_until(lambda: "LendingClubRunFailed" in posted(), "the alert has come to the webhook")
    assert any(line.startswith("/services/T1/B1/secret ") for line in posted().splitlines())
    assert "The last run (local) failed." in posted() and "docs/troubleshooting.md" in posted()
    stack.deliver((SAMPLE / "accounts.csv").read_bytes())
    assert dagster.ended(dagster.launch()) == "SUCCESS"


def test_the_pages_of_dagster_keep_to_this_machine(stack: Stack, dagster: Api, visit: Visit) -> None:  # noqa: F811
    [run, *_] = dagster.runs()
    pages = {
        "asset-groups": "transformation",
        "assets/account_summary?view=lineage": "customer_profile",
        f"runs/{run}": "Success",
    }
    for path, text in pages.items():
        visit(f"{dagster.address}/{path}", width=1600).get_by_text(text).first.wait_for(timeout=120_000)


def test_history_outlives_stop_and_down(stack: Stack, dagster: Api) -> None:
    before = dagster.runs()
    assert before
    start = time.monotonic()
    stack.compose("--profile", "dagster", "--profile", "monitoring", "stop")
    told(f"all stopped in {time.monotonic() - start:.0f} s")
    ended = {name: each["State"]["ExitCode"] for name, each in stack.containers().items()}
    assert 137 not in ended.values(), f"killed, as they had not stopped: {ended}"
    stack.up()
    assert dagster.runs() == before
    stack.compose("--profile", "*", "down")
    assert left()["containers"] == left()["networks"] == [] and left()["volumes"]
    stack.up()
    assert dagster.runs() == before
    wait_until(lambda: bool(query(PROMETHEUS, "lending_club_total_interest")), "Pushgateway still knows the figures")


@pytest.mark.parametrize("hung, unhealthy", [(DAGSTER, []), (["postgres"], ["dagster-daemon", "dagster-webserver"])])
def test_what_hangs_turns_unhealthy_and_recovers(stack: Stack, hung: list[str], unhealthy: list[str]) -> None:
    stack.signal("STOP", *hung)
    try:
        stack.wait_for("unhealthy", *hung, *unhealthy)
    finally:
        stack.signal("CONT", *hung)
    stack.wait_for("healthy", *hung, *unhealthy)


def test_what_dies_is_started_again(stack: Stack, dagster: Api) -> None:
    before = stack.containers()
    services = [name for name in before if name != "webhook"]
    header, first = (SAMPLE / "accounts.csv").read_bytes().splitlines(keepends=True)[:2]
    account, rest = first.split(b",", 1)
    # Something new, and enough of it that the run is not over before it can be killed.
    stack.deliver(header + b"".join(b"%s-%d,%s" % (account, number, rest) for number in range(300_000)))
    run = dagster.launch()
    wait_until(lambda: dagster.runs()[run] == "STARTED", "a run is under way")
    stack.signal("KILL", *services)
    wait_until(
        lambda: all(
            each["RestartCount"] > before[name]["RestartCount"] for name, each in stack.containers().items() if name in services
        ),
        "each started again",
    )
    stack.wait_for("healthy", *services)
    # The run is given up when its code server is back without it, and Dagster starts it again.
    assert dagster.ended(run) == "FAILURE"
    assert list(dagster.all_ended().values())[:2] == ["SUCCESS", "FAILURE"]


def test_compose_run_does_the_job_confined(stack: Stack) -> None:
    shutil.rmtree(stack.data)
    stack.deliver((SAMPLE / "accounts.csv").read_bytes())
    done = stack.compose("run", "--rm", "-T", "pipeline")
    assert "5,102.37" in done.stdout + done.stderr
    assert_published(stack.data, expected((SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes()))
    look = "id -u; grep CapEff /proc/self/status; touch /opt/x /home/kedro_docker/x"
    looked = stack.compose("run", "--rm", "-T", "--entrypoint", "sh", "pipeline", "-c", look, check=False)
    assert looked.stdout.split() == [str(USER), "CapEff:", "0000000000000000"]
    assert looked.stderr.count("Read-only file system") == 2


def test_limits_are_the_engines(stack: Stack) -> None:
    """What ``make image-test`` shows is that the job keeps within them."""
    python = ("run", "--rm", "-T", "--entrypoint", "python", "pipeline", "-c")
    assert stack.compose(*python, "bytearray(700 << 20)", MEMORY="1g").returncode == 0
    assert stack.compose(*python, "bytearray(1100 << 20)", check=False, MEMORY="1g").returncode == 137
    spin = "import time; end = time.monotonic() + 10\nwhile time.monotonic() < end: pass\nprint(time.process_time() / 10)"
    share = float(stack.compose(*python, spin, CPUS="0.25").stdout)
    told(f"with CPUS=0.25 a busy process took {share:.2f} of a CPU")
    assert share < 0.3


def test_down_with_volumes_leaves_nothing(stack: Stack) -> None:
    assert all(left().values())
    stack.compose("--profile", "*", "down", "--volumes")
    assert left() == {"containers": [], "networks": [], "volumes": []}


def test_kedro_docker(images: None, tmp_path: Path) -> None:
    """In a clone, because it mounts the directories that are in its place, and leaves a file there."""
    subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(tmp_path / "lending_club")], check=True)

    def kedro(*arguments: str) -> str:
        command = [str(Path(sys.executable).with_name("kedro")), "docker", *arguments]
        environment = {"DOCKER_BUILDKIT": "1", **os.environ}
        done = subprocess.run(command, cwd=tmp_path / "lending_club", env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    base = ["--base-image", base_image()] if base_image() else []
    kedro("build", *base, "--docker-args", os.environ.get("DOCKER_BUILD", ""))
    alone = ("--docker-args", "--network=none")
    try:
        assert "5,102.37" in kedro("run", *alone, "--params", "quality.checks=false")
        report = tmp_path / "lending_club" / "data" / "08_reporting" / "report.html"
        assert "5,102.37" in report.read_text() and report.stat().st_uid == os.getuid()
        kedro("cmd", *alone, "kedro", "validate")
    finally:
        docker("image", "rm", "lending_club")
