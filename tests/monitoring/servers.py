"""Prometheus, its Pushgateway and its Alertmanager, as Debian packages them, started on free ports with data of their own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.conftest import missing

_START_SECONDS = 20


def program(name: str) -> str:
    """Path of a program of these packages."""
    found = shutil.which(name)
    if found is None:
        missing(f"There is no {name}: install prometheus, prometheus-pushgateway and prometheus-alertmanager (Debian).")
    return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def server(name: str, log: Path, port: int, *options: str) -> Iterator[str]:
    """A running server's address, once it says that it is ready."""
    url = f"http://127.0.0.1:{port}"
    with log.open("w") as output:
        process = subprocess.Popen(
            [program(name), f"--web.listen-address=127.0.0.1:{port}", *options], stderr=output, stdout=output
        )
    try:
        wait_until(lambda: process.poll() is not None or _is_ready(url), _START_SECONDS, log.read_text)
        assert process.poll() is None, log.read_text()
        yield url
    finally:
        process.terminate()
        process.wait(10)


def wait_until(is_true: Callable[[], bool], seconds: float, otherwise: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"not within {seconds} seconds {otherwise()}"
        time.sleep(0.1)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def query(url: str, expression: str, at: float | None = None) -> list[dict[str, Any]]:
    """The series that a query finds."""
    asked = {"query": expression} | ({"time": str(at)} if at else {})
    with urllib.request.urlopen(f"{url}/api/v1/query?{urlencode(asked)}", timeout=10) as answer:
        found = json.loads(answer.read())
    return list(found["data"]["result"])
