"""How log lines look: as text for a person, or as JSON, one object a line, for what collects logs; each names run and step."""

from __future__ import annotations

import json
import logging
from copy import copy
from datetime import UTC, datetime

from lending_club.errors import ParameterError
from lending_club.run_record import current


class _Formatter(logging.Formatter):
    """Takes the place of another formatter.

    Args:
        plain: The one that ``logging.yml`` gives.
    """

    def __init__(self, plain: logging.Formatter | None) -> None:
        super().__init__()
        self.plain = plain or logging.Formatter()


class TextFormatter(_Formatter):
    """A line as ``logging.yml`` says, with the run and the step before its message."""

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        if run := current():
            short_id = run.run_id[len("2026-01-01T") :].removesuffix("Z")  # the run's first line tells the whole
            record = copy(record)
            record.msg, record.args = f"{short_id} {_step(record) or '-':<28} {record.getMessage()}", None
        return self.plain.format(record)


class JsonFormatter(_Formatter):
    """A line as a JSON object: ``time`` (UTC), ``level``, ``logger``, ``message``, ``run_id``, ``step``; a traceback, if any."""

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        run = current()
        line = {
            "time": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "run_id": run and run.run_id,
            "step": _step(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _step(record: logging.LogRecord) -> str | None:
    """The step that a line is about, or else the one that is being done."""
    run = current()
    return getattr(record, "step", None) or (run.step.name if run and run.step else None)


_FORMATS = {"text": TextFormatter, "json": JsonFormatter}


def use_format(name: str) -> None:
    """Write the lines of all loggers, other libraries' too, in this format from now on.

    Raises:
        ParameterError: There is no such format.
    """
    if name not in _FORMATS:
        raise ParameterError(f"log_format is {name!r}. Set LENDING_CLUB_LOG_FORMAT to text or json.")
    for handler in logging.getLogger().handlers:
        own = handler.formatter
        handler.setFormatter(_FORMATS[name](own.plain if isinstance(own, _Formatter) else own))


def are_json() -> bool:
    """Whether lines are written as JSON."""
    return any(isinstance(handler.formatter, JsonFormatter) for handler in logging.getLogger().handlers)
