"""What was asked of the server: statements and requests, kept for the tests to look at."""

import dataclasses
import threading
from collections import Counter
from typing import Any


@dataclasses.dataclass
class StatementRecord:
    """A statement that reached the warehouse.

    Attributes:
        statement: Its text.
        session: The session's identifier, in hexadecimal.
        state: RUNNING, FINISHED, ERROR or CANCELED.
        seconds: How long it took.
        error: What it failed with.
    """

    statement: str
    session: str
    state: str = "RUNNING"
    seconds: float | None = None
    error: str | None = None


@dataclasses.dataclass
class RequestRecord:
    """A request that reached the server.

    Attributes:
        method: The Thrift method, or put, get, remove, cloudfetch or token.
        status: The HTTP status of the answer; None when there was none.
        fault: The fault that was applied to it.
    """

    method: str
    status: int | None
    fault: str | None = None


class Journal:
    """The statements and requests since the last `clear`."""

    def __init__(self) -> None:
        self.statements: list[StatementRecord] = []
        self.requests: list[RequestRecord] = []
        self._lock = threading.Lock()

    def add_statement(self, statement: str, session: str) -> StatementRecord:
        """Note a statement; its outcome is to be noted in what is returned."""
        record = StatementRecord(statement, session)
        with self._lock:
            self.statements.append(record)
        return record

    def add_request(self, method: str, status: int | None, fault: str | None) -> None:
        """Note a request."""
        with self._lock:
            self.requests.append(RequestRecord(method, status, fault))

    def statements_as_json(self) -> list[dict[str, Any]]:
        """The statements, oldest first."""
        with self._lock:
            return [dataclasses.asdict(record) for record in self.statements]

    def requests_as_json(self) -> dict[str, Any]:
        """How many requests of each method there were, and all of them, oldest first."""
        with self._lock:
            counts = Counter(record.method for record in self.requests)
            return {"counts": counts, "requests": [dataclasses.asdict(record) for record in self.requests]}

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self.statements, self.requests = [], []
