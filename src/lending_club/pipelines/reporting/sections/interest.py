"""What accounts earn: in all, by tier, by loan, by size, the largest of them, and what rounding makes of it."""

from __future__ import annotations

from typing import Any

from lending_club.pipelines.reporting.charts import Rows, inhabited, loan
from lending_club.pipelines.reporting.facts import Facts
from lending_club.pipelines.reporting.sections.elements import Chart, Column, Section, Table
from lending_club.pipelines.reporting.wording import amount, difference, percent, shortened, tier, to_cents, total

_ID_LENGTH = 80
_EARNING = [Column("Accounts", True), Column("Balance", True), Column("Annual interest", True)]
_NOTHING = "No account earns interest."


def totals(facts: Facts) -> Section:
    """What the run came to."""
    balance = total([row["total_balance"] for row in facts.by_tier])
    interest = total([row["total_annual_interest"] for row in facts.by_tier])
    rows = [
        ["Accounts that earn interest", f"{sum(row['account_count'] for row in facts.by_tier):,}"],
        ["Customers who have them", f"{sum(row['customer_count'] for row in facts.by_loan):,}"],
        ["Balance", amount(balance)],
        ["Annual interest", amount(interest)],
        ["New balance", amount(total([balance, interest]))],
    ]
    for row in facts.reconciliation:
        if row["rows_excluded"]:
            rows.append([f"Rows of {row['source']} excluded", f"{row['rows_excluded']:,}"])
        rows.append([f"Rows of {row['source']} quarantined", f"{row['rows_quarantined']:,}"])
    table = Table("table-totals", "Totals of this run", [Column("What"), Column("Value", True)], rows)
    return Section("totals", "Totals", tables=[table])


def by_tier(rows: Rows) -> Section:
    """Rows of ``interest_by_tier``."""
    cells = [[tier(row["at_least"], row["below"]), percent(row["rate"]), *_earning(row)] for row in rows]
    cells.append(["All", "", *_earning_in_all(rows)])
    columns = [Column("Balances"), Column("Base rate", True), *_EARNING]
    table = Table("table-tiers", "Accounts by tier, with the interest of a year", columns, cells, has_total=True)
    texts = ["The base rate goes by the balance; the interest includes the bonus of customers with a loan."]
    most = max(rows, key=lambda row: row["total_annual_interest"])
    described = (
        f"Bars: annual interest by tier. Most comes from balances of {tier(most['at_least'], most['below'])}:"
        f" {amount(most['total_annual_interest'])}."
    )
    chart = Chart("interest_by_tier", described) if most["total_annual_interest"] else None
    return Section("tiers", "Interest by tier", texts, [table], chart)


def by_loan(rows: Rows) -> Section:
    """Rows of ``interest_by_loan``."""
    if not rows:
        return Section("loans", "Interest by loan", [_NOTHING])
    cells = [[loan(row["has_loan"]), f"{row['customer_count']:,}", *_earning(row)] for row in rows]
    cells.append(["All", f"{sum(row['customer_count'] for row in rows):,}", *_earning_in_all(rows)])
    columns = [Column("Customers"), Column("Number", True), *_EARNING]
    table = Table("table-loans", "Accounts by the customer's loan", columns, cells, has_total=True)
    most = max(rows, key=lambda row: row["total_annual_interest"])
    described = (
        f"Bars: annual interest by the customer's loan. Most goes to customers {loan(most['has_loan'])}:"
        f" {amount(most['total_annual_interest'])}."
    )
    chart = Chart("interest_by_loan", described) if most["total_annual_interest"] else None
    return Section("loans", "Interest by loan", [], [table], chart)


def distribution(rows: Rows) -> Section:
    """Rows of ``balance_distribution``."""
    shown = inhabited(rows)
    if not shown:
        return Section("distribution", "Distribution of balances", [_NOTHING])
    cells = [[tier(row["at_least"], row["below"]), *_earning(row)] for row in shown]
    cells.append(["All", *_earning_in_all(shown)])
    table = Table("table-distribution", "Accounts by balance", [Column("Balances"), *_EARNING], cells, has_total=True)
    most = max(shown, key=lambda row: row["account_count"])
    described = (
        f"Bars: number of accounts by balance. Most, {most['account_count']:,}, have {tier(most['at_least'], most['below'])}."
    )
    return Section("distribution", "Distribution of balances", [], [table], Chart("balance_distribution", described))


def largest(rows: Rows) -> Section:
    """Rows of ``largest_accounts``."""
    if not rows:
        return Section("largest", "Largest accounts", [_NOTHING])
    cells = [
        [
            str(row["place"]),
            shortened(row["account_id"], _ID_LENGTH),
            str(row["customer_id"]),
            amount(row["original_balance"]),
            percent(row["interest_rate"]),
            amount(row["annual_interest"]),
        ]
        for row in rows
    ]
    columns = [
        Column("Place"),
        Column("Account"),
        Column("Customer"),
        Column("Balance", True),
        Column("Rate", True),
        Column("Annual interest", True),
    ]
    table = Table("table-largest", "The accounts with the largest balances", columns, cells)
    first = rows[0]
    described = f"Bars: the largest balances. The largest is {amount(first['original_balance'])}."
    chart = Chart("largest_accounts", described) if first["original_balance"] else None
    return Section("largest", "Largest accounts", [], [table], chart)


def rounding(rows: Rows) -> Section:
    """The sum of rounded amounts beside the rounded sum, of ``interest_by_tier``."""
    rounded = total([row["total_annual_interest"] for row in rows])
    unrounded = total([row["unrounded_interest"] for row in rows])
    cells = [
        ["Sum of the interest of each account, rounded", amount(rounded)],
        ["Sum of the interest before rounding", amount(unrounded)],
        ["That sum, rounded", amount(to_cents(unrounded))],
        ["Difference of the two rounded sums", difference(total([rounded, -to_cents(unrounded)]))],
    ]
    texts = [
        "Each account's interest is rounded half up to cents, and the published total is the sum of rounded amounts. It differs"
        " from the rounded sum by at most half a cent an account."
    ]
    table = Table("table-rounding", "Rounding", [Column("What"), Column("Amount", True)], cells)
    return Section("rounding", "Rounding", texts, [table])


def _earning(row: dict[str, Any]) -> list[str]:
    return [f"{row['account_count']:,}", amount(row["total_balance"]), amount(row["total_annual_interest"])]


def _earning_in_all(rows: Rows) -> list[str]:
    return [
        f"{sum(row['account_count'] for row in rows):,}",
        amount(total([row["total_balance"] for row in rows])),
        amount(total([row["total_annual_interest"] for row in rows])),
    ]
