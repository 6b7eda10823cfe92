"""What a run tells others when it has ended: figures to Prometheus, messages to people. Each only where a setting asks for it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lending_club.errors import ExitCode
from lending_club.run_history import RunHistory

logger = logging.getLogger(__name__)

METRICS_FILE, PUSHGATEWAY, NOTIFY = "LENDING_CLUB_METRICS_FILE", "LENDING_CLUB_PUSHGATEWAY", "LENDING_CLUB_NOTIFY"


def run_ended(record: Mapping[str, Any], directory: Path) -> None:
    """Tell of a run that has ended, or was found to have been killed.

    Nothing that goes wrong here changes what becomes of the run: it is a warning in the log. A run that gave up because another
    one was going on tells nothing; the other one does.

    Args:
        record: The run's record.
        directory: Where the records of all runs are; what has been told is noted there, too.
    """
    if not _counts(record):
        return
    file, gateway, addresses = (os.environ.get(name) for name in (METRICS_FILE, PUSHGATEWAY, NOTIFY))
    if file or gateway:
        _try("No metrics are written", lambda: _write_metrics(record, directory, file, gateway))
    if addresses:
        _try("Nobody is notified", lambda: _notify(record, addresses.split(), directory))


def _counts(record: Mapping[str, Any]) -> bool:
    return bool(record["outcome"] != "running" and record["exit_code"] != ExitCode.IN_PROGRESS)


def _write_metrics(record: Mapping[str, Any], directory: Path, file: str | None, gateway: str | None) -> None:
    from lending_club.monitoring.metrics import metrics_of, push, write

    text = metrics_of(_history(record, directory), record["environment"])
    if file:
        _try(f"No metrics are written to {file} ({METRICS_FILE})", lambda: write(text, Path(file)))
    if gateway:
        _try(f"No metrics reach the Pushgateway ({PUSHGATEWAY})", lambda: push(text, gateway))


def _history(record: Mapping[str, Any], directory: Path) -> list[Mapping[str, Any]]:
    """The runs of the record's environment that have ended, newest first, back to the last one that published."""
    runs = {record["run_id"]: record}
    for run in RunHistory(directory).runs():
        if run["environment"] == record["environment"] and _counts(run):
            runs.setdefault(run["run_id"], run)
            if run["outcome"] == "published" and run["reconciliation"]:
                break
    return [runs[run_id] for run_id in sorted(runs, reverse=True)]


def _notify(record: Mapping[str, Any], addresses: list[str], directory: Path) -> None:
    from lending_club.monitoring.notifications import notify

    notify(record, addresses, directory)


def _try(otherwise: str, do: Callable[[], None]) -> None:
    """Do it, or warn. Of an unexpected error only the type is told: its text might hold an address with a password."""
    try:
        do()
    except OSError as error:
        logger.warning("%s: %s", otherwise, error.strerror.lower() if error.strerror else error)
    except Exception as error:
        logger.warning("%s: %s", otherwise, type(error).__name__)
        logger.debug("Where it comes from:", exc_info=True)
