"""What the tests of lineage share: the events of a file, and a server that takes events, or fails to, as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.lineage.spec import hold_against_specification

Event = dict[str, Any]


def read_events(path: Path) -> list[Event]:
    """The events of a file, each as the specification has it."""
    return [as_specified(line) for line in path.read_text().split("\n")[:-1]]


def as_specified(text: str) -> Event:
    event: Event = json.loads(text, parse_float=Decimal)
    hold_against_specification(event)
    return event


def job_events(events: list[Event], job: str) -> list[Event]:
    return [event for event in events if event["job"]["name"] == job]


def kinds(events: list[Event], job: str) -> list[str]:
    return [event["eventType"] for event in job_events(events, job)]


@dataclass
class LineageServer:
    """A server on this machine.

    Attributes:
        url: Its address.
        answer: What it does about the request of this number, from 0 on: the status to answer with, after any wait.
        got: Path, authorization and body of each request.
    """

    url: str = ""
    answer: Callable[[int], int] = lambda number: 201
    got: list[tuple[str, str | None, str]] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        return [as_specified(body) for _, _, body in self.got]


@pytest.fixture
def lineage_server() -> Iterator[LineageServer]:
    received = LineageServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status = received.answer(len(received.got))
            received.got.append((self.path, self.headers.get("Authorization"), body))
            told = f"secrets are s3cret and hush {self.headers.get('Authorization')}".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    received.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield received
    server.shutdown()
    server.server_close()


def slow(seconds: float, status: int = 201) -> Callable[[int], int]:
    def answer(number: int) -> int:
        time.sleep(seconds)
        return status

    return answer
