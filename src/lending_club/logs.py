"""How log lines look: as text for a person, or as JSON, one object a line, for what collects logs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from lending_club.errors import ParameterError
from lending_club.run_record import current

_FORMATS = ("text", "json")


class JsonFormatter(logging.Formatter):
    """A line as a JSON object: ``time`` (UTC), ``level``, ``logger``, ``message``, ``run_id``, ``step``; a traceback, if any."""

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        run = current()
        step = getattr(record, "step", None) or (run and run.step and run.step.name)
        line = {
            "time": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "run_id": run and run.run_id,
            "step": step,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def use_format(name: str) -> None:
    """Write the lines of all loggers, other libraries' too, in this format from now on; ``text`` is what ``logging.yml`` says.

    Raises:
        ParameterError: There is no such format.
    """
    if name not in _FORMATS:
        raise ParameterError(f"log_format is {name!r}. Set LENDING_CLUB_LOG_FORMAT to text or json.")
    for handler in logging.getLogger().handlers:
        if name == "json" and not isinstance(handler.formatter, JsonFormatter):
            _text_formatters[handler] = handler.formatter
            handler.setFormatter(JsonFormatter())
        elif name == "text" and handler in _text_formatters:
            handler.setFormatter(_text_formatters.pop(handler))


_text_formatters: dict[logging.Handler, logging.Formatter | None] = {}


def are_json() -> bool:
    """Whether lines are written as JSON."""
    return any(isinstance(handler.formatter, JsonFormatter) for handler in logging.getLogger().handlers)
