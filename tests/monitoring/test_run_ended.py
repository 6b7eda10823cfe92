from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from lending_club.monitoring import run_ended
from lending_club.run_history import Manifest
from lending_club.run_record import RunRecord
from tests.conftest import run_environment
from tests.monitoring.conftest import PASSWORD, Receiver, keep, record


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("METRICS_FILE", "PUSHGATEWAY", "NOTIFY"):
        monkeypatch.delenv(f"LENDING_CLUB_{name}", raising=False)


def test_off_unless_set_and_nothing_is_imported(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from lending_club.monitoring import run_ended
from tests.monitoring.conftest import record
run_ended(record(24, "failed"), Path(sys.argv[1]))
print(*(name for name in sys.modules if name.startswith(("lending_club.monitoring.", "apprise"))))
"""
    environment = run_environment(tmp_path, PYTHONPATH=str(Path(__file__).parents[2]))
    found = subprocess.run([sys.executable, "-c", script, tmp_path], env=environment, capture_output=True, text=True)
    assert (found.returncode, found.stdout.strip(), found.stderr, list(tmp_path.iterdir())) == (0, "", "", [])


def test_all_at_once(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "lending_club.prom"
    monkeypatch.setenv("LENDING_CLUB_METRICS_FILE", str(file))
    monkeypatch.setenv("LENDING_CLUB_PUSHGATEWAY", receiver.url)
    monkeypatch.setenv("LENDING_CLUB_NOTIFY", f" {receiver.url.replace('http', 'json')}/hook\n ")
    keep(tmp_path, record(23), record(24, "failed"))
    run_ended(record(24, "failed"), tmp_path)
    assert 'outcome="failed"} 1' in file.read_text()
    assert 'total_interest{env="local"} 5102.37' in file.read_text()
    (_, _, _, pushed), (_, path, _, message) = receiver.got
    assert (pushed, path) == (file.read_text(), "/hook")
    assert json.loads(message)["type"] == "failure"


def test_the_figures_are_of_the_newest_run_that_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "lending_club.prom"
    monkeypatch.setenv("LENDING_CLUB_METRICS_FILE", str(file))
    waited, other = record(22, "failed", exit_code=8), record(23, "failed", environment="prod")
    keep(tmp_path, record(20), record(21, "killed"), waited, other)
    working = RunRecord("2026-11-24T06.15.00.000Z", "local")
    manifest = Manifest(tmp_path, working)
    manifest.write()
    run_ended(record(21, "killed"), tmp_path)
    assert 'outcome="killed"} 1' in file.read_text()
    assert 'failed_runs{env="local"} 1' in file.read_text()
    assert 'last_success_timestamp_seconds{env="local"} 1795155302.000' in file.read_text()
    manifest.close()
    keep(tmp_path, record(24))
    run_ended(record(21, "killed"), tmp_path)
    assert 'outcome="published"} 1' in file.read_text()
    run_ended(other, tmp_path)
    assert 'failed_runs{env="prod"} 1' in file.read_text()
    assert "last_success" not in file.read_text()


def test_a_run_that_gave_up_waiting_for_another_tells_nothing(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENDING_CLUB_PUSHGATEWAY", receiver.url)
    monkeypatch.setenv("LENDING_CLUB_NOTIFY", receiver.url.replace("http", "json"))
    run_ended(record(24, "failed", exit_code=8), tmp_path)
    assert receiver.got == []


def test_each_thing_that_cannot_be_told_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("LENDING_CLUB_METRICS_FILE", "/dev/null/lending_club.prom")
    monkeypatch.setenv("LENDING_CLUB_PUSHGATEWAY", f"http://me:{PASSWORD}@127.0.0.1:1")
    monkeypatch.setenv("LENDING_CLUB_NOTIFY", f"json://me:{PASSWORD}@127.0.0.1:1")
    run_ended(record(24, "failed"), tmp_path)
    assert [each.getMessage() for each in caplog.records if each.name.startswith("lending_club")] == [
        "No metrics are written to /dev/null/lending_club.prom (LENDING_CLUB_METRICS_FILE): file exists",
        "No metrics reach the Pushgateway (LENDING_CLUB_PUSHGATEWAY): 127.0.0.1:1: Connection refused",
        "Not notified, of the addresses in LENDING_CLUB_NOTIFY: no. 1 (json) does not take it.",
    ]
    assert PASSWORD not in caplog.text


def test_whatever_else_goes_wrong_is_a_warning_without_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LENDING_CLUB_PUSHGATEWAY", f"http://me:{PASSWORD}@127.0.0.1:{PASSWORD}")
    run_ended(record(24), tmp_path)
    (tmp_path / "1.json").write_text(json.dumps({"outcome": "failed", "run_id": "1"}))
    run_ended(record(24), tmp_path)
    assert [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING] == [
        "No metrics reach the Pushgateway (LENDING_CLUB_PUSHGATEWAY): InvalidURL",
        "No metrics are written: KeyError",
    ]
    assert PASSWORD not in caplog.text
