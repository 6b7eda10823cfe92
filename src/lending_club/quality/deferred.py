"""Imports that Great Expectations makes and few expectations, or none, need."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

# What draws and tests distributions: a quarter of the time that it takes to import Great Expectations.
HEAVY = ("altair", "scipy.stats")

# What jsonschema, which Great Expectations imports, takes up where Jupyter has brought it, to check addresses that no expectation
# has: a second.
NEEDLESS = "rfc3987_syntax"


@contextmanager
def left_out(name: str) -> Iterator[None]:
    """Let ``import name`` fail inside, as if it were not installed, unless it is imported already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


def defer_import(name: str) -> None:
    """Let the next ``import name`` give a stand-in, which becomes the module when something in it is first asked for."""
    if name in sys.modules:
        return
    stand_in = ModuleType(name)
    stand_in.__spec__ = importlib.util.find_spec(name)

    def find(attribute: str) -> Any:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
        module = importlib.import_module(name)
        stand_in.__dict__.update(module.__dict__)
        return getattr(module, attribute)

    stand_in.__dict__["__getattr__"] = find
    sys.modules[name] = stand_in
