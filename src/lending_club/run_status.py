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

from lending_club.run_record import RunRecord, Step

logger = logging.getLogger(__name__)

# Below 02_intermediate.
STATUS_DIRECTORY = "last_run"
EVENTS_FILE, STATISTICS_FILE = "kedro_pipeline_events.json", "stats.json"


def write_status(directory: Path, record: RunRecord) -> None:
    """Write down a run that has ended. One that has done nothing leaves the last one's status as it is.

    Args:
        directory: Where the files are; it is made where it is missing.
        record: The run.
    """
    if not record.steps:
        return
    events = [{"event": "before_pipeline_run", "timestamp": record.started_at.isoformat()}]
    for step in record.steps:
        events += _events(step, record.error_message)
    if record.error is None:
        events.append({"event": "after_pipeline_run", "timestamp": _now()})
    else:
        events.append({"event": "on_pipeline_error", "timestamp": _now(), "error": record.error_message})
    made = {step.dataset: {"rows": step.rows, "file_size": step.bytes} for step in record.steps if step.dataset is not None}
    known = {name: {key: number for key, number in each.items() if number is not None} for name, each in made.items()}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        statistics = {**_read(directory / STATISTICS_FILE), **known}
        for name, content in ((EVENTS_FILE, events), (STATISTICS_FILE, statistics)):
            unfinished = directory / f"{name}.new"
            unfinished.write_text(json.dumps(content, indent=1), encoding="utf-8")
            unfinished.replace(directory / name)
    except OSError as error:
        logger.warning("%s cannot be written, so Kedro-Viz will not show this run: %s", directory, error.strerror)


def _events(step: Step, error: str) -> list[dict[str, Any]]:
    node = {"node": step.node.name, "node_id": _node_id(step.node)}
    if step.dataset is None:
        return [{"event": "on_node_error", **node, "error": error}]
    saved = {"event": "after_dataset_saved", "dataset": step.dataset, "node_id": _id(step.dataset)}
    return [
        {"event": "after_node_run", **node, "duration": step.seconds},
        *({"event": "after_dataset_loaded", "dataset": name, "node_id": _id(name)} for name in step.node.inputs),
        saved if step.bytes is None else {**saved, "size": step.bytes},
    ]


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
