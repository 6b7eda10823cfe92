from __future__ import annotations

import http.server
import subprocess
import threading
from pathlib import Path

import pytest

from lending_club.monitoring.metrics import metrics_of, push, write
from tests.monitoring.conftest import PASSWORD, Receiver, check, record
from tests.monitoring.servers import program


def values(text: str) -> dict[str, str]:
    """The values of a text by metric and labels, the environment left out."""
    return {
        series.replace('env="local",', "").replace('{env="local"}', "").removeprefix("lending_club_"): value
        for series, value in (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    }


def test_a_published_run() -> None:
    found = values(metrics_of([record(24)], "local"))
    assert found == {
        'last_run_outcome{outcome="published"}': "1",
        'last_run_outcome{outcome="done"}': "0",
        'last_run_outcome{outcome="left_out"}': "0",
        'last_run_outcome{outcome="failed"}': "0",
        'last_run_outcome{outcome="killed"}': "0",
        "last_run_started_timestamp_seconds": "1795500900.000",
        "last_run_duration_seconds": "2.25",
        "failed_runs": "0",
        "last_success_timestamp_seconds": "1795500902.000",
        'unmet_expectations{severity="error"}': "0",
        'unmet_expectations{severity="warn"}': "0",
        'rows{source="accounts",outcome="in"}': "10",
        'rows{source="accounts",outcome="published"}': "7",
        'rows{source="accounts",outcome="excluded"}': "2",
        'rows{source="accounts",outcome="quarantined"}': "1",
        'rows{source="customers",outcome="in"}': "10",
        'rows{source="customers",outcome="published"}': "10",
        'rows{source="customers",outcome="excluded"}': "0",
        'rows{source="customers",outcome="quarantined"}': "0",
        'quarantined_rows{source="accounts",reason="invalid_balance"}': "1",
        "total_interest": "5102.37",
    }


def test_a_failed_run_keeps_the_last_success_and_what_it_published() -> None:
    failed = record(24, "failed", checks=[check("columns", True), check("unique", False), check("age", False, "warn")])
    found = values(metrics_of([failed, record(23, "killed"), record(22)], "local"))
    assert found['last_run_outcome{outcome="failed"}'] == "1"
    assert found["failed_runs"] == "2"
    assert found["last_success_timestamp_seconds"] == "1795328102.000"
    assert found["total_interest"] == "5102.37"
    assert found['rows{source="accounts",outcome="in"}'] == "10"
    assert found['unmet_expectations{severity="error"}'] == found['unmet_expectations{severity="warn"}'] == "1"


def test_a_killed_run_has_no_duration() -> None:
    found = values(metrics_of([record(24, "killed"), record(23)], "local"))
    assert found['last_run_outcome{outcome="killed"}'] == "1"
    assert "last_run_duration_seconds" not in found


def test_a_run_that_is_left_out_is_a_success_on_what_is_published() -> None:
    warned = record(23, checks=[check("age", False, "warn")])
    found = values(metrics_of([record(24, "left_out"), warned], "local"))
    assert found["last_success_timestamp_seconds"] == "1795500902.000"
    assert found["total_interest"] == "5102.37"
    assert found['unmet_expectations{severity="warn"}'] == "1"


def test_a_part_of_the_pipeline_is_no_success() -> None:
    found = values(metrics_of([record(24, "done"), record(23, "failed")], "local"))
    assert "last_success_timestamp_seconds" not in found
    assert found["failed_runs"] == "1"


def test_a_check_that_failed_yesterday_says_nothing_of_a_run_that_got_to_no_check() -> None:
    found = values(metrics_of([record(24, "failed"), record(23, "failed", checks=[check("columns", False)])], "local"))
    assert not [name for name in found if name.startswith("unmet")]


def test_amounts_are_exact() -> None:
    interest = "12345678901234567890123456789012345.67"
    assert f'total_interest{{env="local"}} {interest}\n' in metrics_of([record(24, total_interest=interest)], "local")


def test_labels_are_escaped_and_prometheus_agrees() -> None:
    odd = 'a "b"\\c\nd'
    text = metrics_of([record(24, environment=odd)], odd)
    assert r'env="a \"b\"\\c\nd"' in text
    found = subprocess.run([program("promtool"), "check", "metrics"], input=text, capture_output=True, text=True)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_the_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lending_club.prom"
    write("one\n", path)
    reader = path.open()
    write("two\n", path)
    assert (reader.read(), path.read_text()) == ("one\n", "two\n")
    assert [each.name for each in path.parent.iterdir()] == ["lending_club.prom"]
    assert path.stat().st_mode & 0o044 == 0o044  # node exporter is another user
    reader.close()


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("", "/metrics/job/lending_club"),
        ("/", "/metrics/job/lending_club"),
        ("/gateway", "/gateway/metrics/job/lending_club"),
        ("/metrics/job/lending_club/team/risk", "/metrics/job/lending_club/team/risk"),
    ],
)
def test_a_push_replaces_the_group(receiver: Receiver, path: str, asked: str) -> None:
    push("x 1\n", receiver.url + path)
    [(method, found, headers, body)] = receiver.got
    assert (method, found, body) == ("PUT", asked, "x 1\n")
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "Authorization" not in headers


def test_a_push_logs_in_and_says_no_password(receiver: Receiver) -> None:
    address = receiver.url.replace("//", f"//us%40er:{PASSWORD}@")
    receiver.status = 403
    with pytest.raises(OSError, match=r"127\.0\.0\.1:\d+ answers 403 Forbidden: ok") as raised:
        push("x 1\n", address)
    assert PASSWORD not in str(raised.value)
    assert receiver.got[0][2]["Authorization"] == "Basic dXNAZXI6c2UtY3JldC03"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://127.0.0.1:1", "127.0.0.1:1: Connection refused"),
        ("pushgateway:9091", "its address must be of the form http://host:9091"),
        ("file:///etc/passwd", "its address must be of the form http://host:9091"),
        ("http://", "its address must be of the form http://host:9091"),
    ],
)
def test_a_push_that_goes_nowhere(address: str, told: str) -> None:
    with pytest.raises(OSError, match=f"^{told}$"):
        push("x 1\n", address)


def test_a_gateway_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lending_club.monitoring.metrics._PUSH_SECONDS", 0.2)
    done = threading.Event()

    class Silent(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            done.wait(5)

    server = http.server.HTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.raises(OSError, match=r"no answer within 0.2 seconds"):
        push("x 1\n", f"http://127.0.0.1:{server.server_port}")
    done.set()
    server.shutdown()
    server.server_close()
