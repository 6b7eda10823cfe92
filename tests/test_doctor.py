"""kedro doctor on DuckDB; on Databricks it is tested with the rest of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import duckdb
import pytest

from lending_club.errors import ExitCode
from tests.conftest import PROJECT, kedro


def doctor(data: Path) -> subprocess.CompletedProcess[str]:
    return kedro(data, "doctor")


def test_all_is_well_with_the_sample(data: Path) -> None:
    done = doctor(data)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert [line.split(":")[0] for line in told[:3]] == ["ok  data directory", "ok  database", "ok  version"]
    assert f"DuckDB {duckdb.__version__}" in told[2]
    assert told[-1] == "All is well: kedro run can do its work."
    with duckdb.connect(str(data / "02_intermediate" / "lending_club.duckdb")) as connection:
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)], "something is left behind"
    assert not (data / "08_reporting").exists()


def test_it_ends_at_the_first_thing_that_is_wrong(data: Path) -> None:
    (data / "01_raw" / "accounts.csv").unlink()
    done = doctor(data)
    assert done.returncode == ExitCode.INPUT
    assert "ok  load a file" in done.stdout
    assert done.stderr.startswith(f"Error: {data / '01_raw' / 'accounts.csv'} is not there. Put the file there")


def test_a_data_directory_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    done = doctor(tmp_path / "data")
    assert done.returncode == ExitCode.DATA_DIRECTORY
    assert "LENDING_CLUB_DATA" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("databricks: {token: 'dapi-secret-of-mine'", ", line 1"),
        ("databricks: dapi-secret-of-mine", ""),
        ("- dapi-secret-of-mine", ""),
    ],
)
def test_credentials_that_cannot_be_read_are_not_told(data: Path, tmp_path: Path, text: str, line: str) -> None:
    conf = tmp_path / "conf"
    (conf / "local").mkdir(parents=True)
    (conf / "base").symlink_to(PROJECT / "conf" / "base")
    (conf / "local" / "credentials.yml").write_text(text)
    done = kedro(data, "doctor", "--conf-source", str(conf))
    assert done.returncode == ExitCode.CONFIGURATION
    assert f"credentials.yml{line}: cannot be read" in done.stderr
    assert "secret" not in done.stderr + done.stdout
