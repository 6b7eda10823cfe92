from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from lending_club.lineage.facets import _SCHEMAS, facets, to_json
from tests.lineage.spec import classes, hold_against_specification

EXACT = "123456789012345678901234567890123456.78"


def event(**fields: Any) -> dict[str, Any]:
    return {
        "eventType": "START",
        "eventTime": "2026-11-24T06:15:00.000Z",
        "run": {"runId": "0176a8c2-fe01-7439-87e6-56a1a1b4029f"},
        "job": {"namespace": "lending_club", "name": "lending_club"},
        "producer": "pkg:pypi/lending-club@0.1.0",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        **fields,
    }


def test_every_schema_is_one_of_the_specification() -> None:
    for name in _SCHEMAS:
        address = facets(**{name: {}})[name]["_schemaURL"]
        assert address in classes(), f"{address} is not of the OpenLineage that is installed"


@pytest.mark.parametrize(
    "faulty",
    [
        event(extra=1),
        event(eventType="DONE"),
        event(eventTime="2026-11-24"),
        event(run={"runId": "7"}),
        {name: value for name, value in event().items() if name != "job"},
        event(job={"namespace": "lending_club", "name": "x", "facets": facets(sql={"text": "SELECT 1"})}),
        event(job={"namespace": "lending_club", "name": "x", "facets": facets(errorMessage={"message": "x"})}),
        event(outputs=[{"namespace": "file", "name": "/x", "outputFacets": facets(outputStatistics={"rowCount": "8"})}]),
    ],
)
def test_the_tests_find_what_is_not_of_the_specification(faulty: dict[str, Any]) -> None:
    hold_against_specification(event())
    with pytest.raises((AssertionError, ValueError, KeyError, TypeError)):
        hold_against_specification(faulty)


@pytest.mark.parametrize("number", [EXACT, f"-{EXACT}", "0.00", "0.0050", "10", "0.000000000000000000000000000001"])
def test_a_decimal_is_a_number_with_just_its_digits(number: str) -> None:
    text = to_json({"sum": Decimal(number), "told": f'"{number}"'})
    assert text == f'{{"sum": {number}, "told": "\\"{number}\\""}}'
    assert json.loads(text, parse_float=Decimal, parse_int=Decimal)["sum"] == Decimal(number)


def test_an_event_is_one_line() -> None:
    assert to_json({"message": "a\nb\u2028c\rd"}).splitlines() == ['{"message": "a\\nb\\u2028c\\rd"}']
