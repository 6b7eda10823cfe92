"""Runs a command, measures what it and all its children take, and ends it where that is too much."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

GB = 1_000_000_000
_SAMPLE_SECONDS = 0.05
_SETTLED_SECONDS = 0.5  # a child just forked shares its parent's memory
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Limits:
    """What a command and its children may take; all of them are killed when it is more.

    Attributes:
        memory: Bytes that they hold together.
        minutes: Time from the start.
    """

    memory: int
    minutes: float


@dataclass(frozen=True)
class Measurement:
    """What a command took.

    Attributes:
        wall: Seconds from start to end.
        cpu: Seconds of CPU, user and system, of the process and its children.
        peak: Bytes of memory: the most that they held together, as seen every 50 ms, and at least the most of any of them.
        status: Exit status, or the negative number of the signal that ended it.
        passed: The limit that it passed, in words; empty where it did not.
        output: What it printed.
    """

    wall: float
    cpu: float
    peak: int
    status: int
    passed: str
    output: str

    @property
    def failure(self) -> str:
        """Why there is no result, in words; empty where there is one."""
        if self.status == 0 or self.passed:
            return self.passed
        if self.status < 0:
            return f"killed: {signal.Signals(-self.status).name} at {self.peak / GB:.1f} GB"
        return f"failed: {(self.output.strip().splitlines() or ['no message'])[-1][:200]}"


def measure(command: Sequence[str], directory: Path, environment: Mapping[str, str], log: Path, limits: Limits) -> Measurement:
    """Run a command to its end, or to its limits.

    It is started by a small process of its own: Linux counts the memory of the one that starts it as its own.

    Args:
        command: The command.
        directory: Where to run it.
        environment: All its environment variables.
        log: A file for what it prints.
        limits: What it may take.
    """
    starter = [sys.executable, __file__, str(log), json.dumps(asdict(limits)), *command]
    told = subprocess.run(starter, cwd=directory, env=dict(environment), stdout=subprocess.PIPE, check=True).stdout
    return Measurement(**json.loads(told), output=log.read_text(encoding="utf-8", errors="replace"))


def main(log: str, limits: Limits, command: Sequence[str]) -> None:
    """Run a command and print what it took."""
    if sys.platform == "linux":  # be the parent of orphans, too, such as Spark's JVM, so that they are measured
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with Path(log).open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        sampler = _Sampler(process.pid, limits)
        sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
    usages = [usage]
    with suppress(ChildProcessError):  # there are no others
        while True:
            usages.append(os.wait4(-1, 0)[2])
    sampler.stop()
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = sum(each.ru_utime + each.ru_stime for each in usages)
    peak = max(sampler.peak, *(each.ru_maxrss * unit for each in usages))
    told = {"wall": wall, "cpu": cpu, "peak": peak, "status": process.returncode, "passed": sampler.passed}
    print(json.dumps(told))


class _Sampler(threading.Thread):
    """Looks again and again how much memory a process and its children hold, and kills them when they pass a limit.

    Its children are all others that this process has, too: those whose parent is gone are given to it.
    """

    def __init__(self, pid: int, limits: Limits) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self.passed = ""
        self._pid = pid
        self._limits = limits
        self._latest = time.monotonic() + 60 * limits.minutes
        self._ended = threading.Event()

    def run(self) -> None:
        """Look until all of them are gone."""
        while not self._ended.wait(_SAMPLE_SECONDS):
            running = psutil.Process().children(recursive=True)
            held = sum(map(self._held, running))
            self.peak = max(self.peak, held)
            self.passed = self.passed or self._limit_passed(held)
            if self.passed:
                for process in running:
                    with suppress(psutil.Error):
                        process.kill()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self.join()

    def _limit_passed(self, held: int) -> str:
        if held > self._limits.memory:
            return f"killed: out of memory at {held / GB:.1f} GB"
        return f"not done after {self._limits.minutes:g} minutes" if time.monotonic() > self._latest else ""

    def _held(self, process: psutil.Process) -> int:
        with suppress(psutil.Error):
            if process.pid == self._pid or time.time() - process.create_time() > _SETTLED_SECONDS:
                return int(process.memory_info().rss)
        return 0


if __name__ == "__main__":
    main(sys.argv[1], Limits(**json.loads(sys.argv[2])), sys.argv[3:])
