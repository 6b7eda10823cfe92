"""What reporting does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lending_club.errors import CheckError, ReconciliationError
from lending_club.parameters import Quality, read_parameters
from lending_club.pipelines.reporting.charts import Rows
from lending_club.pipelines.reporting.comparison import Comparison
from lending_club.pipelines.reporting.page import Facts, render
from lending_club.publication import Output
from lending_club.quality.checks import age_query, check_tables, fingerprint_query
from lending_club.quality.report import Report
from lending_club.run_record import versions
from lending_club.warehouse import Table, TableOutput

if TYPE_CHECKING:
    import plotly.graph_objects as go

logger = logging.getLogger(__name__)

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


def approve(
    reconciliation: Table, reconciliation_reasons: Table, total_interest: Table, quality: Quality, *others: Table
) -> Approval:
    """Refuse to publish when too much of a source is quarantined.

    Args:
        reconciliation: A row a source.
        reconciliation_reasons: A row a source and reason.
        total_interest: One row.
        quality: What is allowed.
        others: The other results: nothing is published before all are there.

    Raises:
        ReconciliationError: A source's quarantined share is above ``quality.max_quarantined_share``.
    """
    del others
    sources, reasons = reconciliation.rows(), reconciliation_reasons.rows()
    (total,) = total_interest.rows()
    approval = Approval(sources, reasons, total["total_interest"])
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
                " --params quality.max_quarantined_share=...",
                approval,
            )
    return approval


def export(table: Table, approval: Approval) -> Table:
    """Hand a candidate to the output that it is written to, now that there is an approval."""
    del approval
    return table


def fingerprint(quality: Quality, **tables_and_outputs: Table | Output | TableOutput) -> exp.Query:
    """Number of rows and checksum of each table and of each output that was made of it; nothing where nothing is checked.

    Args:
        quality: Whether the run is checked.
        tables_and_outputs: Tables by name, and their outputs, each by the table's name and ``__`` and the output's form.
    """
    references = tables_and_outputs if quality.checks else {}
    tables = {name: each for name, each in references.items() if isinstance(each, Table)}
    outputs = {name: each for name, each in references.items() if not isinstance(each, Table)}
    return fingerprint_query(tables, [(name.partition("__")[0], each) for name, each in outputs.items()])


def freshness(landings: Table) -> exp.Query:
    """How long ago each file was read, in hours: ``subject``, ``hours_ago``."""
    now = datetime.now(UTC).replace(tzinfo=None)
    return age_query({row["source"]: now - row["landed_at"] for row in landings.rows()})


def check(parameters: dict[str, Any], data_docs: Path, **tables: Table) -> Report:
    """Hold the candidates, the staged outputs and the cleaned tables against their expectations.

    Args:
        parameters: All parameters of the run.
        data_docs: Directory of the site that shows the results.
        tables: The tables by their names in the catalog.

    Raises:
        CheckError: An expectation of severity ``error`` is not met.
    """
    read = read_parameters(parameters)
    if not read.quality.checks:
        logger.warning("NOT CHECKED: quality.checks is false. Nobody has checked what is published now.")
        return Report((), data_docs)
    report = check_tables(tables, read, data_docs)
    for failure in report.warnings:
        logger.warning("Not as expected: %s", failure)
    if report.errors:
        raise CheckError(f"{report}\n  Nothing was published; what was published before is unchanged.", report)
    return report


def gather(
    run_id: str,
    parameters: dict[str, Any],
    approval: Approval,
    checks: Report,
    comparison: Comparison,
    landings: Table,
    interest_by_tier: Table,
    interest_by_loan: Table,
    balance_distribution: Table,
    largest_accounts: Table,
    **tables_and_outputs: Table | Output | TableOutput,
) -> Facts:
    """Gather what the report tells.

    Args:
        run_id: Kedro's id of the run.
        parameters: All parameters of the run.
        approval: Rows of the reconciliation.
        checks: What was checked.
        comparison: What has changed since the last published run.
        landings: What was read and when.
        interest_by_tier: Few rows; so are the next ones.
        interest_by_loan: See there.
        balance_distribution: See there.
        largest_accounts: See there.
        tables_and_outputs: The results by name, and their outputs, each by its table's name and ``__`` and the output's form.
    """
    outputs: dict[str, str] = {}
    for name, output in tables_and_outputs.items():
        if not isinstance(output, Table):
            result = tables_and_outputs[name.partition("__")[0]]
            told = output.path.name if isinstance(output, Output) else f"table {output.table.name}"
            holds = result.comment if isinstance(result, Table) else ""
            outputs[told] = holds if told not in outputs else "The same results as tables."
    used = {**versions(), "Engine": interest_by_tier.warehouse.version()}
    if checks.expectation_count:
        used["Great Expectations"] = version("great_expectations")
    return Facts(
        run_id=run_id,
        made_at=datetime.now(UTC),
        parameters=read_parameters(parameters),
        reconciliation=approval.reconciliation,
        reasons=approval.reasons,
        by_tier=interest_by_tier.rows(),
        by_loan=interest_by_loan.rows(),
        distribution=balance_distribution.rows(),
        largest=largest_accounts.rows(),
        landings=landings.rows(),
        comparison=comparison,
        checks=checks,
        outputs=outputs,
        versions=used,
    )


def report(facts: Facts, **charts: go.Figure) -> str:
    """Write the report of a run as a page, with these charts by their names."""
    return render(facts, charts)


def draw(chart: Callable[[Rows], go.Figure]) -> Callable[[Table], go.Figure]:
    """A node's function that draws a chart of a table's few rows."""

    def drawn(table: Table) -> go.Figure:
        return chart(table.rows())

    drawn.__name__ = f"draw_{chart.__name__}"
    drawn.__doc__ = chart.__doc__
    return drawn


def publish(checks: Report, *outputs: Output | TableOutput) -> list[Output | TableOutput]:
    """Hand over the outputs that are published together, now that all are made and checked."""
    del checks
    return list(outputs)


def summarise(approval: Approval, checks: Report, directory: Path) -> str:
    """The figures of a run as a table for a person, with where the outputs are.

    Args:
        approval: The figures.
        checks: What was checked.
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
    met = checks.expectation_count - len(checks.failures)
    told = f"{met} of {checks.expectation_count} expectations met, see {checks.page.as_uri()}"
    lines.append(f"checks: {told if checks.expectation_count else 'NONE, quality.checks is false'}")
    lines.append(f"published in {directory}")
    return "\n".join(lines)
