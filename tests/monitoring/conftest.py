"""What the tests of metrics and messages share: records of runs, and servers on this machine that write down what they get."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.monitoring.servers import free_port
from tests.warehouse.server.certificate import make_certificate

PASSWORD = "se-cret-7"


def record(day: int, outcome: str = "published", **facts: Any) -> dict[str, Any]:
    """The record of the run of a day in November, of the form that run_record.py writes."""
    time = f"2026-11-{day:02}T06:15:00.000Z"
    error = {"type": "InputFileError", "message": "data/01_raw/accounts.csv is empty.", "step": "raw_accounts"}
    published = outcome == "published"
    return {
        "format": 1,
        "run_id": time.replace(":", "."),
        "outcome": outcome,
        "is_published": published,
        "exit_code": {"failed": 4, "killed": None}.get(outcome, 0),
        "as_of_date": time[:10],
        "started_at": time,
        "ended_at": None if outcome == "killed" else time.replace("15:00", "15:02"),
        "seconds": None if outcome == "killed" else 2.25,
        "user": "lending",
        "host": "etl1",
        "process": 4711,
        "environment": "local",
        "reconciliation": [
            {"source": "accounts", "rows_in": 10, "rows_published": 7, "rows_excluded": 2, "rows_quarantined": 1},
            {"source": "customers", "rows_in": 10, "rows_published": 10, "rows_excluded": 0, "rows_quarantined": 0},
        ]
        if published
        else [],
        "reasons": [{"source": "accounts", "reason": "invalid_balance", "rows": 1}] if published else [],
        "total_interest": "5102.37" if published else None,
        "checks": [check("columns", is_met=True)] if published else [],
        "error": error if outcome == "failed" else None,
        **facts,
    }


def keep(directory: Path, *records: dict[str, Any]) -> None:
    """Put records where runs leave theirs."""
    for each in records:
        (directory / f"{each['run_id']}.json").write_text(json.dumps(each))


def check(name: str, is_met: bool, severity: str = "error") -> dict[str, Any]:
    """What became of an expectation, as in a record."""
    found = "" if is_met else "3 rows do not meet it."
    return {"table": "account_summary", "name": name, "severity": severity, "is_met": is_met, "found": found}


@dataclass
class Receiver:
    """An HTTP server that answers every request with a status, and writes down what it got.

    Attributes:
        url: Its address.
        status: What it answers.
        got: Method, path, headers and body of each request.
    """

    url: str = ""
    status: int = 200
    got: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    server: ThreadingHTTPServer | None = None

    def secure(self, directory: Path) -> Path:
        """Speak TLS from now on; the certificate's authority, which the client has to trust."""
        assert self.server is not None
        certificate = make_certificate(directory)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate_file, certificate.key_file)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = self.url.replace("http:", "https:")
        return certificate.ca_file

    def wait_for(self, text: str, seconds: float) -> str:
        """The body of the first request that holds a text."""

        def found() -> str | None:
            return next((body for *_, body in self.got if text in body), None)

        with self.arrived:
            self.arrived.wait_for(lambda: found() is not None, seconds)
        body = found()
        assert body is not None, f"nothing about {text!r} in {self.got}"
        return body


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            with received.arrived:
                received.got.append((self.command, self.path, dict(self.headers), body))
                received.arrived.notify_all()
            self.send_response(received.status)
            self.end_headers()
            self.wfile.write(b"ok")

        do_POST = do_PUT = _answer  # noqa: N815 - http.server's names

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.server = server
    received.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield received
    server.shutdown()
    server.server_close()


@dataclass
class Mail:
    """A mail server that asks for a password, and the messages it got."""

    port: int
    messages: list[EmailMessage]


@pytest.fixture
def mail() -> Iterator[Mail]:
    messages: list[EmailMessage] = []

    class Handler:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
            message = message_from_bytes(bytes(envelope.original_content or b""), policy=policy.default)
            assert isinstance(message, EmailMessage)
            messages.append(message)
            return "250 OK"

    def login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        given = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
        return AuthResult(success=given, handled=given)

    controller = Controller(
        Handler(), hostname="127.0.0.1", port=free_port(), authenticator=login, auth_required=True, auth_require_tls=False
    )
    controller.start()
    yield Mail(controller.port, messages)
    controller.stop()
