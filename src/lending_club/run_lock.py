"""One run at a time on one data directory."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from lending_club.errors import DataDirectoryError, RunInProgressError
from lending_club.run_record import user_name

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.1


class RunLock:
    """A lock file that the operating system frees when its holder ends, however it ends.

    Args:
        path: The lock file; it stays there, a leftover one locks nobody out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def acquire(self, wait_seconds: float) -> None:
        """Take the lock.

        Args:
            wait_seconds: How long to wait for another holder.

        Raises:
            RunInProgressError: Another run still holds it; the message says which.
            DataDirectoryError: The lock file cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a+")
            self._wait(file, wait_seconds)
            file.truncate(0)
            file.write(f"process {os.getpid()} of {user_name()} on {socket.gethostname()}, since {datetime.now(UTC):%FT%TZ}\n")
            file.flush()
        except OSError as error:
            raise DataDirectoryError(f"{self._path}: {(error.strerror or str(error)).lower()}. A run writes there.") from error
        self._file = file

    def _wait(self, file: TextIO, wait_seconds: float) -> None:
        deadline = time.monotonic() + wait_seconds
        is_told = False
        while not _try_lock(file):
            file.seek(0)
            other = f"Another run works on {self._path.parent.parent}: {file.read().strip() or 'unknown'}."
            if time.monotonic() >= deadline:
                file.close()
                raise RunInProgressError(
                    f"{other} Waited {wait_seconds:g} seconds (run.lock_wait_seconds). Try again when it has ended."
                )
            if not is_told:
                logger.info("%s Waits for it, for %g seconds at the most", other, wait_seconds)
                is_told = True
            time.sleep(_POLL_SECONDS)

    def release(self) -> None:
        """Free the lock, if it is held."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None


def _try_lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
