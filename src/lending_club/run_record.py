"""What is known of a run, collected while it works. What is made of it stands elsewhere: ``run_history``, ``run_status``."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import kedro
from kedro.pipeline import Node

import lending_club
from lending_club.csv_file import CsvFile, FileState
from lending_club.errors import InputFileError, exit_code, told_error
from lending_club.parameters import Parameters

PACKAGE = Path(__file__).parent
FORMAT = 1
_PIPELINES = ("ingestion", "transformation", "reporting")


@dataclass(frozen=True)
class Step:
    """A step that has ended.

    Attributes:
        node: The step.
        started_at: When it started, UTC.
        seconds: How long it took, the saving included, in which the engine works.
        dataset: What it made, None where it failed.
        rows: How many rows that has, where it is known.
        bytes: How large the file is, where it is one.
    """

    node: Node
    started_at: datetime
    seconds: float
    dataset: str | None = None
    rows: int | None = None
    bytes: int | None = None

    def as_json(self) -> dict[str, Any]:
        """As it stands in the manifest."""
        return {
            "name": self.node.name,
            "pipeline": next((tag for tag in _PIPELINES if tag in self.node.tags), None),
            "dataset": self.dataset,
            "outcome": "failed" if self.dataset is None else "done",
            "started_at": _time(self.started_at),
            "seconds": round(self.seconds, 6),
            "rows": self.rows,
            "bytes": self.bytes,
        }


@dataclass
class RunRecord:
    """A run from its start to its end; ``docs/reference/run-history.md`` says what the parts mean.

    Attributes:
        run_id: Kedro's id of the run.
        environment: Kedro's environment.
        pipelines: Names of the pipelines.
        parameters: The parameters, None where they could not be read.
        inputs: The input files by their names in the catalog.
        started_at: When it started, UTC.
        outcome: ``running``, ``published``, ``done``, ``left_out`` or ``failed``.
        steps: The steps that have ended.
        step: The step that is being done.
        versions: Of what the run was done with.
        figures: The reconciliation: ``reconciliation``, ``reasons``, ``total_interest``.
        checks: What was checked.
        error: What ended it.
    """

    run_id: str
    environment: str
    pipelines: tuple[str, ...] = ("__default__",)
    parameters: Parameters | None = None
    inputs: Mapping[str, CsvFile] = field(default_factory=dict)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    outcome: str = "running"
    steps: list[Step] = field(default_factory=list)
    step: Node | None = None
    versions: dict[str, str] = field(default_factory=lambda: versions())
    figures: dict[str, Any] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None

    def __post_init__(self) -> None:
        self._clock = time.perf_counter()
        self._seconds: float | None = None
        self._ended_at: datetime | None = None
        self._step_clock = self._clock
        self._step_started_at = self.started_at
        self._states: dict[str, FileState | None] = {}

    def inputs_are_read_from_now(self) -> None:
        """Remember the state of the files: what another state of them is, the run has not read."""
        self._states = {name: file.state for name, file in self.inputs.items()}

    def step_starts(self, node: Node) -> None:
        """Start the clock of a step."""
        self.step, self._step_clock, self._step_started_at = node, time.perf_counter(), datetime.now(UTC)

    def step_done(self, dataset: str, node: Node, rows: int | None, size: int | None) -> Step:
        """A step has made a dataset, of so many rows and bytes where that is known."""
        seconds = time.perf_counter() - self._step_clock
        self.steps.append(Step(node, self._step_started_at, seconds, dataset, rows, size))
        self.step = None
        return self.steps[-1]

    def ends(self, error: Exception | None = None) -> None:
        """The run has done what it should, or an error has ended it."""
        self._seconds, self._ended_at = time.perf_counter() - self._clock, datetime.now(UTC)
        self.error = error
        if error is not None:
            if self.step is not None:
                self.steps.append(Step(self.step, self._step_started_at, time.perf_counter() - self._step_clock))
            self.outcome = "failed"
        elif self.is_published:
            self.outcome = "published"
        else:
            self.outcome = "done" if self.steps else "left_out"

    @property
    def seconds(self) -> float:
        """How long it has taken so far, or in all."""
        return time.perf_counter() - self._clock if self._seconds is None else self._seconds

    @property
    def is_published(self) -> bool:
        """Whether the run has replaced what is published."""
        return any(step.dataset == "published" for step in self.steps)

    @property
    def as_of_date(self) -> date:
        """The day that the data is of: as the parameter says, else the day on which the files were read, in UTC."""
        return (self.parameters and self.parameters.run.as_of_date) or self.started_at.date()

    @property
    def error_message(self) -> str:
        """What a user is told of the error."""
        return "" if self.error is None else str(told_error(self.error) or f"{type(self.error).__name__}: {self.error}")

    def as_json(self) -> dict[str, Any]:
        """What the manifest says; every amount and rate is a text."""
        has_ended = self._seconds is not None
        code = exit_code(self.error) if self.error else 0
        return {
            "format": FORMAT,
            "run_id": self.run_id,
            "outcome": self.outcome,
            "is_published": self.is_published,
            "exit_code": int(code) if has_ended else None,
            "as_of_date": str(self.as_of_date),
            "started_at": _time(self.started_at),
            "ended_at": _time(self._ended_at) if self._ended_at else None,
            "seconds": None if self._seconds is None else round(self._seconds, 3),
            "user": user_name(),
            "host": socket.gethostname(),
            "process": os.getpid(),
            "environment": self.environment,
            "pipelines": list(self.pipelines),
            "versions": self.versions,
            "code_sha256": code_checksum(),
            "parameters": self.parameters.model_dump(mode="json", exclude={"expectations"}) if self.parameters else {},
            "inputs": [self._input(name, file, has_ended) for name, file in self.inputs.items()],
            "steps": [step.as_json() for step in self.steps],
            "reconciliation": _exact(self.figures.get("reconciliation", [])),
            "reasons": _exact(self.figures.get("reasons", [])),
            "total_interest": _text(self.figures.get("total_interest")),
            "checks": self.checks,
            "error": self.error
            and {
                "type": type(told_error(self.error) or self.error).__name__,
                "message": self.error_message,
                "step": self.step and self.step.name,
            },
        }

    def _input(self, name: str, file: CsvFile, has_ended: bool) -> dict[str, Any]:
        state = self._states.get(name)
        checksum = None
        if has_ended and self.steps and state is not None and file.state == state:
            try:
                checksum = file.sha256  # of a file that this process has read already for the same
            except InputFileError:
                checksum = None
        return {"name": name, "path": str(file.path), "size_bytes": state and state.size, "sha256": checksum}


_current: RunRecord | None = None


def current() -> RunRecord | None:
    """The run that this process is doing, or else its last one; None before the first."""
    return _current


def begin(record: RunRecord) -> RunRecord:
    """Make this the process's current run."""
    global _current
    _current = record
    return record


@cache
def code_checksum() -> str:
    """SHA-256 over every file of the installed package, SQL included, with its name."""
    found = hashlib.sha256()
    for path in _files(PACKAGE):
        found.update(f"{path.relative_to(PACKAGE)}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def _files(directory: Path) -> Iterable[Path]:
    return (path for path in sorted(directory.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)


def versions() -> dict[str, str]:
    """Versions of what a run is done with; the engine's is added where it is known."""
    return {"lending_club": lending_club.__version__, "Python": platform.python_version(), "Kedro": kedro.__version__}


@cache
def user_name() -> str:
    """Who runs this process; in a container a user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"


def _exact(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: _text(value) if isinstance(value, Decimal) else value for name, value in row.items()} for row in rows]


def _text(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"
