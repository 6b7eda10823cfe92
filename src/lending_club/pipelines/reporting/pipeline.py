"""The reporting pipeline."""

from __future__ import annotations

from pathlib import Path

from kedro.pipeline import Node, Pipeline

from lending_club.pipelines.reporting.nodes import approve, export, publish, summarise
from lending_club.warehouse.models import Models

# Each published table with the catalog entries that it is written to.
OUTPUTS = {
    "account_summary": ["csv", "parquet", "marts"],
    "customer_profile": ["csv", "parquet", "marts"],
    "quarantine": ["csv", "marts"],
    "reconciliation": ["csv", "marts"],
    "reconciliation_reasons": ["csv", "marts"],
}


def create_pipeline() -> Pipeline:
    """Candidates to the published set."""
    models = Models(Path(__file__).parent / "sql")
    outputs = {f"{table}_{place}": table for table, places in OUTPUTS.items() for place in places}
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
            Node(publish, list(outputs), "published", name="publish"),
            Node(summarise, ["approval", "published"], "run_summary", name="summarise"),
        ]
    )
