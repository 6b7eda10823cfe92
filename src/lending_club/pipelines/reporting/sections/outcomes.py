"""What became of the rows that came in."""

from __future__ import annotations

from lending_club.pipelines.reporting.charts import OUTCOMES, Rows
from lending_club.pipelines.reporting.facts import Facts
from lending_club.pipelines.reporting.sections.elements import Chart, Column, Section, Table, link, safe
from lending_club.pipelines.reporting.wording import amount


def flow(reconciliation: Rows) -> Section:
    """Rows and balances in and out, of ``reconciliation``."""
    outcomes = ("in", *OUTCOMES)
    rows = [[row["source"], *(f"{row[f'rows_{outcome}']:,}" for outcome in outcomes)] for row in reconciliation]
    balances = [
        [f"{row['source']}: {outcome}", amount(row[f"balance_{outcome}"])]
        for row in reconciliation
        if row["balance_in"] is not None
        for outcome in outcomes
    ]
    columns = [Column("File"), *(Column(name, True) for name in ("In", "Published", "Excluded", "Quarantined"))]
    described = "; ".join(
        f"{row['source']}: {row['rows_in']:,} rows in, "
        + ", ".join(f"{row[f'rows_{outcome}']:,} {outcome}" for outcome in OUTCOMES)
        for row in reconciliation
    )
    texts = [
        "What came in is published, excluded or quarantined, row by row and to the cent. Of customers, published means valid.",
    ]
    tables = [
        Table("table-rows", "Rows in and what became of them", columns, rows),
        Table("table-balances", "Balances in and what became of them", [Column("What"), Column("Balance", True)], balances),
    ]
    has_rows = any(row["rows_in"] for row in reconciliation)
    chart = Chart("reconciliation_flow", f"Flow from rows in to rows out. {described}.") if has_rows else None
    return Section("flow", "From rows in to rows out", texts, tables, chart)


def refused(facts: Facts) -> Section:
    """What is not published, and why."""
    excluded = sum(row["rows_excluded"] for row in facts.reconciliation)
    eligible = " and ".join(facts.parameters.interest.eligible_account_types)
    texts = [
        f"Rows of valid accounts that are excluded, because their type is not {eligible} and earns no interest: {excluded:,}."
    ]
    if not facts.reasons:
        return Section("refused", "Excluded and quarantined", [*texts, "No row was quarantined."])
    texts.append(
        safe("The rows themselves, with their lines, reasons and values as they came: ")
        + link("quarantine.csv", "quarantine.csv")
    )
    columns = [Column("Reason"), Column("File"), Column("Rows", True)]
    rows = [[row["reason"], row["source"], f"{row['rows']:,}"] for row in facts.reasons]
    table = Table("table-reasons", "Quarantined rows by reason; a row counts under each of its reasons", columns, rows)
    largest = max(facts.reasons, key=lambda row: row["rows"])
    chart = Chart(
        "quarantine_reasons",
        "Bars: quarantined rows by file and reason."
        f" The most frequent is {largest['reason'].replace('_', ' ')} in {largest['source']}, {largest['rows']:,} rows.",
    )
    return Section("refused", "Excluded and quarantined", texts, [table], chart)
