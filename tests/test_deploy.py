"""What deploys the project, looked at with the tools that read it; ``make image-test`` and ``make stack-test`` run it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pathspec
import pytest
import yaml

from tests.conftest import PROJECT

BIN = Path(sys.executable).parent
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
STACK = {"postgres", "dagster-code", "dagster-webserver", "dagster-daemon"}
MONITORING = {"prometheus", "pushgateway", "alertmanager", "grafana"}


def run(*command: str, status: int = 0, place: Path = PROJECT, environment: Mapping[str, str] | None = None) -> str:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("LENDING_CLUB", "DATABRICKS", "COMPOSE"))}
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=place, env={**known, **(environment or {})}, capture_output=True, text=True
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def composed(*profiles: str, **environment: str) -> dict[str, Any]:
    options = [word for profile in profiles for word in ("--profile", profile)]
    asked = ("docker-compose", "--env-file", "/dev/null", *options, "config", "--format", "json")
    read = run(*asked, environment=environment)
    return dict(json.loads(read))


def test_the_dockerfile_is_as_hadolint_asks(tmp_path: Path) -> None:
    run("hadolint", "Dockerfile")
    (tmp_path / "Dockerfile").write_text("FROM python:latest\nRUN cd /x && pip install uv\n")
    assert "DL3007" in run("hadolint", "Dockerfile", status=1, place=tmp_path)


def test_the_image_is_made_with_the_uv_that_the_project_is_developed_with() -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text()
    pinned = re.findall(r"uv==(\S+?)\"", (PROJECT / "pyproject.toml").read_text())
    assert re.findall(r"^ARG UV_VERSION=(\S+)", dockerfile, re.MULTILINE) == pinned
    base = re.findall(r"^ARG BASE_IMAGE=(\S+)", dockerfile, re.MULTILINE)
    assert set(base) == {composed("job")["services"]["pipeline"]["build"]["args"]["BASE_IMAGE"]}


@pytest.mark.parametrize(
    "profiles, services",
    [
        (("job",), {"pipeline"}),
        (("dagster",), STACK),
        (("monitoring",), MONITORING),
        (("dagster", "monitoring"), STACK | MONITORING),
    ],
)
def test_compose_reads_each_profile(profiles: tuple[str, ...], services: set[str]) -> None:
    read = composed(*profiles)["services"]
    assert set(read) == services
    for name, service in read.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["mem_limit"]) > 0 and float(service["cpus"]) > 0 and service["pids_limit"] > 0, name
        assert name == "pipeline" or service["healthcheck"]["test"], name
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", [])), name
        for mount in service.get("volumes", []):
            assert mount["type"] == "volume" or Path(mount["source"]).exists(), f"{name}: {mount['source']}"
        if "build" not in service:
            assert re.search(r":v?\d+\.\d+", service["image"]), f"{name}: {service['image']} is not pinned"


def test_grafana_finds_what_it_is_given() -> None:
    """It is in no package that the tests can have; its queries are in tests/monitoring."""
    given = {name: PROJECT / "deploy" / "monitoring" / "grafana" / name for name in ("datasource.yml", "dashboards.yml")}
    [source], [provider] = (list(yaml.safe_load(path.read_text()).values())[1] for path in given.values())
    services = composed("monitoring")["services"]
    mounted = {Path(mount["source"]).name: mount["target"] for mount in services["grafana"]["volumes"] if "source" in mount}
    assert Path(mounted["datasource.yml"]).parent == Path("/etc/grafana/provisioning/datasources")
    assert Path(mounted["dashboards.yml"]).parent == Path("/etc/grafana/provisioning/dashboards")
    assert Path(mounted["lending_club.json"]).parent == Path(provider["options"]["path"])
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == mounted["lending_club.json"]
    dashboard = json.loads((PROJECT / "deploy" / "monitoring" / "grafana" / "lending_club.json").read_text())
    assert services["grafana"]["healthcheck"]["test"][-1].endswith(f"/api/dashboards/uid/{dashboard['uid']}")
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    server, port = source["url"].removeprefix("http://").split(":")
    assert [published["target"] for published in services[server]["ports"]] == [int(port)]


def test_settings_reach_the_container() -> None:
    environment = {
        "DATABRICKS_TOKEN": "t",
        "LENDING_CLUB_CATALOG": "c",
        "MEMORY": "512m",
        "LENDING_CLUB_USER": "7:8",
        "CPUS": "0.5",
    }
    service = composed("job", **environment, LENDING_CLUB_DATA="/srv/lending")["services"]["pipeline"]
    assert service["environment"]["DATABRICKS_TOKEN"] == "t"
    assert service["environment"]["LENDING_CLUB_CATALOG"] == "c"
    assert service["environment"]["LENDING_CLUB_DATA"] == "/home/kedro_docker/data"
    assert service["volumes"][0]["source"] == "/srv/lending"
    assert (service["mem_limit"], service["memswap_limit"], service["cpus"]) == ("536870912", "536870912", 0.5)
    assert service["user"] == "7:8"
    assert service["environment"]["DATABRICKS_TOKEN_FILE"] == "/run/secrets/databricks_token"


def test_every_setting_of_the_page_is_passed_on_or_has_no_place_in_a_container() -> None:
    page = (PROJECT / "docs" / "reference" / "settings.md").read_text()
    known = set(re.findall(r"`((?:LENDING_CLUB|DATABRICKS)_[A-Z_]+)`", page))
    passed = set(composed("job")["services"]["pipeline"]["environment"])
    # Paths of the machine, which a container has others for.
    elsewhere = {"LENDING_CLUB_TEMP", "LENDING_CLUB_METRICS_FILE"}
    assert known - passed - elsewhere == set()


def test_no_secret_is_sent_to_the_builder() -> None:
    """Read as a .gitignore, which it is written to be one of, too; make image-test looks for secrets in a real image."""
    ignored = pathspec.PathSpec.from_lines("gitwildmatch", (PROJECT / ".dockerignore").read_text().splitlines())
    kept_back = ".env src/.env conf/.env conf/local/credentials.yml data/01_raw/accounts.csv .git/config deploy/x".split()
    for name in kept_back:
        assert ignored.match_file(name), name
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split("\0")
    sent = {name.split("/")[0] for name in filter(None, listed) if not ignored.match_file(name)}
    assert sent == {"README.md", "conf", "pyproject.toml", "src", "uv.lock"}


def test_workflows_are_as_their_linters_ask(tmp_path: Path) -> None:
    run("jactionlint")
    run("zizmor", "--offline", "--quiet", ".github")
    (tmp_path / "bad.yml").write_text(
        "on: push\njobs: {a: {runs-on: ubuntu-24.04, steps: [{run: 'echo ${{ github.nothing }}'}]}}\n"
    )
    assert "nothing" in run("jactionlint", str(tmp_path / "bad.yml"), status=1)


def test_workflows_call_targets_of_make_and_pinned_actions() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    for path in WORKFLOWS:
        text = path.read_text()
        called = set(re.findall(r"\bmake (?:--\S+ )*([a-z-]+)", text))
        assert called and called <= targets, f"{path.name}: {called - targets}"
        used = re.findall(r"uses: (\S+)", text)
        assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}|\./\S+", action) for action in used), path.name
        assert yaml.safe_load(text)["permissions"] in ({"contents": "read"}, {}), path.name


def test_ci_and_the_workflow_do_the_same() -> None:
    """CI of a machine without a Docker engine leaves the image out; it measures speed, which a hired machine cannot."""
    text = (PROJECT / ".github" / "workflows" / "ci.yml").read_text()
    in_workflow = set(re.findall(r"make ([a-z-]+)", text))
    in_ci = set(re.findall(r"make (?:--\S+ )*([a-z-]+)", (PROJECT / ".ci" / "run").read_text()))
    assert {"lint", "test-duckdb", "test-databricks", "test-around", "test-pages"} <= in_workflow
    assert {"check", "test-speed"} <= in_ci
    assert re.search("^check: lint test ", (PROJECT / "Makefile").read_text(), re.MULTILINE)


def test_every_test_is_run_by_a_workflow() -> None:
    """Those that take too long for every change are run every week."""
    targets = set(re.findall(r"^(test-[a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    called = {name for path in WORKFLOWS for name in re.findall(r"make (test-[a-z]+)", path.read_text())}
    assert targets - called == {"test-speed"}  # which a hired machine cannot measure


def test_the_workflow_has_every_python_of_the_project() -> None:
    matrix = yaml.safe_load((PROJECT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["test"]["strategy"]["matrix"][
        "python"
    ]
    makefile = re.search(r"^PYTHONS \?= (.*)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert makefile and matrix == makefile[1].split()
    wanted = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert wanted == f">={matrix[0]},<3.{int(matrix[-1].split('.')[1]) + 1}"
