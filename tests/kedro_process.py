"""Kedro's commands, each in a process of its own that has nothing heavy to import: it is forked from one that has done so.

To import Great Expectations takes longer than the rest of a checked run of the sample. Kedro's framework and the project's
settings are still imported by each process, because they read its environment.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import NoReturn

_HEAVY = ("duckdb", "kedro.config", "kedro.io", "kedro_datasets.plotly.html_dataset", "lending_club.quality.gate")


def run(command: list[str], cwd: Path, env: dict[str, str], timeout: int = 300) -> subprocess.CompletedProcess[str]:
    """What ``subprocess.run`` does with a kedro command, sooner.

    Raises:
        subprocess.TimeoutExpired: It was not over after so many seconds, and was killed.
    """
    server = _server()
    assert server.stdin is not None and server.stdout is not None
    with tempfile.NamedTemporaryFile("r") as output, tempfile.NamedTemporaryFile("r") as errors:
        request = {"command": command, "cwd": str(cwd), "env": env, "timeout": timeout, "files": [output.name, errors.name]}
        server.stdin.write(f"{json.dumps(request)}\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        told = subprocess.CompletedProcess(command, status, output.read(), errors.read())
    if status == -signal.SIGALRM:
        raise subprocess.TimeoutExpired(command, timeout, told.stdout, told.stderr)
    return told


@cache
def _server() -> subprocess.Popen[str]:
    """The process that is forked; it ends with this one, which closes its standard input."""
    # Without -P, modules of the tests would be found before the packages that have their names.
    return subprocess.Popen([sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _serve() -> None:
    """Fork for each request and answer with the exit status; the forked process goes on to be the command."""
    for name in _HEAVY:
        importlib.import_module(name)
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        process = os.fork()
        if process == 0:
            signal.alarm(request["timeout"])
            os.chdir(request["cwd"])
            os.environ.clear()
            os.environ.update(request["env"])
            for number, path in enumerate([os.devnull, *request["files"]]):
                os.dup2(os.open(path, os.O_RDWR), number)
            _become(request["command"])
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), file=answers, flush=True)
    os._exit(0)


def _become(command: list[str]) -> NoReturn:
    """Be the command, and end like it, but for taking down what was imported: see ``pytest_unconfigure`` of the tests."""
    status = 1

    def end() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    atexit.register(end)
    sys.argv = command
    from kedro.framework.cli import main

    try:
        main()
    except SystemExit as ended:
        status = int(ended.code or 0)
    sys.exit()


if __name__ == "__main__":
    _serve()
