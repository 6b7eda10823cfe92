"""What all tests share: a data directory of their own, and a way to run the job in this process or as a person would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, cast

import hypothesis
import pytest

from lending_club.warehouse.duckdb import DuckDBWarehouse
from tests import kedro_process

PROJECT = Path(__file__).parent.parent
SAMPLE = PROJECT / "data" / "01_raw"

hypothesis.settings.register_profile(
    "default", max_examples=60, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("thorough", parent=hypothesis.settings.get_profile("default"), max_examples=1500)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End here, when everything is reported.

    A process that has imported Great Expectations and then opened DuckDB through SQLAlchemy ends with a page of complaints by
    DuckDB's binding about objects left over at exit. They mean nothing, and no command of the project shows them.
    """
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None and "great_expectations" in sys.modules:
        sys.stdout.flush()
        os._exit(reporter._session.exitstatus)


def missing(what: str) -> NoReturn:
    """Skip a test for which this machine has not what it takes, but fail it in CI, which has to have everything."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def write_inputs(data: Path, customers: bytes, accounts: bytes) -> None:
    """Put two input files where a run looks for them."""
    raw = data / "01_raw"
    raw.mkdir(parents=True, exist_ok=True)
    (raw / "Customer.csv").write_bytes(customers)
    (raw / "accounts.csv").write_bytes(accounts)


@cache
def _bootstrapped() -> None:
    """Once is enough: Kedro forgets the pipelines each time, and to read their SQL again is a seventh of a small run."""
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(PROJECT)


def run_here(data: Path, pipeline_names: list[str] | None = None, env: str | None = None, **parameters: Any) -> None:
    """Run the job in this process, unchecked where nothing else is said; the project's own errors come out as raised."""
    parameters["quality"] = {"checks": env == "prod", **parameters.get("quality", {})}
    from kedro.framework.session import KedroSession

    from lending_club.errors import told_error

    os.environ["LENDING_CLUB_DATA"] = str(data)
    _bootstrapped()
    with KedroSession.create(project_path=PROJECT, env=env, runtime_params=parameters) as session:
        try:
            cast(KedroSession, session).run(pipeline_names=pipeline_names)
        except Exception as error:
            raise told_error(error) or error from error


def change_scratch(database: Path, sql: str) -> None:
    """Change what a run has made so far."""
    warehouse = DuckDBWarehouse(database)
    warehouse._execute(sql)
    warehouse.close()


def kedro_command(*arguments: str) -> list[str]:
    """The kedro command of this environment."""
    return [str(Path(sys.executable).with_name("kedro")), *arguments]


def run_environment(data: Path, **extra: str) -> dict[str, str]:
    """The environment of a person who has set nothing but the data directory."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LENDING_CLUB", "KEDRO"))}
    # Messages are tested as a person reads them, in prod too; tests/test_logs.py is about the others.
    return {**kept, "LENDING_CLUB_DATA": str(data), "LENDING_CLUB_LOG_FORMAT": "text", **extra}


def kedro_run(data: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """``kedro run`` as a process of its own."""
    return kedro(data, "run", *arguments, **extra)


def kedro(data: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """A kedro command as a process of its own."""
    return kedro_process.run(kedro_command(*arguments), PROJECT, run_environment(data, **extra))


UNCHECKED = ("--params", "quality.checks=false")


def unchecked_run(data: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """``kedro run`` for the tests that are not about the checks, which take seconds to import."""
    given = list(arguments) if "--params" in arguments else [*arguments, *UNCHECKED]
    if "--params" in arguments:
        given[given.index("--params") + 1] += f",{UNCHECKED[1]}"
    return kedro_run(data, *given, **extra)


def run_killed_at(step: int, data: Path, *arguments: str, **extra: str) -> None:
    """An unchecked ``kedro run`` that is killed when so many steps are done."""
    with subprocess.Popen(
        kedro_command("run", *arguments, *UNCHECKED),
        cwd=PROJECT,
        env=run_environment(data, **extra),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stderr is not None
        assert any(f" {step}/" in line for line in run.stderr)
        run.kill()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory that holds the sample."""
    directory = tmp_path / "data"
    write_inputs(directory, (SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes())
    return directory


@pytest.fixture
def with_files(tmp_path: Path) -> Callable[[bytes, bytes], Path]:
    """A function that makes the data directory from two files."""

    def make(customers: bytes, accounts: bytes) -> Path:
        write_inputs(tmp_path / "data", customers, accounts)
        return tmp_path / "data"

    return make
