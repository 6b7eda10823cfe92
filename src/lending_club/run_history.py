"""The manifests of runs: one JSON file a run, in a directory that no publication touches.

A run holds a lock on its manifest while it works, which the operating system frees when it ends, however it ends. So a manifest
that says ``running`` and that nobody holds is of a run that was killed, whatever machine or container it was on.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from lending_club.errors import HistoryError
from lending_club.run_record import RunRecord

logger = logging.getLogger(__name__)

# Below the data directory, where the configuration says nothing else.
RUNS_DIRECTORY = "09_runs"

_SECONDS_BETWEEN_WRITES = 1


class Manifest:
    """The manifest of a run of this process.

    Args:
        directory: Where the manifests are; it is made where it is missing.
        record: The run.
    """

    def __init__(self, directory: Path, record: RunRecord) -> None:
        self._path = directory / f"{record.run_id}.json"
        self._record = record
        self._held: TextIO | None = None
        self._written = 0.0

    def write_sometimes(self) -> None:
        """Write down how far the run is, unless that was done a moment ago."""
        if time.monotonic() - self._written >= _SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        """Write down what is known of the run. What cannot be written down stops nothing."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new = _write(self._path, self._record.as_json())
        except OSError as error:
            logger.warning("%s cannot be written, so the history lacks this run: %s", self._path, error.strerror)
            return
        self.close()
        self._held, self._written = new, time.monotonic()

    def close(self) -> None:
        """Let go of the manifest."""
        held, self._held = self._held, None
        if held is not None:
            held.close()


class RunHistory:
    """The runs of a data directory.

    Args:
        directory: Where the manifests are.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def ids(self) -> list[str]:
        """The ids of all runs, newest first."""
        return sorted((path.stem for path in self._directory.glob("[!.]*.json")), reverse=True)

    def runs(self) -> Iterator[dict[str, Any]]:
        """What the manifests say, newest first; a run whose process is gone is ``killed``."""
        for run_id in self.ids():
            found = self.read(run_id)
            if found is not None:
                yield found

    def run(self, part: str) -> dict[str, Any]:
        """One run.

        Args:
            part: Its id, or a part of it that no other run's has, such as the one in the log's lines.

        Raises:
            HistoryError: There is none, or more than one.
        """
        found = [run_id for run_id in self.ids() if part in run_id]
        if part in found:
            found = [part]
        if len(found) > 1:
            raise HistoryError(f"{len(found)} runs have {part} in their id: {found[-1]} to {found[0]}. Give more of the id.")
        content = self.read(found[0]) if found else None
        if content is None:
            raise HistoryError(f"{self._directory}: there is no run {part}. lending-club runs lists those that there are.")
        return content

    def read(self, run_id: str) -> dict[str, Any] | None:
        """What a manifest says; None where there is none that can be read."""
        path = self._path(run_id)
        while True:
            try:
                with path.open(encoding="utf-8") as file:
                    content: dict[str, Any] = json.load(file)
                    if content["outcome"] != "running" or not _is_free(file):
                        return content
                    if os.fstat(file.fileno()).st_ino == path.stat().st_ino:  # else it has just been replaced
                        return {**content, "outcome": "killed"}
            except FileNotFoundError:
                return None
            except (OSError, ValueError, KeyError, TypeError) as error:
                logger.warning("%s cannot be read and is left out: %s", path, error)
                return None

    def settled(self, known: set[str]) -> list[dict[str, Any]]:
        """The runs that have ended and are not among the known ones, oldest first. Of one that was killed it is written down."""
        found = []
        for run_id in reversed(self.ids()):
            content = None if run_id in known else self.read(run_id)
            if content is None or content["outcome"] == "running":
                continue
            if content["outcome"] == "killed":
                logger.warning("The run %s was killed: %s", run_id, _last_step(content))
                with suppress(OSError):
                    _write(self._path(run_id), content).close()
            found.append(content)
        return found

    def remove_old(self, kept: int, known: set[str]) -> None:
        """Remove the manifests of all but the last runs, of those that are kept elsewhere."""
        for run_id in self.ids()[kept:]:
            if run_id in known:
                with suppress(OSError):
                    self._path(run_id).unlink()

    def _path(self, run_id: str) -> Path:
        return self._directory / f"{run_id}.json"


def _write(path: Path, content: dict[str, Any]) -> TextIO:
    """Replace a manifest at once, and hold the new one from before it has its name."""
    unfinished = path.with_name(f".{path.name}.new")
    file = unfinished.open("w", encoding="utf-8")
    try:
        with suppress(OSError):  # where the file system knows no locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        json.dump(content, file, indent=1)
        file.flush()
        if content["outcome"] != "running":
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        file.close()
        raise
    return file


def _is_free(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _last_step(content: dict[str, Any]) -> str:
    steps = content["steps"]
    return f"the last step known to be done is {steps[-1]['name']}" if steps else "no step is known to be done"
