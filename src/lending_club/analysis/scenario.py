"""What other rates would pay."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog
from sqlglot import exp

from lending_club.analysis.published import published_table
from lending_club.errors import ParameterError
from lending_club.parameters import Interest, read_interest
from lending_club.pipelines.transformation.nodes import rate_tiers
from lending_club.pipelines.transformation.pipeline import MODELS
from lending_club.warehouse import Query
from lending_club.warehouse.models import Models, bind_parameters, bind_tables

_MODELS = Models(Path(__file__).parent / "sql")


def scenario(catalog: DataCatalog, basis_points: int = 0, **interest: Any) -> Query:
    """What the published accounts would earn in a year at other rates, beside what they earn now.

    The engine works it out with the model of the main job, exactly and in totals only. Nothing is written.

    Args:
        catalog: Kedro's catalog, as a notebook has it.
        basis_points: Added to the base rate of each tier; 25 are 0.0025.
        interest: Parameters of ``interest`` in place of those of the catalog: ``tiers``, ``loan_bonus``. The same rules hold.

    Returns:
        A row a tier of the other rates: ``at_least``, ``below`` (NULL for none), ``rate`` (of the tier, without bonus),
        ``account_count``, ``total_balance``, ``interest_now`` (as published), ``interest_then`` and ``difference``, amounts as
        DECIMAL(38,2).

    Raises:
        ParameterError: The rates are not such as a run would take.
    """
    wanted = _interest(read_interest(catalog.load("params:interest")), basis_points, interest)
    published = published_table(catalog, "account_summary")
    # The model reads cleaned accounts and customers, which are not published; what it needs of them can be read from what is.
    accounts = exp.select(
        "account_id",
        "customer_id",
        "original_balance AS balance",
        exp.alias_(exp.Literal.string(wanted.eligible_account_types[0]), "account_type"),
    ).from_(published.expression)
    customers = exp.select("customer_id", "has_loan").from_(published_table(catalog, "customer_profile").expression)
    tiers = rate_tiers(wanted)
    summary = MODELS.query("account_summary")
    summary.set("order", None)
    bind_tables(summary, {"accounts": accounts, "customers": customers, "rate_tiers": tiers})
    bind_parameters(summary, wanted.model_dump())
    comparison = _MODELS.query("scenario")
    bind_tables(comparison, {"account_summary": published, "scenario_summary": summary, "rate_tiers": tiers})
    return Query(published.warehouse, comparison)


def _interest(now: Interest, basis_points: int, changes: dict[str, Any]) -> Interest:
    wanted = read_interest({**now.model_dump(), **changes})
    if set(wanted.eligible_account_types) != set(now.eligible_account_types):
        raise ParameterError("eligible_account_types stays as it is: accounts of other types are not published.")
    if isinstance(basis_points, bool) or not isinstance(basis_points, int):
        raise ParameterError(f"basis_points is {basis_points!r}, and must be a whole number: a rate has four decimals.")
    shift = Decimal(basis_points).scaleb(-4)
    tiers = [{**tier.model_dump(), "rate": tier.rate + shift} for tier in wanted.tiers]
    return read_interest({**wanted.model_dump(), "tiers": tiers})
