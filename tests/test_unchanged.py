"""A run on what the last one was made of is left out, and any other is not."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any, cast

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from lending_club import run_record, unchanged
from lending_club.csv_file import CsvFile
from lending_club.datasets import PublishedTable
from lending_club.unchanged import SkipUnchangedRunner
from lending_club.warehouse import close_warehouses
from tests.conftest import PROJECT, kedro_run, unchecked_run

LEFT_OUT = "left out"


def state(data: Path) -> dict[str, tuple[int, int, bytes]]:
    """All published files, as a reader that watches them sees them."""
    published = data / "08_reporting" / ".current"
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in published.iterdir()}


def run(data: Path, caplog: pytest.LogCaptureFixture, pipeline: str | None = None, force: bool = False, **parameters: Any) -> str:
    """Run in this process as ``kedro run`` does; what it logged."""
    os.environ["LENDING_CLUB_DATA"] = str(data)
    bootstrap_project(PROJECT)
    caplog.clear()
    caplog.set_level(logging.INFO, logger="lending_club")
    parameters["quality"] = {"checks": False, **parameters.get("quality", {})}
    with KedroSession.create(project_path=PROJECT, runtime_params=parameters) as session:
        cast(KedroSession, session).run(pipeline_names=[pipeline] if pipeline else None, runner=SkipUnchangedRunner(force=force))
    return caplog.text


def test_nothing_is_touched_but_the_freshness_is_renewed(data: Path) -> None:
    first = unchecked_run(data)
    published, before = data / "08_reporting" / ".current", state(data)
    os.utime(published.resolve(), (0, 0))
    second = unchecked_run(data)
    assert LEFT_OUT in second.stderr and LEFT_OUT not in first.stderr
    assert second.stdout == first.stdout
    assert state(data) == before
    assert published.stat().st_mtime > 1_700_000_000
    forced = unchecked_run(data, "--force")
    assert LEFT_OUT not in forced.stderr
    after = state(data)
    assert after.keys() == before.keys()
    for name in after:
        if name.endswith((".csv", ".parquet")):  # the others say when they were made
            assert after[name][2] == before[name][2], name
    assert state(data)["account_summary.csv"][0] != before["account_summary.csv"][0]


def test_what_was_not_checked_is_not_left_unchecked(data: Path) -> None:
    unchecked_run(data)
    checked = kedro_run(data)
    assert checked.returncode == 0
    assert "Changed since" in checked.stderr and "parameters" in checked.stderr
    assert "expectations met" in checked.stdout
    again = kedro_run(data)
    assert LEFT_OUT in again.stderr
    assert again.stdout == checked.stdout


def test_a_byte_of_a_file(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(data, caplog)
    path = data / "01_raw" / "accounts.csv"
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"9999.99", b"9999.98"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert ": accounts_csv" in run(data, caplog)
    assert b"9999.98" in (data / "08_reporting" / "account_summary.csv").read_bytes()
    assert LEFT_OUT in run(data, caplog)
    shutil.copy(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)
    assert LEFT_OUT in run(data, caplog)


def test_a_parameter(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(data, caplog)
    assert ": parameters" in run(data, caplog, interest={"loan_bonus": "0.0051"})
    assert ": parameters" in run(data, caplog)


def test_a_setting_of_the_catalog(data: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    run(data, caplog)
    monkeypatch.setenv("LENDING_CLUB_MEMORY_LIMIT", "1GB")
    assert ": catalog" in run(data, caplog)


@pytest.mark.parametrize("name", ["unchanged.py", "pipelines/transformation/sql/account_summary.sql", "new.sql"])
def test_a_file_of_the_package(
    data: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    name: str,
) -> None:
    def run_anew() -> str:
        """As in a process of its own, which has read nothing of the package yet."""
        run_record.code_checksum.cache_clear()
        return run(data, caplog)

    request.addfinalizer(run_record.code_checksum.cache_clear)
    package = tmp_path / "package"
    shutil.copytree(PROJECT / "src" / "lending_club", package)
    monkeypatch.setattr(run_record, "PACKAGE", package)
    run_anew()
    with (package / name).open("a") as file:
        file.write("\n")
    assert ": code" in run_anew()
    (package / "__pycache__").mkdir(exist_ok=True)
    (package / "__pycache__" / "x.pyc").write_bytes(b"")
    assert LEFT_OUT in run_anew()


def test_an_installed_package(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "duckdb-2.0.0.dist-info").mkdir()
    monkeypatch.setattr("lending_club.unchanged.sysconfig.get_path", lambda _: str(tmp_path))
    run(data, caplog)
    (tmp_path / "duckdb-2.0.0.dist-info").rename(tmp_path / "duckdb-2.0.1.dist-info")
    assert ": installed packages" in run(data, caplog)


@pytest.mark.parametrize("name", ["account_summary.csv", "customer_profile.parquet", "lending_club.duckdb", "report.html"])
def test_an_output(data: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    run(data, caplog)
    path = data / "08_reporting" / name
    good = path.read_bytes()
    path.resolve().write_bytes(good.replace(b"1", b"2"))
    assert "what was published" in run(data, caplog)
    if not name.endswith((".duckdb", ".html")):
        assert path.read_bytes() == good
    path.resolve().unlink()
    assert "what was published" in run(data, caplog)
    assert path.exists()


def test_another_run_in_between(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(data, caplog)
    run(data, caplog, pipeline="transformation")
    assert LEFT_OUT not in run(data, caplog)
    with pytest.raises(Exception, match="max_quarantined_share"):
        (data / "01_raw" / "accounts.csv").write_text("AccountID,CustomerID,Balance,AccountType\nA,1,x,Savings\n")
        run(data, caplog)
    assert not (data / "02_intermediate" / "last_run.json").exists()
    run(data, caplog, quality={"max_quarantined_share": 1})
    assert LEFT_OUT in run(data, caplog, quality={"max_quarantined_share": 1})
    (data / "02_intermediate" / "last_run.json").write_text("{")
    assert LEFT_OUT not in run(data, caplog, quality={"max_quarantined_share": 1})


def test_a_file_that_changes_during_the_run(
    data: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_of = unchanged._made_of

    def overtaken(inputs: dict[str, CsvFile], catalog: Any) -> dict[str, str]:
        found = made_of(inputs, catalog)
        path = inputs["accounts_csv"].path
        path.write_bytes(path.read_bytes().replace(b"9999.99", b"9999.98"))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(unchanged, "_made_of", overtaken)
        run(data, caplog)
    path = data / "01_raw" / "accounts.csv"
    path.write_bytes(path.read_bytes().replace(b"9999.98", b"9999.99"))
    assert LEFT_OUT not in run(data, caplog)
    assert b"9999.99" in (data / "08_reporting" / "account_summary.csv").read_bytes()


def test_a_file_that_is_not_there_is_told_as_ever(data: Path) -> None:
    unchecked_run(data)
    (data / "01_raw" / "accounts.csv").unlink()
    ended = unchecked_run(data)
    assert ended.returncode != 0
    assert "accounts.csv cannot be read: no such file or directory" in ended.stderr


def test_a_table_whose_state_cannot_be_found_out_is_never_the_same(data: Path) -> None:
    table = PublishedTable("marts.none", {"type": "duckdb", "path": str(data / "scratch.duckdb")})
    assert table.state() != table.state()
    close_warehouses()
