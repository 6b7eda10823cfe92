"""Repeating what failed on the way to Databricks and may well succeed the next time."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import TypeVar

from lending_club.errors import LendingClubError, WarehouseError

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0

# What an answer says that may be another one the next time. 429 and 503 to a request the connector repeats itself; these are
# its answers for uploads and downloads, for a session that is gone, and for two statements that met on one table, as when an
# answer was lost and the request was sent again.
_PASSING = re.compile(
    r"(Session|Operation)Handle|INVALID_HANDLE|unsuccessful: (429|5\d\d)|HTTP (408|429|5\d\d)|HTTP request (failed|error)"
    r"|TEMPORARILY_UNAVAILABLE|DELTA_CONCURRENT|CONCURRENT_|DELTA_METADATA_CHANGED|DELTA_PROTOCOL_CHANGED|link has expired"
    r"|Connection (aborted|reset|refused)|RemoteDisconnected|IncompleteRead|Read timed out",
    re.IGNORECASE,
)
_ADVICE = {
    r"\b403\b|Invalid access token|invalid_client|401": "Check DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and _SECRET.",
    r"\b404\b": "Check DATABRICKS_HTTP_PATH.",
    r"PERMISSION_DENIED|INSUFFICIENT_P": "Ask for that permission; docs/how-to/databricks.md lists those that a run needs.",
}


class Patience:
    """How long to repeat one thing.

    Args:
        what: What is being done, for the message in the end.
        seconds: For how long, in all.
        secrets: Texts that must not be told.
    """

    def __init__(self, what: str, seconds: float, secrets: list[str]) -> None:
        self._what = what
        self._seconds = seconds
        self._secrets = secrets

    def keep(self, action: Callable[[], _T], before_next: Callable[[], object]) -> _T:
        """Do something until it succeeds, fails for good, or the time is up.

        Args:
            action: What may be done any number of times.
            before_next: Called before each time but the first.

        Raises:
            WarehouseError: It failed; the message says why, how often and for how long it was tried.
        """
        started, attempts, wait = time.monotonic(), 0, _FIRST_WAIT
        while True:
            attempts += 1
            try:
                return action()
            except LendingClubError:
                raise
            except Exception as error:
                elapsed = time.monotonic() - started
                told = self._told(error)
                if _is_connectors_last_word(error):
                    told, attempts = "it takes no request: busy, starting or out of reach (429, 503 or no answer)", 0
                if not _is_passing(error, told) or elapsed + wait > self._seconds:
                    raise WarehouseError(self._explained(told, attempts, elapsed)) from None
                logger.warning("Databricks: %s. Trying again in %.0f s.", told, wait)
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
            before_next()

    def _told(self, error: BaseException) -> str:
        """What an error says first, with the reason where the connector hides it, and without secrets."""
        context = getattr(error, "context", None) or {}
        details = [
            str(error),
            *(str(context[key]) for key in ("http-code", "error-message", "original-exception") if context.get(key)),
        ]
        text = ": ".join(dict.fromkeys(_first_sentence(detail) for detail in details))
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return text.rstrip(". ")

    def _explained(self, told: str, attempts: int, elapsed: float) -> str:
        times = {0: "again and again", 1: "once"}.get(attempts, f"{attempts} times")
        advice = next((advice for pattern, advice in _ADVICE.items() if re.search(pattern, told)), "")
        if elapsed > self._seconds / 2:
            advice = f"{advice} warehouse.patience_seconds (conf/prod/globals.yml) is {self._seconds:g}.".strip()
        what = " ".join(self._what.split())
        what = what if len(what) < 80 else what[:77] + "..."
        return f"Databricks: {told}. Tried {times} in {elapsed:.0f} s: {what}. {advice}".strip()


def _first_sentence(text: str) -> str:
    """The first line, and the next one where the first announces it."""
    lines = text.strip().splitlines() or [""]
    return " ".join(lines[: 2 if lines[0].endswith(":") else 1])


def _is_connectors_last_word(error: BaseException) -> bool:
    """Whether the connector has repeated a request itself, for as long as it may; it wraps its word for that."""
    return "Retry policy max retry duration" in str(error) or type(error).__name__ == "MaxRetryError"


def _is_passing(error: BaseException, told: str) -> bool:
    code = (getattr(error, "context", None) or {}).get("http-code")
    is_final = _is_connectors_last_word(error) or code in (401, 403, 404)
    return not is_final and bool(_PASSING.search(told))
