"""What a report tells, before any of it is put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lending_club.parameters import Parameters
from lending_club.pipelines.reporting.charts import Rows
from lending_club.pipelines.reporting.comparison import Comparison
from lending_club.quality.report import Report


@dataclass(frozen=True)
class Facts:
    """What a report tells, in few rows.

    Attributes:
        run_id: Kedro's id of the run.
        made_at: When the page was made (UTC).
        parameters: Those of the run.
        reconciliation: Rows of the table of that name; the same goes for the next ones.
        reasons: ``reconciliation_reasons``.
        by_tier: ``interest_by_tier``.
        by_loan: ``interest_by_loan``.
        distribution: ``balance_distribution``.
        largest: ``largest_accounts``.
        landings: ``landings``.
        comparison: What has changed since the last published run.
        checks: What was checked.
        outputs: What is published with the page: the name of a file or a table, and what it holds.
        versions: What the run worked with: name and version.
    """

    run_id: str
    made_at: datetime
    parameters: Parameters
    reconciliation: Rows
    reasons: Rows
    by_tier: Rows
    by_loan: Rows
    distribution: Rows
    largest: Rows
    landings: Rows
    comparison: Comparison
    checks: Report
    outputs: Mapping[str, str]
    versions: Mapping[str, str]
