"""The reporting pipeline."""

from __future__ import annotations

from pathlib import Path

from kedro.pipeline import Node, Pipeline

from lending_club.pipelines.reporting import charts
from lending_club.pipelines.reporting.comparison import compare
from lending_club.pipelines.reporting.nodes import (
    approve,
    check,
    draw,
    export,
    fingerprint,
    freshness,
    gather,
    publish,
    report,
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

# What the report tells of the accounts, few rows each.
SMALL_TABLES = ["interest_by_tier", "interest_by_loan", "balance_distribution", "largest_accounts"]

# The charts of the report, each with the table that it is drawn from.
CHARTS = {
    "reconciliation_flow": (charts.reconciliation_flow, "reconciliation"),
    "quarantine_reasons": (charts.quarantine_reasons, "reconciliation_reasons"),
    "interest_by_tier": (charts.interest_by_tier, "interest_by_tier"),
    "interest_by_loan": (charts.interest_by_loan, "interest_by_loan"),
    "balance_distribution": (charts.balance_distribution, "balance_distribution"),
    "largest_accounts": (charts.largest_accounts, "largest_accounts"),
}


def create_pipeline() -> Pipeline:
    """Candidates to the published set."""
    models = Models(Path(__file__).parent / "sql")
    outputs = {f"{table}_{place}": table for table, places in OUTPUTS.items() for place in places}
    forms = {f"{table}__{place}": f"{table}_{place}" for table, places in OUTPUTS.items() for place in places}
    tables = {table: table for table in OUTPUTS}
    others = [table for table in OUTPUTS if not table.startswith("reconciliation")]
    return Pipeline(
        [
            models.node("total_interest"),
            Node(
                approve,
                ["reconciliation", "reconciliation_reasons", "total_interest", "params:quality", *others],
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
            *(models.node(name) for name in ("account_groups", *SMALL_TABLES)),
            Node(
                compare,
                ["account_summary", "rate_tiers", "account_summary_before"],
                "comparison",
                name="comparison",
            ),
            *(Node(draw(chart), table, f"{name}_chart", name=f"{name}_chart") for name, (chart, table) in CHARTS.items()),
            Node(
                gather,
                {
                    **{name: name for name in ("run_id", "parameters", "approval", "checks", "comparison", "landings")},
                    **{name: name for name in SMALL_TABLES},
                    **tables,
                    **forms,
                },
                "report_facts",
                name="report_facts",
            ),
            Node(report, {"facts": "report_facts", **{name: f"{name}_chart" for name in CHARTS}}, "report", name="report"),
            Node(publish, ["checks", *outputs, "report"], "published", name="publish"),
            Node(summarise, ["approval", "checks", "published"], "run_summary", name="summarise"),
        ],
        tags="reporting",
    )
