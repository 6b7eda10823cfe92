"""What a log line says of its run and step, as text and as JSON."""

from __future__ import annotations

import io
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from kedro.pipeline import node

from lending_club.errors import ExitCode
from lending_club.logs import use_format
from lending_club.run_history import RunHistory
from lending_club.run_record import RunRecord, begin
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


def test_every_line_of_text_has_run_and_step(data: Path) -> None:
    ended = kedro_run(data, *UNCHECKED)
    (run_id,) = RunHistory(data / "09_runs").ids()
    first, *others = ended.stderr.splitlines()
    assert re.fullmatch(rf"\d\d:\d\d:\d\d INFO    {run_id[11:-1]} -  +Run {run_id}, as of {run_id[:10]}", first)
    found = [re.match(rf"\d\d:\d\d:\d\d (INFO   |WARNING) {run_id[11:-1]} (\S+) +\S", line) for line in others]
    assert {line[2] for line in found if line} >= {"account_summary", "check", "publish", "-"}
    assert all(found) and max(map(len, (line for line in others if "INFO" in line))) <= 90


def test_a_line_of_another_library_has_run_and_step(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s|%(message)s"))
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    record = begin(RunRecord("2026-11-24T21.54.38.241Z", "local"))
    for name in ("text", "json", "text"):
        use_format(name)
        logging.getLogger("another.library").error("It said %s", "this")
        record.step_starts(node(len, "customers", "count", name="count"))
    between, inside, last = written.getvalue().splitlines()
    assert between == f"ERROR|21.54.38.241 {'-':<28} It said this"
    assert last == f"ERROR|21.54.38.241 {'count':<28} It said this"
    assert (json.loads(inside)["logger"], json.loads(inside)["step"]) == ("another.library", "count")


def test_another_format_is_refused(data: Path) -> None:
    ended = kedro_run(data, LENDING_CLUB_LOG_FORMAT="xml")
    assert (ended.returncode, "text or json" in ended.stderr) == (ExitCode.CONFIGURATION, True)
