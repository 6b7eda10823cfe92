"""What transformation does outside SQL: rates as a table, and sums of numbers of any length."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

from sqlglot import exp  # at run time: Kedro reads the annotations to make the parameters' models

from lending_club.errors import ReconciliationError
from lending_club.parameters import Interest
from lending_club.warehouse import Table
from lending_club.warehouse.models import values_query

_CENT = Decimal("0.01")


def rate_tiers(interest: Interest) -> exp.Query:
    """The tiers as a table: ``at_least``, ``below`` (NULL for none) and ``rate``."""
    types = {"at_least": "DECIMAL(18, 2)", "below": "DECIMAL(18, 2)", "rate": "DECIMAL(5, 4)"}
    return values_query([tier.model_dump() for tier in interest.tiers], types)


def reconcile(counts: Table, refused_balances: Table) -> exp.Query:
    """Set what came in against what became of it, row by row and to the cent.

    Args:
        counts: A row a source with its numbers of rows and its sums of balances that fit DECIMAL(18, 2).
        refused_balances: Sums of the other balances, as ``limb_sum x 10^exponent``, with ``is_quarantined``.

    Returns:
        The reconciliation, a row a source. A quarantined balance may have any number of digits, so ``balance_in`` and
        ``balance_quarantined`` are exact decimals written as text.

    Raises:
        ReconciliationError: Rows or money went missing.
    """
    limbs = refused_balances.rows()
    rows = []
    for row in counts.rows():
        if row["balance_in"] is not None:
            row["balance_in"] = _exact_sum([row["balance_in"], *map(_limb, limbs)])
            quarantined = [_limb(limb) for limb in limbs if limb["is_quarantined"]]
            row["balance_quarantined"] = _exact_sum([row["balance_quarantined"], *quarantined])
        for unit in ("rows", "balance"):
            _require_balance(row, unit)
        rows.append({name: _as_text(value) if name in _ANY_LENGTH else value for name, value in row.items()})
    return values_query(rows, _RECONCILIATION)


_RECONCILIATION = {
    "source": "VARCHAR",
    "rows_in": "BIGINT",
    "rows_published": "BIGINT",
    "rows_excluded": "BIGINT",
    "rows_quarantined": "BIGINT",
    "balance_in": "VARCHAR",
    "balance_published": "DECIMAL(38, 2)",
    "balance_excluded": "DECIMAL(38, 2)",
    "balance_quarantined": "VARCHAR",
}
_ANY_LENGTH = [name for name, sql_type in _RECONCILIATION.items() if name.startswith("balance") and sql_type == "VARCHAR"]


def _require_balance(row: dict[str, Any], unit: str) -> None:
    came_in = row[f"{unit}_in"]
    if came_in is None:
        return
    outcomes = {name: row[f"{unit}_{name}"] for name in ("published", "excluded", "quarantined")}
    if came_in != _exact_sum(list(outcomes.values())):
        parts = ", ".join(f"{value} {name}" for name, value in outcomes.items())
        raise ReconciliationError(
            f"The {unit} of {row['source']} do not reconcile: {came_in} came in, but {parts}."
            " Nothing was published. This is a fault of the program: keep the input files and report it."
        )


def _limb(row: dict[str, Any]) -> Decimal:
    return Decimal(row["limb_sum"]).scaleb(row["exponent"], _context([Decimal(row["limb_sum"])]))


def _exact_sum(values: list[Decimal]) -> Decimal:
    context = _context([Decimal(value) for value in values])
    total = Decimal(0)
    for value in values:
        total = context.add(total, Decimal(value))
    return total


def _context(values: list[Decimal]) -> Context:
    """A context with digits enough for the exact sum of these values."""
    highest = max((value.adjusted() for value in values), default=0)
    lowest = min((int(value.as_tuple().exponent) for value in values), default=0)
    return Context(prec=max(highest, 0) - min(lowest, 0) + len(values) + 2)


def _as_text(value: Decimal | None) -> str | None:
    """An exact decimal with two decimals, more only where it needs them."""
    if value is None:
        return None
    text = f"{value:f}"
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}"
