"""The transformation pipeline."""

from __future__ import annotations

from pathlib import Path

from kedro.pipeline import Node, Pipeline

from lending_club.pipelines.transformation.nodes import rate_tiers, reconcile
from lending_club.warehouse.models import Models

MODELS = Models(Path(__file__).parent / "sql")


def create_pipeline() -> Pipeline:
    """Raw tables to the tables that are published, all still candidates."""
    eligible = {"eligible_account_types": "params:interest.eligible_account_types"}
    return Pipeline(
        [
            Node(rate_tiers, "params:interest", "rate_tiers", name="rate_tiers"),
            MODELS.node("dirty_customers"),
            MODELS.node("stg_customers"),
            MODELS.node("customer_reasons"),
            MODELS.node("customers"),
            MODELS.node("dirty_accounts"),
            MODELS.node("stg_accounts"),
            MODELS.node("account_reasons"),
            MODELS.node("accounts"),
            MODELS.node("account_summary", {"loan_bonus": "params:interest.loan_bonus", **eligible}),
            MODELS.node("customer_profile"),
            MODELS.node("quarantine"),
            MODELS.node("reconciliation_counts", eligible),
            MODELS.node("refused_balances"),
            Node(reconcile, ["reconciliation_counts", "refused_balances"], "reconciliation", name="reconciliation"),
            MODELS.node("reconciliation_reasons"),
        ],
        tags="transformation",
    )
