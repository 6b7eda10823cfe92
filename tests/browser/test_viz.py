"""Kedro-Viz as a browser shows it: from its server, and as a page from disk."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import WIDE, Visit
from tests.conftest import PROJECT, SAMPLE, kedro_command, run_environment, unchecked_run, write_inputs

LAYERS = ["raw", "staging", "marts", "reporting"]
SECONDS = 60_000  # in milliseconds, on a machine that has other things to do


@pytest.fixture(scope="module")
def run_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory after a run on the sample."""
    data = tmp_path_factory.mktemp("viz") / "data"
    write_inputs(data, (SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes())
    assert unchecked_run(data).returncode == 0
    return data


@pytest.fixture(scope="module")
def address(run_data: Path) -> Iterator[str]:
    """Where ``kedro viz run`` says that it is."""
    port = 20_000 + os.getpid() % 20_000  # Kedro-Viz takes the next free one
    with subprocess.Popen(
        kedro_command("viz", "run", "--no-browser", "--port", str(port)),
        cwd=PROJECT,
        env=run_environment(run_data, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as server:
        assert server.stdout is not None
        found = next((line.strip() for line in server.stdout if line.strip().startswith("http://")), None)
        try:
            assert found is not None, "Kedro-Viz did not start"
            yield found
        finally:
            os.killpg(server.pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def page_on_disk(run_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("page")
    command = kedro_command("viz", "build", "--output", str(directory))
    subprocess.run(command, cwd=PROJECT, env=run_environment(run_data), check=True, capture_output=True, timeout=120)
    return directory / "index.html"


def ids(main: dict[str, Any], kind: str) -> dict[str, str]:
    return {node["name"]: node["id"] for node in main["nodes"] if node["type"] == kind}


def responses_in(page: Path) -> dict[str, Any]:
    found = re.search("const responses = (.*);\n", page.read_text())
    assert found is not None
    return dict(json.loads(found[1]))


def look_at_everything(visit: Visit, address: str, main: dict[str, Any]) -> Page:
    assert main["layers"] == LAYERS
    page = visit(address, width=WIDE)
    expect(page.locator(".pipeline-layer-name")).to_have_text(LAYERS, timeout=SECONDS)

    panel = page.locator(".pipeline-metadata")
    page.goto(f"{address}?pid=__default__&sid={ids(main, 'task')['account_summary']}")
    expect(panel).to_contain_text("interest_of(original_balance, interest_rate) AS annual_interest", timeout=SECONDS)
    expect(panel).to_contain_text("src/lending_club/pipelines/transformation/sql/account_summary.sql")

    page.goto(f"{address}?pid=__default__&sid={ids(main, 'data')['account_summary_csv']}")
    row = panel.locator("tr", has_text="SA-0006").locator("td")
    expect(row).to_have_text(["1006", "SA-0006", "152300.25", "0.0250", "3807.51", "156107.76"], timeout=SECONDS)
    expect(panel.locator("[data-test=metadata-stats-value-rows]")).to_have_text("8")

    page.locator(".pipeline-menu-button--workflow").first.click()
    expect(page.locator(".run-status-notification")).to_contain_text(re.compile("success", re.IGNORECASE), timeout=SECONDS)
    expect(page.locator(".pipeline-node--task").first).to_contain_text("Duration")
    return page


def test_the_server_shows_layers_sql_rows_and_the_last_run(address: str, visit: Visit) -> None:
    with urlopen(f"{address}api/main") as response:
        look_at_everything(visit, address, json.load(response))


def test_the_page_shows_the_same_from_disk(page_on_disk: Path, visit: Visit) -> None:
    look_at_everything(visit, page_on_disk.as_uri(), responses_in(page_on_disk)["main"])


def test_the_page_is_alone_and_says_nothing_of_the_machine(page_on_disk: Path, run_data: Path) -> None:
    assert [path.name for path in page_on_disk.parent.iterdir()] == ["index.html"]
    responses = responses_in(page_on_disk)
    for private in (str(PROJECT), str(run_data), str(run_data.parent), str(Path.home()) + "/", socket.gethostname() + "."):
        assert private not in json.dumps(responses)
    paths = {node["filepath"] for name, node in responses.items() if name.startswith("nodes/") and node.get("filepath")}
    assert {"data/01_raw/accounts.csv", "data/08_reporting/account_summary.csv"} <= paths
    assert all(re.match("(data|src/lending_club)/", path) for path in paths)
