"""The figures of the last runs in Prometheus' text format, written to a file or pushed to a Pushgateway.

The format is a line a figure. Its usual library holds values as floats, which no amount may go through: it is written here.
"""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

Record = Mapping[str, Any]

OUTCOMES = ("published", "done", "left_out", "failed", "killed")
SUCCESSES = {"published", "left_out"}  # after which the published result is up to date
FAILURES = {"failed", "killed"}
ROW_OUTCOMES = ("in", "published", "excluded", "quarantined")
SEVERITIES = ("error", "warn")

_PUSH_SECONDS = 5
# What a Pushgateway files the figures under; a setting that names a group itself is taken as it is.
_GROUP = "/metrics/job/lending_club"


@dataclass(frozen=True)
class _Metric:
    """A metric: its name after ``lending_club_``, what it is, and its values by their labels, as exact text."""

    name: str
    says: str
    values: Sequence[tuple[Mapping[str, str], str]]


def metrics_of(history: Sequence[Record], environment: str) -> str:
    """The figures in Prometheus' text format; amounts are the exact decimal text of the record.

    Args:
        history: Records of runs that have ended, newest first; at least one.
        environment: Kedro's environment, which they are of.
    """
    return "".join(
        line
        for metric in _metrics(history)
        if metric.values
        for line in (
            f"# HELP lending_club_{metric.name} {metric.says}\n",
            f"# TYPE lending_club_{metric.name} gauge\n",
            *(
                f"lending_club_{metric.name}{{{_labels({'env': environment, **labels})}}} {value}\n"
                for labels, value in metric.values
            ),
        )
    )


def _metrics(history: Sequence[Record]) -> Iterator[_Metric]:
    last = history[0]
    success = next((record for record in history if record["outcome"] in SUCCESSES), None)
    published = next((record for record in history if record["outcome"] == "published" and record["reconciliation"]), None)
    checked = next((record for record in history if record["outcome"] != "left_out"), None)

    yield _Metric(
        "last_run_outcome",
        "1 for the outcome of the last run, 0 for the others.",
        [({"outcome": outcome}, str(int(last["outcome"] == outcome))) for outcome in OUTCOMES],
    )
    yield _Metric("last_run_started_timestamp_seconds", "When the last run started.", [({}, _timestamp(last["started_at"]))])
    yield _Metric(
        "last_run_duration_seconds",
        "How long the last run took; nothing for one that was killed.",
        [({}, str(last["seconds"]))] if last["seconds"] is not None else [],
    )
    yield _Metric(
        "failed_runs",
        "How many runs have failed or were killed since the last success.",
        [({}, str(_failures_in_a_row(history)))],
    )
    yield _Metric(
        "last_success_timestamp_seconds",
        "When the published result was last made, or found to be up to date.",
        [({}, _timestamp(success["ended_at"]))] if success else [],
    )
    yield _Metric(
        "unmet_expectations",
        "Expectations that the last run's results do not meet, by severity; nothing where it got to no results.",
        _unmet(checked) if checked and checked["checks"] else [],
    )
    if published:
        yield _Metric(
            "rows",
            "Rows of the published result by source: in, and what became of them.",
            [
                ({"source": each["source"], "outcome": outcome}, str(each[f"rows_{outcome}"]))
                for each in published["reconciliation"]
                for outcome in ROW_OUTCOMES
            ],
        )
        yield _Metric(
            "quarantined_rows",
            "Rows that the published result leaves out, by reason; a row counts under each of its reasons.",
            [({"source": each["source"], "reason": each["reason"]}, str(each["rows"])) for each in published["reasons"]],
        )
        yield _Metric(
            "total_interest",
            "Annual interest of all accounts in the published result.",
            [({}, str(published["total_interest"]))] if published["total_interest"] is not None else [],
        )


def _failures_in_a_row(history: Sequence[Record]) -> int:
    count = 0
    for record in history:
        if record["outcome"] in SUCCESSES:
            break
        count += record["outcome"] in FAILURES
    return count


def _unmet(record: Record) -> list[tuple[Mapping[str, str], str]]:
    unmet = [check["severity"] for check in record["checks"] if not check["is_met"]]
    return [({"severity": severity}, str(unmet.count(severity))) for severity in SEVERITIES]


def _timestamp(time: str) -> str:
    return f"{datetime.fromisoformat(time).timestamp():.3f}"


def _labels(labels: Mapping[str, str]) -> str:
    quoted = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    return ",".join(f'{name}="{value.translate(quoted)}"' for name, value in labels.items())


def write(text: str, path: Path) -> None:
    """Write the figures for node exporter's textfile collector, which never sees half a file.

    Raises:
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.new")  # node exporter reads files that end with .prom
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def push(text: str, address: str) -> None:
    """Replace the figures that a Pushgateway holds of this job.

    Args:
        text: The figures.
        address: ``http://host:9091``, with user and password before the host where it asks for them, and with
            ``/metrics/job/...`` where the figures are to be filed elsewhere than under the job ``lending_club``.

    Raises:
        OSError: It cannot be reached, or refuses. The message tells nothing of user and password.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OSError("its address must be of the form http://host:9091")
    path = parts.path.rstrip("/") if "/metrics/job" in parts.path else parts.path.rstrip("/") + _GROUP
    host = parts.netloc.rpartition("@")[2]
    request = urllib.request.Request(f"{parts.scheme}://{host}{path}", text.encode(), method="PUT")  # noqa: S310 - see above
    request.add_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=_PUSH_SECONDS):  # noqa: S310
            pass
    except urllib.error.HTTPError as error:
        told = error.read(500).decode(errors="replace").strip()
        raise OSError(f"{host} answers {error.code} {error.reason}{': ' + told if told else ''}") from None
    except urllib.error.URLError as error:
        raise OSError(f"{host}: {getattr(error.reason, 'strerror', None) or error.reason}") from None
    except TimeoutError:
        raise OSError(f"{host}: no answer within {_PUSH_SECONDS} seconds") from None
