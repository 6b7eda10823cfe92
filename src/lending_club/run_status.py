"""What the last run did, step by step, written down for Kedro-Viz.

Kedro-Viz has hooks of its own for this. They time a step without the saving, in which the engine works; they know no rows but
those of pandas, which they import; and they write to the project whatever data a run works on. So the same two files are written
here, beside the data, and ``viz.py`` has Kedro-Viz read them there.
"""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kedro.pipeline import Node

logger = logging.getLogger(__name__)

# Below 02_intermediate.
STATUS_DIRECTORY = "last_run"
EVENTS_FILE, STATISTICS_FILE = "kedro_pipeline_events.json", "stats.json"


class RunStatus:
    """The steps of a run as they end. A run that does nothing leaves the last one's status as it is.

    Args:
        directory: Where the files are; it is made where it is missing.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._events: list[dict[str, Any]] = [{"event": "before_pipeline_run", "timestamp": _now()}]
        self._statistics: dict[str, dict[str, int]] = {}
        self._failed_step: Node | None = None

    def step_done(self, node: Node, dataset_name: str, seconds: float, row_count: int | None, byte_count: int | None) -> None:
        """A step has made a dataset, of so many rows and bytes where that is known."""
        self._events.append({"event": "after_node_run", "node": node.name, "node_id": _node_id(node), "duration": seconds})
        self._events += [{"event": "after_dataset_loaded", "dataset": name, "node_id": _id(name)} for name in node.inputs]
        saved = {"event": "after_dataset_saved", "dataset": dataset_name, "node_id": _id(dataset_name)}
        self._events.append(saved if byte_count is None else {**saved, "size": byte_count})
        statistics = {"rows": row_count, "file_size": byte_count}
        self._statistics[dataset_name] = {name: number for name, number in statistics.items() if number is not None}

    def step_failed(self, node: Node) -> None:
        """A step could not be done."""
        self._failed_step = node

    def write_success(self) -> None:
        """Write down that all steps are done."""
        self._write({"event": "after_pipeline_run", "timestamp": _now()})

    def write_failure(self, message: str) -> None:
        """Write down that the run has failed, where, and why."""
        if self._failed_step is not None:
            step = {"node": self._failed_step.name, "node_id": _node_id(self._failed_step)}
            self._events.append({"event": "on_node_error", **step, "error": message})
        self._write({"event": "on_pipeline_error", "timestamp": _now(), "error": message})

    def _write(self, last_event: dict[str, Any]) -> None:
        if len(self._events) == 1:
            return
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            statistics = {**_read(self._directory / STATISTICS_FILE), **self._statistics}
            for name, content in ((EVENTS_FILE, [*self._events, last_event]), (STATISTICS_FILE, statistics)):
                unfinished = self._directory / f"{name}.new"
                unfinished.write_text(json.dumps(content, indent=1), encoding="utf-8")
                unfinished.replace(self._directory / name)
        except OSError as error:
            logger.warning("%s cannot be written, so Kedro-Viz will not show this run: %s", self._directory, error.strerror)


def _read(path: Path) -> dict[str, dict[str, int]]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _node_id(node: Node) -> str:
    """By what Kedro-Viz knows a step."""
    return _id(str(node))


def _id(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:8]
