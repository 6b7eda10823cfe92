"""Log lines as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lending_club.errors import ExitCode
from lending_club.run_history import RunHistory
from tests.conftest import UNCHECKED, kedro_run


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_has_run_and_step(data: Path) -> None:
    ended = kedro_run(data, *UNCHECKED, LENDING_CLUB_LOG_FORMAT="json")
    assert (ended.returncode, ended.stdout) == (0, "")
    found = lines(ended.stderr)
    (run_id,) = RunHistory(data / "09_runs").ids()
    assert {line["run_id"] for line in found} == {run_id}
    assert {"account_summary", "publish"} <= {line["step"] for line in found}
    (warned,) = [line for line in found if line["level"] == "WARNING"]
    assert (warned["step"], warned["message"][:11]) == ("check", "NOT CHECKED")
    assert any("5,102.37" in line["message"] for line in found)


def test_an_error_is_a_line_and_names_its_step(data: Path) -> None:
    (data / "01_raw" / "accounts.csv").write_text("")
    ended = kedro_run(data, *UNCHECKED, LENDING_CLUB_LOG_FORMAT="json", LENDING_CLUB_LOG_LEVEL="DEBUG")
    assert ended.returncode == ExitCode.INPUT
    *_, before, last = lines(ended.stderr)
    assert (last["level"], last["step"], "is empty" in last["message"]) == ("ERROR", "raw_accounts", True)
    assert "Traceback" in before["traceback"]


def test_prod_writes_json(data: Path) -> None:
    ended = kedro_run(data, "--env", "prod", LENDING_CLUB_LOG_FORMAT="")
    assert ended.returncode == ExitCode.CONFIGURATION
    *_, last = lines(ended.stderr)
    assert (last["level"], "DATABRICKS_HOST" in last["message"]) == ("ERROR", True)


def test_text_names_the_run_first(data: Path) -> None:
    ended = kedro_run(data, *UNCHECKED)
    (run_id,) = RunHistory(data / "09_runs").ids()
    assert f"INFO    Run {run_id}, as of {run_id[:10]}" in ended.stderr.splitlines()[0]


def test_another_format_is_refused(data: Path) -> None:
    ended = kedro_run(data, LENDING_CLUB_LOG_FORMAT="xml")
    assert (ended.returncode, "text or json" in ended.stderr) == (ExitCode.CONFIGURATION, True)
