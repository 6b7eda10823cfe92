"""The transformation pipeline."""

from __future__ import annotations

from pathlib import Path

from kedro.pipeline import Node, Pipeline

from lending_club.pipelines.transformation.nodes import rate_tiers, reconcile
from lending_club.warehouse.models import Models


def create_pipeline() -> Pipeline:
    """Raw tables to the tables that are published, all still candidates."""
    models = Models(Path(__file__).parent / "sql")
    eligible = {"eligible_account_types": "params:interest.eligible_account_types"}
    return Pipeline(
        [
            Node(rate_tiers, "params:interest", "rate_tiers", name="rate_tiers"),
            models.node("dirty_customers"),
            models.node("stg_customers"),
            models.node("customer_reasons"),
            models.node("customers"),
            models.node("dirty_accounts"),
            models.node("stg_accounts"),
            models.node("account_reasons"),
            models.node("accounts"),
            models.node("account_summary", {"loan_bonus": "params:interest.loan_bonus", **eligible}),
            models.node("customer_profile"),
            models.node("quarantine"),
            models.node("reconciliation_counts", eligible),
            models.node("refused_balances"),
            Node(reconcile, ["reconciliation_counts", "refused_balances"], "reconciliation", name="reconciliation"),
            models.node("reconciliation_reasons"),
        ],
        tags="transformation",
    )
