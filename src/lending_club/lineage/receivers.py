"""Who gets the events: a file, or an HTTP server."""

from __future__ import annotations

import os
import queue
import re
import threading
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

import requests

TOKEN = "LENDING_CLUB_LINEAGE_TOKEN"  # noqa: S105 - the name of it

_ENDPOINT = "/api/v1/lineage"
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.5
_PASSING = {429, 500, 502, 503, 504}  # what a server answers that may well take the event a moment later
_TOLD_CHARACTERS = 200


class Receiver(Protocol):
    """Gets events, each a JSON text of one line. A method raises ``OSError``, whose message tells nothing of a credential."""

    @property
    def name(self) -> str:
        """What it is called in the log."""

    def take(self, event: str) -> None:
        """Take an event, at once or in a while."""

    def close(self) -> None:
        """Have taken all events, or give up."""


def receiver(address: str, wait_seconds: float) -> Receiver:
    """The receiver at an address.

    Args:
        address: An HTTP address, or else the path of a file.
        wait_seconds: How long ``close`` may wait.

    Raises:
        OSError: It cannot be one.
    """
    if address.lower().startswith(("http://", "https://")):
        return Server(address, os.environ.get(TOKEN, ""), wait_seconds)
    if "://" in address and not address.startswith("file:///"):
        raise OSError("LENDING_CLUB_LINEAGE is neither an address, http(s)://..., nor a file")
    return File(Path(unquote(address.removeprefix("file://")) if address.startswith("file://") else address).absolute())


class File:
    """A file that a line is added to for each event. Several runs may share it."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def take(self, event: str) -> None:
        """Add the line, in one piece, so that those of another run stay whole."""
        self._file.write(f"{event}\n".encode())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Server:
    """A server that events are posted to, in their order, while the run goes on.

    An event that the server does not take for the moment is offered three times. Once it has not taken one, it gets no more.

    Args:
        address: Its address, with ``/api/v1/lineage`` where it names no path; user and password may stand before the host.
        token: What to show it as a bearer token, if anything.
        wait_seconds: How long to wait for an answer, and in the end for all of them.
    """

    def __init__(self, address: str, token: str, wait_seconds: float) -> None:
        parts = urlsplit(address)
        if not parts.hostname:
            raise OSError("LENDING_CLUB_LINEAGE must be of the form http://host:5000, or a file")
        self.name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._url = urlunsplit(
            (parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/") or _ENDPOINT, parts.query, "")
        )
        self._login = (unquote(parts.username), unquote(parts.password or "")) if parts.username is not None else None
        self._token = token.strip()
        if re.search("[^!-~]", self._token):
            raise OSError(f"{TOKEN} has characters in it that it cannot have")
        self._wait_seconds = wait_seconds
        self._events: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._given = self._taken = 0
        self._why = ""
        self._is_over = threading.Event()
        # It ends with the process, whatever it is waiting for: no connection, and no name server, keeps a run from ending.
        self._thread = threading.Thread(target=self._post_all, name="lineage", daemon=True)
        self._thread.start()

    def take(self, event: str) -> None:
        """Have it posted."""
        self._given += 1
        self._events.put(event)

    def close(self) -> None:
        """Wait until all are posted, or the time is over.

        Raises:
            OSError: Not all are; the message says why.
        """
        self._events.put(None)
        self._thread.join(self._wait_seconds)
        self._is_over.set()
        if missing := self._given - self._taken:
            why = self._why or f"it did not take all of them within {self._wait_seconds:g} seconds of the run's end"
            raise OSError(f"{self.name} lacks {missing} of {self._given} events: {why}")

    def _post_all(self) -> None:
        with requests.Session() as session:
            session.auth = self._show_credentials
            while (event := self._events.get()) is not None and not self._is_over.is_set():
                if not self._post(session, event):
                    return
                self._taken += 1

    def _post(self, session: requests.Session, event: str) -> bool:
        for attempt in range(_ATTEMPTS):
            if attempt and self._is_over.wait(_PAUSE_SECONDS * attempt):
                return False
            try:
                answer = session.post(
                    self._url,
                    event.encode(),
                    headers={"Content-Type": "application/json"},
                    timeout=self._wait_seconds,
                    allow_redirects=False,
                )
            except (requests.RequestException, OSError, ValueError) as error:
                self._why = _told(error, self._wait_seconds)
                continue
            if answer.status_code < 300:
                self._why = ""
                return True
            self._why = self._refusal(answer)
            if answer.status_code not in _PASSING:
                return False
        return False

    def _show_credentials(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Show the token, or user and password. What ``~/.netrc`` says of the host, which requests would take, is left alone."""
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
            return request
        return requests.auth.HTTPBasicAuth(*self._login)(request) if self._login else request

    def _refusal(self, answer: requests.Response) -> str:
        if answer.status_code in (401, 403):
            return f"it answers {answer.status_code} {answer.reason}: see to {TOKEN}, or to user and password in the address"
        told = " ".join(answer.text.split())[:_TOLD_CHARACTERS]
        for secret in (self._token, *(self._login or ())):
            told = told.replace(secret, "***") if secret else told
        return f"it answers {answer.status_code} {answer.reason}{': ' + told if told else ''}"


def _told(error: BaseException, seconds: float) -> str:
    """What is wrong, without the address, which may hold a credential."""
    if isinstance(error, requests.Timeout):
        return f"no answer within {seconds:g} seconds"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
