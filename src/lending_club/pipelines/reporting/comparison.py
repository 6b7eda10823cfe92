"""What has changed since the last published run."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lending_club.errors import WarehouseError
from lending_club.pipelines.reporting.wording import total
from lending_club.publication import Output, publication_time
from lending_club.warehouse import ParquetFile, Table, TableOutput
from lending_club.warehouse.models import Models

if TYPE_CHECKING:
    from sqlglot import exp

logger = logging.getLogger(__name__)

_MODELS = Models(Path(__file__).parent / "sql")
FIRST_RUN = "Nothing was published before this run, so there is nothing to compare with."


@dataclass(frozen=True)
class Comparison:
    """The accounts published before a run beside those of the run.

    Attributes:
        groups: Rows of the model ``account_changes``.
        note: Why nothing could be compared; empty where it could.
        published_at: When the set was published that is compared with, where that is known.
    """

    groups: tuple[dict[str, Any], ...] = ()
    note: str = ""
    published_at: datetime | None = None

    @property
    def added(self) -> list[dict[str, Any]]:
        """The groups of accounts that were not there before."""
        return [group for group in self.groups if group["tier_then"] is None]

    @property
    def gone(self) -> list[dict[str, Any]]:
        """The groups of accounts that are no longer there."""
        return [group for group in self.groups if group["tier_now"] is None]

    @property
    def stayed(self) -> list[dict[str, Any]]:
        """The groups of accounts that were and are there."""
        return [group for group in self.groups if group["tier_then"] is not None and group["tier_now"] is not None]

    @property
    def moved(self) -> list[dict[str, Any]]:
        """The groups of accounts that were and are there, in another tier than before."""
        return [group for group in self.stayed if group["tier_then"] != group["tier_now"]]

    @property
    def balance_changed(self) -> list[dict[str, Any]]:
        """The groups of accounts that were and are there, with another balance than before."""
        return [group for group in self.stayed if group["is_balance_changed"]]


def compare(account_summary: Table, rate_tiers: Table, account_summary_before: Output | TableOutput) -> Comparison:
    """Compare a run's accounts with those that are published before it replaces them.

    What cannot be read is told in the log and in the result: it is no reason to stop a run.

    Args:
        account_summary: The candidate.
        rate_tiers: The tiers of this run, for both.
        account_summary_before: The published accounts: a Parquet file, which an engine of any version can read, or a table.
    """
    before: Table | ParquetFile
    published_at = None
    warehouse = account_summary.warehouse
    try:
        if isinstance(account_summary_before, TableOutput):
            before = account_summary_before.table
            is_there = warehouse.exists(before)
        else:
            path = account_summary_before.path.resolve()  # within the set, which stays as it is
            before, is_there, published_at = ParquetFile(path), path.exists(), publication_time(path)
        if not is_there:
            return Comparison(note=FIRST_RUN)
        query = _MODELS.bind(
            "account_changes", account_summary=account_summary, account_summary_before=before, rate_tiers=rate_tiers
        )
        return Comparison(tuple(warehouse.rows(cast("exp.Query", query))), published_at=published_at)
    except WarehouseError as error:
        logger.warning("What was published before cannot be compared with: %s", error)
        return Comparison(note=f"What was published before this run could not be compared with: {error}")


def counted(groups: list[dict[str, Any]]) -> int:
    """How many accounts these groups have."""
    return sum(int(group["account_count"]) for group in groups)


def summed(groups: list[dict[str, Any]], column: str) -> Decimal:
    """The sum of a column of these groups."""
    return total([group[column] for group in groups])
