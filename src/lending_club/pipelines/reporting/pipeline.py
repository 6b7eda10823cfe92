"""The reporting pipeline."""

from __future__ import annotations

from pathlib import Path

from kedro.pipeline import Node, Pipeline

from lending_club.pipelines.reporting.nodes import (
    approve,
    check,
    export,
    fingerprint,
    freshness,
    publish,
    summarise,
)
from lending_club.warehouse.models import Models

# Each published table with the catalog entries that it is written to.
OUTPUTS = {
    "account_summary": ["csv", "parquet", "marts"],
    "customer_profile": ["csv", "parquet", "marts"],
    "quarantine": ["csv", "marts"],
    "reconciliation": ["csv", "marts"],
    "reconciliation_reasons": ["csv", "marts"],
}


# What the expectations may read besides: the cleaned rows, what they were made from, and what the outputs were found to be.
ALSO_CHECKED = ["customers", "accounts", "raw_customers", "raw_accounts", "rate_tiers", "output_fingerprints", "freshness"]


def create_pipeline() -> Pipeline:
    """Candidates to the published set."""
    models = Models(Path(__file__).parent / "sql")
    outputs = {f"{table}_{place}": table for table, places in OUTPUTS.items() for place in places}
    forms = {f"{table}__{place}": f"{table}_{place}" for table, places in OUTPUTS.items() for place in places}
    tables = {table: table for table in OUTPUTS}
    return Pipeline(
        [
            models.node("total_interest"),
            Node(
                approve,
                ["reconciliation", "reconciliation_reasons", "total_interest", "params:quality"],
                "approval",
                name="approve",
            ),
            *(Node(export, [table, "approval"], output, name=output) for output, table in outputs.items()),
            Node(
                fingerprint,
                {"quality": "params:quality", **tables, **forms},
                "output_fingerprints",
                name="output_fingerprints",
            ),
            Node(freshness, "landings", "freshness", name="freshness"),
            Node(
                check,
                {"parameters": "parameters", "data_docs": "data_docs", **{name: name for name in [*tables, *ALSO_CHECKED]}},
                "checks",
                name="check",
            ),
            Node(publish, ["checks", *outputs], "published", name="publish"),
            Node(summarise, ["approval", "checks", "published"], "run_summary", name="summarise"),
        ],
        tags="reporting",
    )
