"""From a run to a message through a real Pushgateway, Prometheus and Alertmanager; and the dashboard's queries."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import PROJECT, UNCHECKED, kedro_run
from tests.monitoring.conftest import Receiver
from tests.monitoring.servers import free_port, program, query, server, wait_until

MONITORING = PROJECT / "deploy" / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana" / "lending_club.json").read_text())
DATASOURCE = yaml.safe_load((MONITORING / "grafana" / "datasource.yml").read_text())["datasources"][0]
EXPRESSIONS = [
    (panel["title"], target["expr"].replace("$env", ".+")) for panel in DASHBOARD["panels"] for target in panel["targets"]
]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[str]:
    with server("prometheus-pushgateway", tmp_path / "pushgateway.log", free_port()) as url:
        yield url


def start_prometheus(directory: Path, storage: Path, targets: dict[str, str]) -> Any:
    """Prometheus with the project's configuration, on these servers and every second."""
    configuration = (MONITORING / "prometheus.yml").read_text().replace(": 30s", ": 1s")
    for name, url in targets.items():
        assert name in configuration
        configuration = configuration.replace(name, url.removeprefix("http://"))
    (directory / "prometheus.yml").write_text(configuration)
    (directory / "alerts.yml").write_text((MONITORING / "alerts.yml").read_text())
    return server(
        "prometheus",
        directory / "prometheus.log",
        free_port(),
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={storage}",
    )


def test_the_rules_do_what_their_tests_say() -> None:
    found = subprocess.run(
        [program("promtool"), "test", "rules", str(MONITORING / "alerts_test.yml")], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_configurations_are_valid() -> None:
    for check in (
        [program("promtool"), "check", "config", str(MONITORING / "prometheus.yml")],
        [program("amtool"), "check-config", str(MONITORING / "alertmanager.yml")],
    ):
        found = subprocess.run(check, capture_output=True, text=True)
        assert found.returncode == 0, found.stdout + found.stderr


def test_every_alert_says_what_it_is_and_what_to_do() -> None:
    [group] = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    tested = (MONITORING / "alerts_test.yml").read_text()
    for alert in (rule for rule in group["rules"] if "alert" in rule):
        assert alert["labels"]["severity"] in ("critical", "warning")
        assert set(alert["annotations"]) == {"summary", "runbook"}
        assert f"alertname: {alert['alert']}\n        eval_time" in tested
        for page in re.findall(r"docs/[\w/-]+\.md", alert["annotations"]["runbook"]):
            assert (PROJECT / page).is_file()


def test_from_a_failed_run_to_the_message_and_to_the_end_of_it(
    data: Path, tmp_path: Path, gateway: str, receiver: Receiver
) -> None:
    assert kedro_run(data, *UNCHECKED, LENDING_CLUB_PUSHGATEWAY=gateway).returncode == 0
    (tmp_path / "address").write_text(f"{receiver.url}/services/T1/B1/secret")
    notify = (MONITORING / "alertmanager.yml").read_text().replace("/run/secrets/alertmanager_url", str(tmp_path / "address"))
    configuration = notify.replace("group_wait: 30s", "group_wait: 0s").replace("group_interval: 5m", "group_interval: 1s")
    (tmp_path / "alertmanager.yml").write_text(configuration)
    options = (
        f"--config.file={tmp_path / 'alertmanager.yml'}",
        f"--storage.path={tmp_path / 'alertmanager'}",
        "--cluster.listen-address=",
    )
    with (
        server("prometheus-alertmanager", tmp_path / "alertmanager.log", free_port(), *options) as alertmanager,
        start_prometheus(
            tmp_path, tmp_path / "prometheus", {"alertmanager:9093": alertmanager, "pushgateway:9091": gateway}
        ) as prometheus,
    ):
        [interest] = wait_for(prometheus, "lending_club_total_interest")
        assert interest["value"][1] == "5102.37"
        assert interest["metric"]["job"] == "lending_club"
        assert query(prometheus, 'ALERTS{alertstate="firing"}') == []
        (success,) = query(prometheus, "lending_club_last_success_timestamp_seconds")
        assert time.time() - 60 < float(success["value"][1]) <= time.time()

        accounts = data / "01_raw" / "accounts.csv"
        delivered = accounts.read_bytes()
        accounts.write_bytes(b"")
        failed = kedro_run(data, *UNCHECKED, LENDING_CLUB_PUSHGATEWAY=gateway)
        assert failed.returncode == 4, failed.stderr
        message = receiver.wait_for("LendingClubRunFailed", 30)
        assert "The last run (local) failed." in message
        assert "docs/troubleshooting.md" in message
        assert "kedro run" in message
        assert query(prometheus, "lending_club_last_success_timestamp_seconds")[0]["value"][1] == success["value"][1]
        assert query(prometheus, "lending_club_failed_runs")[0]["value"][1] == "1"

        accounts.write_bytes(delivered)
        assert kedro_run(data, *UNCHECKED, LENDING_CLUB_PUSHGATEWAY=gateway).returncode == 0
        receiver.wait_for("lending_club, over: LendingClubRunFailed", 30)


def wait_for(prometheus: str, expression: str) -> list[dict[str, Any]]:
    wait_until(lambda: bool(query(prometheus, expression)), 15, lambda: expression)
    return query(prometheus, expression)


def history(end: int) -> str:
    """Thirty hours of figures, in the format that promtool takes: all that the job writes and the rules make of it."""
    lines = []
    steps = range(30)
    for metric, base in {
        'last_run_outcome{env="prod",outcome="published"}': 1,
        'last_run_outcome{env="prod",outcome="failed"}': 0,
        'last_run_duration_seconds{env="prod"}': 2.25,
        'failed_runs{env="prod"}': 0,
        'unmet_expectations{env="prod",severity="warn"}': 0,
        'rows{env="prod",source="accounts",outcome="in"}': 1000,
        'rows{env="prod",source="accounts",outcome="published"}': 700,
        'rows{env="prod",source="accounts",outcome="excluded"}': 290,
        'rows{env="prod",source="accounts",outcome="quarantined"}': 10,
        'quarantined_rows{env="prod",source="accounts",reason="invalid_balance"}': 10,
        'total_interest{env="prod"}': 5102.37,
    }.items():
        lines.append(f"# TYPE lending_club_{metric.partition('{')[0]} gauge")
        lines += [f"lending_club_{metric} {base} {end - 3600 * step}" for step in reversed(steps)]
    lines.append("# TYPE lending_club_last_success_timestamp_seconds gauge")
    lines += [f'lending_club_last_success_timestamp_seconds{{env="prod"}} {end - 3600 * s} {end - 3600 * s}' for s in steps[::-1]]
    lines.append("# TYPE lending_club:quarantined_share gauge")
    lines += [f'lending_club:quarantined_share{{env="prod",source="accounts"}} 0.01 {end - 3600 * s}' for s in steps[::-1]]
    lines.append("# TYPE ALERTS gauge")
    lines.append(f'ALERTS{{alertname="LendingClubChecksWarn",alertstate="firing",env="prod"}} 1 {end}')
    return "\n".join([*lines, "# EOF\n"])


def test_every_query_of_the_dashboard_finds_series(tmp_path: Path) -> None:
    end = int(time.time()) // 3600 * 3600 - 7200
    (tmp_path / "history.txt").write_text(history(end))
    files = [str(tmp_path / "history.txt"), str(tmp_path / "storage")]
    promtool = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", *files]
    loaded = subprocess.run(promtool, capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr
    nobody = {"alertmanager:9093": "127.0.0.1:1", "pushgateway:9091": "127.0.0.1:1"}
    with start_prometheus(tmp_path, tmp_path / "storage", nobody) as prometheus:
        assert len(EXPRESSIONS) > 10
        for title, expression in EXPRESSIONS:
            assert query(prometheus, expression, at=end + 60), f"{title}: {expression}"
        assert not query(prometheus, 'lending_club_total_interest{env=~"test"}', at=end + 60)


def test_what_the_dashboard_shows_is_what_the_job_writes_and_its_source_is_there() -> None:
    written = set(re.findall(r'_Metric\(\s*"(\w+)"', (PROJECT / "src/lending_club/monitoring/metrics.py").read_text()))
    rules = (MONITORING / "alerts.yml").read_text()
    shown = " ".join(expression for _, expression in EXPRESSIONS)
    for text in (shown, rules):
        assert set(re.findall(r"\blending_club_(\w+)", text)) <= written
    assert set(re.findall(r"lending_club:\w+", shown)) <= set(re.findall(r"record: (\S+)", rules))
    used = {target["datasource"]["uid"] for panel in DASHBOARD["panels"] for target in panel["targets"]}
    assert used == {DATASOURCE["uid"]}
    places = [[panel["gridPos"][side] for side in "xywh"] for panel in DASHBOARD["panels"]]
    cells = [(x + i, y + j) for x, y, w, h in places for i in range(w) for j in range(h)]
    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _ in cells)
