"""OpenLineage's own classes, which its package makes from the specification: an event is held against them, field by field."""

from __future__ import annotations

import enum
import importlib
import pkgutil
import types
from decimal import Decimal
from functools import cache
from typing import Any, Union, get_args, get_origin

import attr
from openlineage.client import generated
from openlineage.client.generated.base import RunEvent

_FACETS = {"facets", "inputFacets", "outputFacets"}


@cache
def classes() -> dict[str, Any]:
    """Each facet's class by its schema's address."""
    modules = [importlib.import_module(f"{generated.__name__}.{each.name}") for each in pkgutil.iter_modules(generated.__path__)]
    found = [each for module in modules for each in vars(module).values() if isinstance(each, type) and attr.has(each)]
    return {each._get_schema(): each for each in found if hasattr(each, "_get_schema")}


def hold_against_specification(event: dict[str, Any]) -> None:
    """Fail where an event has a field too many, lacks one, or has one of another type than it should.

    Args:
        event: As read from JSON, its numbers with a point as ``Decimal``.
    """
    _made(RunEvent, {name: value for name, value in event.items() if name != "schemaURL"}, "event")
    assert event["schemaURL"] == RunEvent._get_schema()


def _made(kind: Any, value: Any, where: str) -> Any:
    if kind is Any:
        return value
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if value is None:
            assert type(None) in arguments, where
            return None
        (kind,) = (each for each in arguments if each is not type(None))
        return _made(kind, value, where)
    if origin is list:
        assert isinstance(value, list), where
        return [_made(arguments[0], each, f"{where}[{number}]") for number, each in enumerate(value)]
    if origin is dict:
        assert isinstance(value, dict), where
        is_facets = where.rpartition(".")[2] in _FACETS
        return {name: (_facet if is_facets else _made)(arguments[1], each, f"{where}.{name}") for name, each in value.items()}
    if attr.has(kind):
        attr.resolve_types(kind)
        known = {each.alias: each.type for each in attr.fields(kind) if each.init}
        assert set(value) <= set(known), f"{where} has {set(value) - set(known)}, which {kind.__name__} has not"
        return kind(**{name: _made(known[name], each, f"{where}.{name}") for name, each in value.items()})
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(value)
    taken = {float: (int, Decimal), int: (int,), str: (str,), bool: (bool,)}[kind]
    assert isinstance(value, taken), f"{where} is {value!r}"
    assert kind is bool or not isinstance(value, bool), f"{where} is {value!r}"
    return value


def _facet(base: Any, value: dict[str, Any], where: str) -> Any:
    assert value["_producer"].startswith("pkg:pypi/lending-club@"), where
    kind = classes()[value["_schemaURL"]]
    assert issubclass(kind, base), f"{where} is no {base.__name__}"
    return _made(kind, {name: each for name, each in value.items() if not name.startswith("_")}, where)
