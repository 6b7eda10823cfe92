"""What Kedro-Viz is told about the project. What it makes of that is in tests/browser/test_viz.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.preview_contract import TextPreview
from kedro_viz.api.rest.responses import run_events

from lending_club import viz
from lending_club.warehouse.databricks_login import Login
from tests.conftest import PROJECT, UNCHECKED, kedro_command, run_environment

SNAPSHOTS = PROJECT / "tests" / "warehouse" / "databricks_sql"


@pytest.fixture
def load(data: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that loads the project for an environment, where no setting of Databricks is made."""
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("LENDING_CLUB_DATA", str(data))
    monkeypatch.setattr(run_events, "PIPELINE_EVENT_FULL_PATH", run_events.PIPELINE_EVENT_FULL_PATH)
    monkeypatch.setattr(Login, "from_environment", lambda: pytest.fail("somebody wants to log in"))

    def load(env: str | None = None) -> tuple[DataCatalog, Pipeline]:
        catalog, pipelines, _ = viz._load_described_data(PROJECT, env, False, "lending_club")
        return catalog, pipelines["__default__"]

    return load


def previews(pipeline: Pipeline) -> dict[str, str]:
    return {node.name: cast(TextPreview, node.preview()).content for node in pipeline.nodes}


def test_each_step_says_what_it_does(load: Any) -> None:
    said = previews(load()[1])
    assert all(len(text) > 20 for text in said.values())
    assert said["approve"].startswith("Refuse to publish when too much of a source is quarantined.")
    folder = "src/lending_club/pipelines/transformation/sql"
    assert said["customers"] == f"-- {folder}/customers.sql\n\n{(PROJECT / folder / 'customers.sql').read_text()}"


def test_under_prod_a_model_is_as_databricks_is_sent_it(load: Any) -> None:
    said = previews(load("prod")[1])
    snapshots = {path.stem: path.read_text() for path in SNAPSHOTS.glob("*.sql")}
    models = {name: text for name, text in said.items() if text.startswith("-- Made of")}
    assert {"account_summary", "quarantine", "total_interest"} <= set(models)
    for name, text in models.items():
        assert text.partition("\n\n")[2].strip() == snapshots[name].strip()
    assert said["raw_accounts"].startswith("-- src/")  # DuckDB reads the files there, too


@pytest.mark.parametrize("env", ["base", "prod"])
def test_every_dataset_has_a_layer(load: Any, env: str) -> None:
    catalog, pipeline = load(env)
    datasets = {name: catalog[name] for name in pipeline.datasets() if not name.startswith("param")}
    layers = {name: (each.metadata or {}).get("kedro-viz", {}).get("layer") for name, each in datasets.items()}
    assert {name for name, layer in layers.items() if layer is None} == set()
    assert set(layers.values()) == {"raw", "staging", "marts", "reporting"}


def test_rates_are_shown_with_their_digits(load: Any) -> None:
    catalog, _ = load()
    assert catalog["params:interest.loan_bonus"].load() == "0.0050"
    assert catalog["params:interest"].load()["tiers"][0] == {"at_least": "0.00", "below": "10000.00", "rate": "0.0100"}


def test_a_run_imports_nothing_of_its_hooks(data: Path) -> None:
    """They would import pandas; the one thing that is loaded of Kedro-Viz are names."""
    command = [sys.executable, "-X", "importtime", *kedro_command("run", *UNCHECKED)]
    run = subprocess.run(command, cwd=PROJECT, env=run_environment(data), capture_output=True, text=True, timeout=120)
    imported = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines() if line.startswith("import time:")}
    assert run.returncode == 0
    assert "kedro_viz.launchers.cli.lazy_default_group" in imported
    assert not {"pandas", "numpy", "pathspec", "lending_club.viz", "kedro_viz.server", "fastapi"} & imported


def test_a_mistake_is_told_in_one_message(data: Path) -> None:
    """Also by the server, which is a process of its own and which nobody waits for in vain."""
    for command in (["build"], ["run", "--no-browser", "--port", "24141"]):
        kedro = kedro_command("viz", *command, "--env", "nowhere")
        run = subprocess.run(kedro, cwd=PROJECT, env=run_environment(data), capture_output=True, text=True, timeout=120)
        assert run.returncode == 1
        assert "Error: MissingConfigException" in run.stderr
        assert "Traceback" not in run.stderr
