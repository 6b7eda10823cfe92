"""The errors a statement ends with, worded as Databricks words them."""

import re
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

# Spark adds the plan after its message; Databricks does not show it.
_PLAN = re.compile(r"(SQLSTATE: \w{5}(?:; line \d+ pos \d+)?)[;.]?\s*\n(?=['+:]|[A-Z]\w* ).*", re.DOTALL)
_PLAN_WITHOUT_STATE = re.compile(r";\n[A-Z'].*", re.DOTALL)


class SqlError(Exception):
    """A statement failed.

    Attributes:
        message: The text for the client, with its SQLSTATE at the end.
        sqlstate: Five characters.
    """

    def __init__(self, message: str, sqlstate: str) -> None:
        self.message = message if "SQLSTATE: " in message else f"{message} SQLSTATE: {sqlstate}"
        self.sqlstate = sqlstate
        super().__init__(self.message)


def from_exception(error: Exception) -> SqlError:
    """The error as told to the client: Spark's own message without plan and stack, or an internal error."""
    if isinstance(error, SqlError):
        return error
    if isinstance(error, PySparkException):
        return _shortened(str(error).split("JVM stacktrace:")[0], error.getSqlState())
    if isinstance(error, Py4JJavaError):
        return _from_java(error.java_exception)
    return SqlError(f"[INTERNAL_ERROR] {type(error).__name__}: {error}", "XX000")


def _from_java(error: Any) -> SqlError:
    # What happened in a task is wrapped more than once: the innermost error that has a name is the one to tell.
    told, cause = error, error
    while cause is not None:
        if hasattr(cause, "getSqlState") and cause.getCondition():
            told = cause
        cause = cause.getCause()
    state = told.getSqlState() if hasattr(told, "getSqlState") else None
    return _shortened(str(told.getMessage() or told.toString()), state)


def _shortened(message: str, state: str | None) -> SqlError:
    message = _PLAN_WITHOUT_STATE.sub("", _PLAN.sub(r"\1", message)).strip()
    return SqlError(message, state or "XX000")
