"""What Dagster is given, and the job run by it in this process."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster import _check as check
from kedro.framework.session import KedroSession

from lending_club.orchestration import assets
from lending_club.orchestration.definitions import definitions
from lending_club.orchestration.project import Project, run_project
from tests.conftest import PROJECT, UNCHECKED, kedro_command, run_environment
from tests.monitoring.servers import free_port
from tests.test_run import contents


@pytest.fixture
def loaded(data: Path, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("LENDING_CLUB_DATA", str(data))
    return definitions()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def execute(loaded: dg.Definitions, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return loaded.resolve_job_def("lending_club").execute_in_process(instance=instance, raise_on_error=False)


def failure(result: dg.ExecuteInProcessResult) -> Any:
    (event,) = (event for event in result.all_events if event.event_type_value == "STEP_FAILURE")
    return check.not_none(event.step_failure_data.user_failure_data)


def test_assets_are_the_datasets_of_the_catalog_with_their_lineage(loaded: dg.Definitions) -> None:
    project = Project.load()
    nodes = project.pipeline.nodes
    specs = {spec.key.to_user_string(): spec for spec in loaded.resolve_all_asset_specs()}
    values = {name for name in project.pipeline.datasets() if name.startswith("param")} | {"run_id", "data_docs"}
    assert set(specs) == set(project.pipeline.datasets()) - values
    for node in nodes:
        spec = specs[node.outputs[0]]
        assert {dep.asset_key.to_user_string() for dep in spec.deps} == set(node.inputs) - values
        assert spec.group_name in node.tags
        assert spec.description and spec.kinds
    assert specs["account_summary"].description is not None
    assert "```sql" in specs["account_summary"].description
    assert specs["account_summary"].kinds == {"sql", "duckdb"}
    assert specs["accounts_csv"].kinds == {"csv"}
    assert str(specs["accounts_csv"].description).endswith("/01_raw/accounts.csv`")


def test_a_run_is_one_run_with_its_rows_and_checks_and_the_next_is_left_out(
    loaded: dg.Definitions, instance: dg.DagsterInstance, data: Path
) -> None:
    result = execute(loaded, instance)
    assert result.success
    made = {event.asset_key.to_user_string(): event for event in result.get_asset_materialization_events() if event.asset_key}
    assert set(made) == {node.outputs[0] for node in Project.load().pipeline.nodes}
    assert len(list((data / "09_runs").glob("*.json"))) == 1  # one run, as kedro run would have left it
    metadata = made["account_summary"].materialization.metadata
    assert metadata["dagster/row_count"].value == 8
    assert metadata["seconds"].value is not None
    assert made["published"].materialization.metadata["total annual interest"].value == "5102.37"
    page = made["report"].materialization.metadata["page"].value
    assert page == (data / "08_reporting" / "report.html").as_uri()
    observed = {event.asset_key.to_user_string(): event for event in result.get_asset_observation_events() if event.asset_key}
    assert set(observed) == {"accounts_csv", "customers_csv"}
    content = (data / "01_raw" / "accounts.csv").read_bytes()
    seen = observed["accounts_csv"].asset_observation_data.asset_observation.metadata
    assert seen["bytes"].value == len(content)
    assert seen["sha256"].value == hashlib.sha256(content).hexdigest()
    checks = result.get_asset_check_evaluations()
    assert len(checks) == sum(map(len, Project.load().parameters.expectations.values())) > 30
    assert all(check.passed for check in checks)

    before = contents(data)
    again = execute(loaded, instance)
    assert again.success
    assert again.get_asset_materialization_events() == []
    assert [event.asset_key.to_user_string() for event in again.get_asset_observation_events() if event.asset_key] == [
        "published"
    ]
    assert contents(data) == before


def test_a_result_that_is_not_as_expected(loaded: dg.Definitions, instance: dg.DagsterInstance, data: Path) -> None:
    execute(loaded, instance)
    before = contents(data)
    raw = data / "01_raw" / "accounts.csv"
    lines = raw.read_text().splitlines()
    raw.write_text("\n".join([lines[0], *(line.replace("Savings", "Loan") for line in lines[1:])]) + "\n")
    result = execute(loaded, instance)
    assert not result.success
    assert "max_quarantined_share" in failure(result).description
    assert result.get_asset_materialization_events() == []
    assert contents(data) == before


def test_an_unmet_expectation_fails_its_check_and_the_run(
    data: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = {"says": "There is no account.", "query": "SELECT account_id FROM {batch}"}
    parameters = {"expectations": {"account_summary": {"none": none}}}
    create = partial(KedroSession.create, runtime_params=parameters)
    monkeypatch.setattr("lending_club.orchestration.project.KedroSession.create", create)
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("LENDING_CLUB_DATA", str(data))
    result = execute(definitions(), instance)
    assert not result.success
    (unmet,) = (check for check in result.get_asset_check_evaluations() if not check.passed)
    assert (unmet.check_name, unmet.severity) == ("none", dg.AssetCheckSeverity.ERROR)
    assert "8" in str(unmet.description)
    assert "There is no account." in failure(result).description
    assert result.get_asset_materialization_events() == []
    assert not (data / "08_reporting" / "account_summary.csv").exists()


def test_bad_input_is_told_in_one_message_and_not_tried_again(
    loaded: dg.Definitions, instance: dg.DagsterInstance, data: Path
) -> None:
    (data / "01_raw" / "accounts.csv").unlink()
    result = execute(loaded, instance)
    told = failure(result)
    assert told.description.startswith(f"{data / '01_raw' / 'accounts.csv'} cannot be read: no such file")
    assert len(list((data / "09_runs").glob("*.json"))) == 1


def test_what_may_pass_is_tried_again(
    loaded: dg.Definitions, instance: dg.DagsterInstance, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run holds the lock, once."""
    monkeypatch.setattr(assets, "_RETRY_SECONDS", (0,))
    tried = []

    def refused_once(force: bool) -> None:
        tried.append(force)
        if len(tried) == 1:
            from lending_club.errors import RunInProgressError

            raise RunInProgressError("Another run works here.")
        run_project(force)

    monkeypatch.setattr(assets, "run_project", refused_once)
    result = execute(loaded, instance)
    assert result.success
    assert len(tried) == 2


def test_failed_checks_are_shown(loaded: dg.Definitions) -> None:
    found = {"table": "freshness", "name": "is_recent", "severity": "warn", "is_met": False, "found": "1 rows do not meet it."}
    unknown = {**found, "name": "added_since"}
    (result,) = assets.check_results(Project.load(), {"checks": [found, unknown]})
    assert result.passed is False
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert result.description == "1 rows do not meet it."


def test_an_arrival_starts_one_run(loaded: dg.Definitions, instance: dg.DagsterInstance, data: Path) -> None:
    sensor = loaded.resolve_sensor_def("arrival")

    def look(cursor: str | None) -> tuple[int, str | None]:
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            seen = sensor.evaluate_tick(context)
        return len(seen.run_requests or []), seen.cursor

    requests, cursor = zip(*[look(None)], strict=True)
    counts, seen = list(requests), cursor[0]
    for _ in range(4):
        count, seen = look(seen)
        counts.append(count)
    assert counts == [0, 1, 0, 0, 0]
    assert execute(loaded, instance).success
    assert execute(loaded, instance).success  # left out, and tells nothing of its files
    lost = None  # a sensor that has forgotten all: the files are those of the last run
    for _ in range(3):
        count, lost = look(lost)
        assert count == 0


def test_a_tick_starts_one_run_and_none_while_one_is_under_way(loaded: dg.Definitions) -> None:
    schedules = [loaded.resolve_schedule_def(name) for name in ("daily", "hourly")]
    assert {schedule.default_status for schedule in schedules} == {dg.DefaultScheduleStatus.STOPPED}
    with dg.instance_for_test() as instance, dg.build_schedule_context(instance=instance) as context:
        assert [len(schedule.evaluate_tick(context).run_requests or []) for schedule in schedules] == [1, 1]
        run = instance.create_run_for_job(loaded.resolve_job_def("lending_club"), status=dg.DagsterRunStatus.STARTED)
        for schedule in schedules:
            found = schedule.evaluate_tick(context)
            assert not found.run_requests
            assert found.skip_message == f"The run {run.run_id} has not ended."


def test_a_run_is_lost_with_the_code_server_of_dagster_dev_and_not_while_one_on_the_network_is_away(
    loaded: dg.Definitions, tmp_path: Path
) -> None:
    """tests/orchestration/slow_server.py has those that do answer."""
    local = yaml.safe_load((PROJECT / "deploy" / "dagster" / "local" / "dagster.yaml").read_text())
    served, gone = str(tmp_path / "served"), str(tmp_path / "gone")
    found = (({"port": free_port()}, "RUNNING"), ({"socket": served}, "RUNNING"), ({"socket": gone}, "NOT_FOUND"))
    with dg.instance_for_test({"run_launcher": local["run_launcher"]}) as instance, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(served)
        listener.listen()
        for server, status in found:
            tags = {".dagster/grpc_info": json.dumps({"host": "localhost", **server})}
            job = loaded.resolve_job_def("lending_club")
            run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)
            assert instance.run_launcher.supports_check_run_worker_health
            assert instance.run_launcher.check_run_worker_health(run).status.value == status


def test_a_run_imports_nothing_of_it(data: Path) -> None:
    command = [sys.executable, "-X", "importtime", *kedro_command("run", *UNCHECKED)]
    run = subprocess.run(command, cwd=PROJECT, env=run_environment(data), capture_output=True, text=True, timeout=120)
    imported = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines() if line.startswith("import time:")}
    assert run.returncode == 0
    assert not [name for name in imported if name.startswith(("dagster", "lending_club.orchestration"))]


def test_the_instance_of_the_machine_is_the_deployed_one_but_for_its_storage() -> None:
    deployed = yaml.safe_load((PROJECT / "deploy" / "dagster" / "dagster.yaml").read_text())
    local = yaml.safe_load((PROJECT / "deploy" / "dagster" / "local" / "dagster.yaml").read_text())
    assert {name: each for name, each in deployed.items() if name != "storage"} == local
    assert local["telemetry"] == local["nux"] == {"enabled": False}
