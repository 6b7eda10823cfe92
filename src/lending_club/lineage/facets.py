"""Facets of OpenLineage: what an event tells of a job, a run or a dataset, each under its name.

They are written here, field by field. OpenLineage's own package would do it, and no run uses it: its writer knows no exact
decimals, its HTTP client keeps a run waiting for 10 to 40 seconds an event when the server is away, and each of its classes
brings all of its transports, 0.3 s of CPU. The tests hold what is written here against its classes.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

import lending_club

Facet = dict[str, Any]

PRODUCER = f"pkg:pypi/lending-club@{lending_club.__version__}"
EVENT_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"

# Each facet's name in an event, with its class and the version of its schema.
_SCHEMAS = {
    "columnLineage": ("ColumnLineageDatasetFacet", "1-2-0"),
    "dataQualityAssertions": ("DataQualityAssertionsDatasetFacet", "1-1-0"),
    "dataQualityMetrics": ("DataQualityMetricsDatasetFacet", "1-0-1"),
    "documentation": ("DocumentationDatasetFacet", "1-1-0"),
    "errorMessage": ("ErrorMessageRunFacet", "1-0-1"),
    "executionParameters": ("ExecutionParametersRunFacet", "1-0-0"),
    "inputStatistics": ("InputStatisticsInputDatasetFacet", "1-0-0"),
    "jobType": ("JobTypeJobFacet", "2-0-4"),
    "nominalTime": ("NominalTimeRunFacet", "1-0-1"),
    "outputStatistics": ("OutputStatisticsOutputDatasetFacet", "1-0-2"),
    "parent": ("ParentRunFacet", "1-2-0"),
    "processing_engine": ("ProcessingEngineRunFacet", "1-1-1"),
    "schema": ("SchemaDatasetFacet", "1-2-0"),
    "sql": ("SQLJobFacet", "1-1-0"),
    "tags": ("TagsRunFacet", "1-0-0"),
    "version": ("DatasetVersionDatasetFacet", "1-0-1"),
}


def facets(**contents: Mapping[str, Any] | None) -> dict[str, Facet]:
    """Facets by their names, with producer and schema; what is None, as a facet or a field of one, is left out.

    Args:
        contents: The fields of each.
    """
    return {name: _facet(name, content) for name, content in contents.items() if content is not None}


def _facet(name: str, content: Mapping[str, Any]) -> Facet:
    facet_class, version = _SCHEMAS[name]
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"https://openlineage.io/spec/facets/{version}/{facet_class}.json#/$defs/{facet_class}",
        **known(content),
    }


def known(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def to_json(event: Mapping[str, Any]) -> str:
    """An event as JSON on one line; a ``Decimal`` becomes a number with just its digits, never a binary one on the way."""
    mark = secrets.token_hex(8)
    text = json.dumps(event, default=lambda number: f"{mark}{number:f}{mark}", allow_nan=False)
    return re.sub(rf'"{mark}(-?[0-9.]+){mark}"', r"\1", text)
