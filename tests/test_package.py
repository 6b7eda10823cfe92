"""The wheel: the same bytes from the same sources, installed with nothing else, run in a directory that holds only data."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lending_club.errors import ExitCode
from tests.conftest import PROJECT, SAMPLE, write_inputs
from tests.oracle import expected
from tests.published import assert_files_published

UV = str(Path(sys.executable).with_name("uv"))
UNCHECKED = ("--params", "quality.checks=false")
Installed = Callable[..., "subprocess.CompletedProcess[str]"]


def build(directory: Path) -> Path:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1767225600"}
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", str(directory), str(PROJECT)], env=environment, check=True)
    (wheel,) = directory.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment in which nothing but the wheel, without extras, was asked for."""
    directory = tmp_path_factory.mktemp("installed")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, str(directory / "env")], check=True)
    found = directory / "env" / "bin" / "python"
    export = [UV, "export", "--quiet", "--locked", "--no-default-groups", "--no-emit-project", "--project", str(PROJECT)]
    (directory / "locked.txt").write_text(subprocess.run(export, check=True, capture_output=True, text=True).stdout)
    install = [UV, "pip", "install", "--quiet", "--python", str(found), "--constraint", str(directory / "locked.txt")]
    subprocess.run([*install, str(wheel)], check=True)
    return found


@pytest.fixture
def installed(python: Path, tmp_path: Path) -> Installed:
    """A function that runs a command of the package in an empty directory."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LENDING_CLUB", "KEDRO", "PYTHONPATH"))}

    def run(*command: str, **extra: str) -> subprocess.CompletedProcess[str]:
        found = [str(python.with_name(command[0])), *command[1:]]
        return subprocess.run(found, cwd=tmp_path, env={**kept, **extra}, capture_output=True, text=True, timeout=120)

    return run


def sample(directory: Path) -> Path:
    write_inputs(directory / "data", (SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes())
    return directory / "data"


def test_the_same_sources_give_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (wheel, build(tmp_path))]
    assert digests[0] == digests[1]


def test_it_brings_the_configuration_and_nobodys_secrets(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {
        f"lending_club/conf/{name}" for name in ("base/catalog.yml", "base/parameters.yml", "prod/globals.yml", "logging.yml")
    } <= set(names)
    assert not [name for name in names if "local" in name or "credentials" in name or ("data/" in name and "raw" in name)]


def test_help_explains_it(installed: Installed, tmp_path: Path) -> None:
    for command in (("lending-club", "--help"), ("lending-club",), ("python", "-m", "lending_club", "--help")):
        told = installed(*command)
        assert "lending-club run" in told.stdout + told.stderr
        assert "./data/01_raw" in told.stdout + told.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_whole_job_with_the_shipped_configuration(installed: Installed, tmp_path: Path) -> None:
    data = sample(tmp_path)
    ended = installed("lending-club", "run")
    assert ended.returncode == 0, ended.stderr
    assert_files_published(data, expected((SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes()))
    assert "35 of 35 expectations met" in ended.stdout
    assert installed("lending-club", "validate").returncode == 0
    assert installed("lending-club", "doctor").returncode == 0
    assert "published" in installed("lending-club", "runs").stdout
    assert "left out" in installed("python", "-m", "lending_club").stderr
    assert {path.name for path in tmp_path.iterdir()} == {"data"}


def test_another_data_directory_and_own_settings(installed: Installed, tmp_path: Path) -> None:
    data = sample(tmp_path / "elsewhere")
    local = tmp_path / "conf" / "local"
    local.mkdir(parents=True)
    (local / "parameters.yml").write_text(
        "quality: {checks: false, max_quarantined_share: '0.2', max_age_hours: 1, kept_results: 1}\n"
    )
    ended = installed("lending-club", "run", LENDING_CLUB_DATA=str(data))
    assert ended.returncode == 0, ended.stderr
    assert "NOT CHECKED" in ended.stderr
    assert (data / "08_reporting" / "account_summary.csv").is_file()


def test_another_configuration(installed: Installed, tmp_path: Path) -> None:
    sample(tmp_path)
    other = tmp_path / "rates"
    subprocess.run(["cp", "-r", str(PROJECT / "conf"), str(other)], check=True)
    parameters = other / "base" / "parameters.yml"
    parameters.write_text(parameters.read_text().replace('loan_bonus: "0.0050"', 'loan_bonus: "0.0000"'))
    ended = installed("lending-club", "run", "--conf-source", str(other), *UNCHECKED)
    assert ended.returncode == 0, ended.stderr
    assert "5,102.37" not in ended.stdout
    (tmp_path / "nothing").mkdir()
    ended = installed("lending-club", "run", "--conf-source", "nothing")
    assert (ended.returncode, "there is no directory base in it" in ended.stderr) == (ExitCode.CONFIGURATION, True)


def test_each_kind_of_fault_has_its_status(installed: Installed, tmp_path: Path) -> None:
    def status(*arguments: str, **extra: str) -> int:
        ended = installed("lending-club", "run", *arguments, **extra)
        assert "Error:" in ended.stderr
        assert "Traceback" not in ended.stderr
        return ended.returncode

    assert status(*UNCHECKED) == ExitCode.INPUT
    data = sample(tmp_path)
    assert status("--nothing") == ExitCode.USAGE
    assert status("--params", "interest.loan_bonus=2") == ExitCode.CONFIGURATION
    # The extra is not installed here.
    assert status("--env", "prod", LENDING_CLUB_LOG_FORMAT="text") == ExitCode.CONFIGURATION
    assert "pip install 'lending_club[databricks]'" in installed("lending-club", "run", "--env", "prod").stderr
    assert status("--params", "quality.checks=false", LENDING_CLUB_DATA="/dev/null") == ExitCode.DATA_DIRECTORY
    lock = data / "02_intermediate" / "run.lock"
    with subprocess.Popen(["flock", "--no-fork", str(lock), "sleep", "60"]) as holder:
        assert status("--params", "quality.checks=false,run.lock_wait_seconds=1") == ExitCode.IN_PROGRESS
        holder.kill()
    (data / "01_raw" / "accounts.csv").write_text("AccountID,CustomerID,Balance,AccountType\nX,1001,ABC,Savings\n")
    assert status(*UNCHECKED) == ExitCode.NOT_AS_EXPECTED
    # A warehouse out of reach: tests/warehouse; and here, a database that somebody else has open.
    database = str(data / "02_intermediate" / "lending_club.duckdb")
    holding = f"import duckdb, sys; c = duckdb.connect({database!r}); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert status(*UNCHECKED) == ExitCode.WAREHOUSE
        holder.kill()
