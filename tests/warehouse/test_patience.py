"""What is repeated, for how long, and what is told in the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databricks.sql.exc import MaxRetryDurationError, OperationalError, RequestError, ServerOperationError

from lending_club.errors import WarehouseError
from lending_club.warehouse import patience
from lending_club.warehouse.patience import Patience

SECRET = "dapi-0123456789abcdef"


class Clock:
    """Time that passes only while somebody sleeps."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(patience, "time", clock)
    yield clock


def failing(*errors: Exception) -> tuple[list[int], object]:
    """Something that fails with these errors, one after the other, and then succeeds."""
    left, calls = list(errors), []

    def action() -> str:
        calls.append(1)
        if left:
            raise left.pop(0)
        return "done"

    return calls, action


def keep(action: object, seconds: float = 60) -> object:
    return Patience("SELECT 1", seconds, [SECRET]).keep(action, lambda: None)  # type: ignore[arg-type]


PASSING = [
    RequestError("Error during request to server", {"http-code": 500, "error-message": "TEMPORARILY_UNAVAILABLE"}),
    OperationalError("Staging operation over HTTP was unsuccessful: 503-busy"),
    OperationalError("Staging operation over HTTP was unsuccessful: 429-"),
    RequestError("HTTP request error: ('Connection aborted.', RemoteDisconnected('closed'))"),
    OperationalError("Invalid SessionHandle: SessionHandle [..]"),
    ServerOperationError("[DELTA_CONCURRENT_APPEND] ConcurrentAppendException: files were added"),
    OperationalError("CloudFetch link has expired"),
]
LASTING = [
    ServerOperationError("[PARSE_SYNTAX_ERROR] Syntax error at or near 'FRM'. SQLSTATE: 42601"),
    ServerOperationError("[DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012"),
    ServerOperationError("PERMISSION_DENIED: User does not have CREATE TABLE. SQLSTATE: 42501"),
    RequestError("Error during request to server", {"http-code": 403, "error-message": "Invalid access token."}),
    RequestError("Error during request to server", {"http-code": 404}),
    OperationalError("Staging operation over HTTP was unsuccessful: 403-denied"),
    ZeroDivisionError("a fault of the program"),
]


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_what_may_pass_is_repeated(clock: Clock, error: Exception) -> None:
    calls, action = failing(error, error)
    assert keep(action) == "done"
    assert len(calls) == 3
    assert clock.now == 1 + 2


@pytest.mark.parametrize("error", LASTING, ids=str)
def test_what_lasts_is_told_at_once(clock: Clock, error: Exception) -> None:
    calls, action = failing(error)
    with pytest.raises(WarehouseError, match="Tried once in 0 s: SELECT 1"):
        keep(action)
    assert len(calls) == 1


def test_patience_ends_and_says_how_long_it_lasted(clock: Clock) -> None:
    calls, action = failing(*[PASSING[1]] * 100)
    with pytest.raises(WarehouseError, match=r"503-busy. Tried 6 times in 31 s: SELECT 1. .*patience_seconds .* is 60"):
        keep(action)
    assert clock.now <= 60
    assert len(calls) == 6


def test_what_the_connector_has_repeated_is_not_repeated_again(clock: Clock) -> None:
    calls, action = failing(MaxRetryDurationError("Retry request would exceed Retry policy max retry duration of 60 seconds"))
    with pytest.raises(WarehouseError, match=r"takes no request.*503.*Tried again and again in 0 s: SELECT 1"):
        keep(action)
    assert len(calls) == 1


def test_the_session_is_made_anew_before_each_next_time(clock: Clock) -> None:
    made = []
    _, action = failing(PASSING[4], PASSING[4])
    Patience("SELECT 1", 60, []).keep(action, lambda: made.append(1))  # type: ignore[arg-type]
    assert len(made) == 2


def test_secrets_are_not_told(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    error = RequestError(f"bad header: Bearer {SECRET}", {"http-code": 503, "original-exception": f"token {SECRET}"})
    _, action = failing(RequestError(f"HTTP request error: {SECRET}"), error, ServerOperationError(f"no {SECRET}"))
    with pytest.raises(WarehouseError) as raised:
        keep(action)
    assert SECRET not in str(raised.value)
    assert SECRET not in caplog.text
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (LASTING[3], "Check DATABRICKS_TOKEN"),
        (LASTING[4], "Check DATABRICKS_HTTP_PATH"),
        (LASTING[2], "Ask for that permission"),
    ],
)
def test_the_message_says_what_to_do(clock: Clock, error: Exception, advice: str) -> None:
    _, action = failing(error)
    with pytest.raises(WarehouseError, match=advice):
        keep(action)
