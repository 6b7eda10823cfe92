"""What has changed since the last published run."""

from __future__ import annotations

from typing import Any

from lending_club.pipelines.reporting.charts import Rows
from lending_club.pipelines.reporting.comparison import Comparison, counted, summed
from lending_club.pipelines.reporting.sections.elements import Column, Section, Table
from lending_club.pipelines.reporting.wording import amount, difference, tier, timestamp, total


def changes(comparison: Comparison, tiers: Rows) -> Section:
    """The accounts of both runs by the tiers of this one, rows of ``interest_by_tier``."""
    heading = "Changes since the last published run"
    if comparison.note:
        return Section("changes", heading, [comparison.note])
    names = {row["at_least"]: tier(row["at_least"], row["below"]) for row in tiers}
    then = [*comparison.stayed, *comparison.gone]
    now = [*comparison.stayed, *comparison.added]
    totals = [
        ["Accounts", *(f"{value:,}" for value in (counted(then), counted(now))), _difference(counted(now) - counted(then))],
        *(
            [what, amount(before), amount(after), difference(total([after, -before]))]
            for what, before, after in (
                ("Balance", summed(then, "balance_then"), summed(now, "balance_now")),
                ("Annual interest", summed(then, "interest_then"), summed(now, "interest_now")),
                (
                    "New balance",
                    total([summed(then, "balance_then"), summed(then, "interest_then")]),
                    total([summed(now, "balance_now"), summed(now, "interest_now")]),
                ),
            )
        ),
    ]
    kinds = {
        "Added": comparison.added,
        "Gone": comparison.gone,
        "With another balance": comparison.balance_changed,
        "of these in another tier": comparison.moved,
    }
    changed = [_change([kind], groups) for kind, groups in kinds.items()]
    pairs = sorted({(group["tier_then"], group["tier_now"]) for group in comparison.moved})
    moves = [
        _change(
            [names[before], names[after]],
            [group for group in comparison.moved if (group["tier_then"], group["tier_now"]) == (before, after)],
        )
        for before, after in pairs
    ]
    since = f", published {timestamp(comparison.published_at)}" if comparison.published_at else ""
    texts = [f"Compared with the accounts of the last published run{since}. Tiers are those of this run, for both."]
    number_columns = [Column("Accounts", True), Column("Balance then", True), Column("Balance now", True)]
    tables = [
        Table(
            "table-then-now",
            "Totals then and now",
            [Column("What"), Column("Then", True), Column("Now", True), Column("Difference", True)],
            totals,
        ),
        Table("table-changed", "Accounts that have changed", [Column("Change"), *number_columns], changed),
    ]
    if moves:
        columns = [Column("From balances"), Column("To balances"), *number_columns]
        tables.append(Table("table-moved", "Accounts that have moved to another tier", columns, moves))
    else:
        texts.append("No account has moved to another tier.")
    return Section("changes", heading, texts, tables)


def _difference(count: int) -> str:
    return f"{count:+,}" if count else "0"


def _change(names: list[str], groups: list[dict[str, Any]]) -> list[str]:
    return [*names, f"{counted(groups):,}", amount(summed(groups, "balance_then")), amount(summed(groups, "balance_now"))]
