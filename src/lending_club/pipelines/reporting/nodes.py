"""What reporting does."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from lending_club.errors import ReconciliationError
from lending_club.parameters import Quality
from lending_club.warehouse import Table

_FREQUENT_REASONS = 3


@dataclass(frozen=True)
class Approval:
    """Leave to publish, with the figures it was given on.

    Attributes:
        reconciliation: A row a source, as published.
        reasons: A row a source and reason, as published.
        total_interest: Sum of the published interest of a year.
    """

    reconciliation: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    total_interest: Decimal


def approve(reconciliation: Table, reconciliation_reasons: Table, total_interest: Table, quality: Quality) -> Approval:
    """Refuse to publish when too much of a source is quarantined.

    Raises:
        ReconciliationError: A source's quarantined share is above ``quality.max_quarantined_share``.
    """
    sources, reasons = reconciliation.rows(), reconciliation_reasons.rows()
    for source in sources:
        rows_in, quarantined = source["rows_in"], source["rows_quarantined"]
        if quarantined > quality.max_quarantined_share * rows_in:
            own = [reason for reason in reasons if reason["source"] == source["source"]]
            frequent = sorted(own, key=lambda reason: (-reason["rows"], reason["reason"]))[:_FREQUENT_REASONS]
            told = ", ".join(f"{reason['reason']} ({reason['rows']:,} rows)" for reason in frequent)
            share = Decimal(quarantined) / rows_in
            raise ReconciliationError(
                f"{quarantined:,} of the {rows_in:,} rows of {source['source']} are quarantined: {share:.1%}, and"
                f" quality.max_quarantined_share allows {quality.max_quarantined_share:%}. Nothing was published."
                f" Most frequent reasons: {told}. Correct the file, or allow a larger share with"
                " --params quality.max_quarantined_share=..."
            )
    (total,) = total_interest.rows()
    return Approval(sources, reasons, total["total_interest"])


def export(table: Table, approval: Approval) -> Table:
    """Hand a candidate to the output that it is written to, now that there is an approval."""
    del approval
    return table


def publish(*outputs: Path) -> list[Path]:
    """Name the outputs that are published together, each once, now that all are made."""
    return list(dict.fromkeys(outputs))


def summarise(approval: Approval, directory: Path) -> str:
    """The figures of a run as a table for a person, with where the outputs are.

    Args:
        approval: The figures.
        directory: The published set.
    """
    lines = [f"{'':<12}{'rows in':>14}{'published':>14}{'excluded':>14}{'quarantined':>14}"]
    for source in approval.reconciliation:
        counts = "".join(f"{source[f'rows_{name}']:>14,}" for name in ("in", "published", "excluded", "quarantined"))
        lines.append(f"{source['source']:<12}{counts}")
        for reason in approval.reasons:
            if reason["source"] == source["source"]:
                lines.append(f"  {reason['reason']:<52}{reason['rows']:>14,}")
    lines.append(f"{'total annual interest':<54}{approval.total_interest:>14,}")
    lines.append(f"published in {directory}")
    return "\n".join(lines)
