"""Runs a command and measures what it and all its children take."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_SAMPLE_SECONDS = 0.05
_SETTLED_SECONDS = 0.5  # a child just forked shares its parent's memory
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Measurement:
    """What a command took.

    Attributes:
        wall: Seconds from start to end.
        cpu: Seconds of CPU, user and system, of the process and its children.
        peak: Bytes of memory: the most that they held together, as seen every 50 ms, and at least the most of any of them.
        status: Exit status.
        output: What it printed.
    """

    wall: float
    cpu: float
    peak: int
    status: int
    output: str


def measure(command: Sequence[str], directory: Path, environment: Mapping[str, str], log: Path) -> Measurement:
    """Run a command to its end.

    It is started by a small process of its own: Linux counts the memory of the one that starts it as its own.

    Args:
        command: The command.
        directory: Where to run it.
        environment: All its environment variables.
        log: A file for what it prints.
    """
    starter = [sys.executable, __file__, str(log), *command]
    told = subprocess.run(starter, cwd=directory, env=dict(environment), stdout=subprocess.PIPE, check=True).stdout
    return Measurement(**json.loads(told), output=log.read_text(encoding="utf-8", errors="replace"))


def main(log: str, command: Sequence[str]) -> None:
    """Run a command and print what it took."""
    if sys.platform == "linux":  # be the parent of orphans, too, such as Spark's JVM, so that they are measured
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with Path(log).open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        sampler = _Sampler(process.pid)
        sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        sampler.stop()
    usages = [usage]
    with suppress(ChildProcessError):  # there are no others
        while True:
            usages.append(os.wait4(-1, 0)[2])
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = sum(each.ru_utime + each.ru_stime for each in usages)
    peak = max(sampler.peak, *(each.ru_maxrss * unit for each in usages))
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak, "status": process.returncode}))


class _Sampler(threading.Thread):
    """Looks again and again how much memory a process and its children hold."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._process = psutil.Process(pid)
        self._ended = threading.Event()

    def run(self) -> None:
        """Look until the process is gone."""
        while not self._ended.wait(_SAMPLE_SECONDS):
            held = 0
            with suppress(psutil.Error):
                for process in [self._process, *self._process.children(recursive=True)]:
                    with suppress(psutil.Error):
                        if process == self._process or time.time() - process.create_time() > _SETTLED_SECONDS:
                            held += process.memory_info().rss
            self.peak = max(self.peak, held)

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self.join()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
