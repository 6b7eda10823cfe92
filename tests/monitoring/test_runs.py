"""What real runs tell, by the settings of a person who has set them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import PROJECT, kedro_run, run_killed_at, unchecked_run
from tests.monitoring.conftest import PASSWORD, Receiver

EMPTY = b""


def messages(receiver: Receiver) -> list[dict[str, str]]:
    return [json.loads(body) for _, path, _, body in receiver.got if path == "/hook"]


@pytest.fixture
def settings(receiver: Receiver, tmp_path: Path) -> dict[str, str]:
    return {
        "LENDING_CLUB_METRICS_FILE": str(tmp_path / "lending_club.prom"),
        "LENDING_CLUB_NOTIFY": f"{receiver.url.replace('http', 'json')}/hook?+X-Key={PASSWORD}",
    }


def test_failures_and_recovery(data: Path, tmp_path: Path, receiver: Receiver, settings: dict[str, str]) -> None:
    metrics = tmp_path / "lending_club.prom"
    accounts = data / "01_raw" / "accounts.csv"
    delivered = accounts.read_bytes()
    assert unchecked_run(data, **settings).returncode == 0
    assert 'total_interest{env="local"} 5102.37\n' in metrics.read_text()
    last_success = next(line for line in metrics.read_text().splitlines() if "last_success" in line and "#" not in line)

    accounts.write_bytes(EMPTY)
    for _ in range(2):
        failed = unchecked_run(data, **settings)
        assert failed.returncode == 4
        assert PASSWORD not in failed.stdout + failed.stderr
    [message] = messages(receiver)
    assert str(accounts) in message["message"]
    assert 'failed_runs{env="local"} 2\n' in metrics.read_text()
    assert last_success in metrics.read_text()

    assert unchecked_run(data, "--params", "interest.loan_bonus=2", **settings).returncode == 3  # refused before it began
    assert "interest.loan_bonus" in messages(receiver)[1]["message"]
    assert 'failed_runs{env="local"} 3\n' in metrics.read_text()

    accounts.write_bytes(delivered)
    assert unchecked_run(data, **settings).returncode == 0
    assert [each["type"] for each in messages(receiver)] == ["failure", "failure", "success"]
    assert unchecked_run(data, **settings).returncode == 0
    assert 'last_run_outcome{env="local",outcome="left_out"} 1\n' in metrics.read_text()
    assert 'total_interest{env="local"} 5102.37\n' in metrics.read_text()
    assert last_success not in metrics.read_text()
    assert len(messages(receiver)) == 3


def test_a_failed_check(data: Path, tmp_path: Path, receiver: Receiver, settings: dict[str, str]) -> None:
    shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    suites = tmp_path / "conf" / "base" / "parameters_expectations.yml"
    changed = suites.read_text().replace("original_balance >= 10000000000000\n", "original_balance >= 100000\n")
    assert changed != suites.read_text()
    suites.write_text(changed)
    found = kedro_run(data, "--conf-source", str(tmp_path / "conf"), **settings)
    assert found.returncode == 5, found.stdout + found.stderr
    metrics = (tmp_path / "lending_club.prom").read_text()
    assert 'unmet_expectations{env="local",severity="error"} 1\n' in metrics
    [message] = messages(receiver)
    assert "1 of 35 expectations are not met.\n- account_summary, " in message["message"]
    rows = [line.strip() for line in found.stderr.splitlines() if line.startswith(" " * 6)]
    assert rows
    assert not any(row in message["message"] for row in rows)  # they stay on the machine


def test_a_killed_run_is_told_of_by_the_next(data: Path, receiver: Receiver, settings: dict[str, str]) -> None:
    assert unchecked_run(data, **settings).returncode == 0
    run_killed_at(1, data, "--force", **settings)
    assert messages(receiver) == []
    assert unchecked_run(data, "--force", **settings).returncode == 0
    assert [each["title"].partition(":")[0] for each in messages(receiver)] == [
        "lending_club killed",
        "lending_club is well again",
    ]


def test_nobody_there_changes_nothing(data: Path) -> None:
    away = {
        "LENDING_CLUB_METRICS_FILE": "/dev/null/x.prom",
        "LENDING_CLUB_PUSHGATEWAY": f"http://me:{PASSWORD}@127.0.0.1:1",
        "LENDING_CLUB_NOTIFY": f"json://me:{PASSWORD}@127.0.0.1:1 slack://{PASSWORD}",
    }
    done = unchecked_run(data, **away)
    (data / "01_raw" / "accounts.csv").write_bytes(EMPTY)
    failed = unchecked_run(data, **away)
    assert (done.returncode, failed.returncode) == (0, 4)
    assert re.findall("No metrics|Not notified", done.stderr) == ["No metrics", "No metrics"]
    assert re.findall("No metrics|Not notified", failed.stderr) == ["No metrics", "No metrics", "Not notified"]
    assert PASSWORD not in done.stderr + failed.stderr
