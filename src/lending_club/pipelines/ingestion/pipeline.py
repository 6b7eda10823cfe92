"""The ingestion pipeline."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from lending_club.pipelines.ingestion.nodes import land, note_landing


def create_pipeline() -> Pipeline:
    """Two files to two raw tables, and when that was."""
    return Pipeline(
        [
            Node(land, "customers_csv", "raw_customers", name="raw_customers"),
            Node(land, "accounts_csv", "raw_accounts", name="raw_accounts"),
            Node(note_landing, ["raw_customers", "raw_accounts"], "landings", name="landings"),
        ]
    )
