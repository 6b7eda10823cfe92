"""The ingestion pipeline."""

from __future__ import annotations

from pathlib import Path

from kedro.pipeline import Node, Pipeline

from lending_club.pipelines.ingestion.nodes import note_landing
from lending_club.warehouse.models import Models


def create_pipeline() -> Pipeline:
    """Two files to two raw tables, and when that was."""
    models = Models(Path(__file__).parent / "sql")
    return Pipeline(
        [
            models.node("raw_customers"),
            models.node("raw_accounts"),
            Node(
                note_landing,
                ["raw_customers", "customers_csv", "raw_accounts", "accounts_csv"],
                "landings",
                name="landings",
            ),
        ],
        tags="ingestion",
    )
