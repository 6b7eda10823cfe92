"""The report of a run: one page that needs no network, tells everything without its charts, and prints."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lending_club.parameters import Parameters
from lending_club.pipelines.reporting.charts import OUTCOMES, Rows, inhabited, loan
from lending_club.pipelines.reporting.comparison import Comparison, counted, summed
from lending_club.pipelines.reporting.wording import amount, difference, percent, shortened, tier, to_cents, total
from lending_club.quality.report import Report, Result

if TYPE_CHECKING:
    import jinja2
    import plotly.graph_objects as go
    from markupsafe import Markup

_HERE = Path(__file__).parent
_ID_LENGTH = 80
# Packed harder, the script is a tenth smaller and takes twice as long.
_PACKING = 1


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


@dataclass(frozen=True)
class _Column:
    heading: str
    is_number: bool = False


@dataclass(frozen=True)
class _Table:
    """A table of the page; the first column names its rows."""

    id: str
    caption: str
    columns: list[_Column]
    rows: list[list[str | Markup]]
    has_total: bool = False


@dataclass(frozen=True)
class _Chart:
    name: str
    description: str


@dataclass(frozen=True)
class _Section:
    id: str
    heading: str
    texts: list[str | Markup] = field(default_factory=list)
    tables: list[_Table] = field(default_factory=list)
    chart: _Chart | None = None


@dataclass(frozen=True)
class _State:
    kind: str
    word: str
    text: str


def render(facts: Facts, charts: Mapping[str, go.Figure]) -> str:
    """The page.

    Args:
        facts: What it tells.
        charts: The figures by name: ``reconciliation_flow``, ``quarantine_reasons``, ``interest_by_tier``, ``interest_by_loan``,
            ``balance_distribution`` and ``largest_accounts``.
    """
    sections = [
        _totals(facts),
        _changes(facts.comparison, facts.by_tier),
        _flow(facts.reconciliation),
        _refused(facts),
        _by_tier(facts.by_tier),
        _by_loan(facts.by_loan),
        _distribution(facts.distribution),
        _largest(facts.largest),
        _rounding(facts.by_tier),
        _checks(facts.checks),
        _making(facts),
        _files(facts.outputs),
    ]
    drawn = {section.chart.name for section in sections if section.chart}
    figures = {name: figure.to_plotly_json() for name, figure in charts.items() if name in drawn}
    return _template().render(
        title="Savings interest: report of a run",
        subtitle=f"Made {_time(facts.made_at)} by run {facts.run_id}.",
        state=_state(facts.checks),
        sections=sections,
        style=_safe((_HERE / "page.css").read_text(encoding="utf-8")),
        script=_safe((_HERE / "page.js").read_text(encoding="utf-8")),
        # Within a script element nothing is escaped, and only "<" could end it.
        figures=_safe(json.dumps(figures).replace("<", "\\u003c")) if figures else "",
        plotly=_packed_plotly() if figures else "",
    )


@cache
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string((_HERE / "page.html").read_text(encoding="utf-8"))


@cache
def _packed_plotly() -> str:
    """Plotly's script as its package brings it, packed for ``page.js``."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), _PACKING, mtime=0)).decode()


def _safe(text: str) -> Markup:
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - this project's own, or escaped


def _link(target: str, text: str) -> Markup:
    from markupsafe import Markup

    same = Markup(' class="same"') if target == text else ""  # which need not be told twice where it is printed
    return Markup('<a href="{}"{}>{}</a>').format(target, same, text)


def _code(text: str) -> Markup:
    from markupsafe import Markup

    return Markup("<code>{}</code>").format(text)


def _state(checks: Report) -> _State:
    count, warnings = checks.expectation_count, len(checks.warnings)
    if not count:
        text = "quality.checks is false: nobody has checked what is published now. Do not rely on these figures."
        return _State("unchecked", "NOT CHECKED.", text)
    if warnings:
        text = f"{count - warnings} of {count} expectations are met, {warnings} that only warn are not: see Checks."
        return _State("warned", "Checked, with warnings.", text)
    return _State("met", "Checked.", f"All {count} expectations are met.")


def _totals(facts: Facts) -> _Section:
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
    table = _Table("table-totals", "Totals of this run", [_Column("What"), _Column("Value", True)], _cells(rows))
    return _Section("totals", "Totals", tables=[table])


def _changes(comparison: Comparison, tiers: Rows) -> _Section:
    heading = "Changes since the last published run"
    if comparison.note:
        return _Section("changes", heading, [comparison.note])
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
    since = f", published {_time(comparison.published_at)}" if comparison.published_at else ""
    texts = [f"Compared with the accounts of the last published run{since}. Tiers are those of this run, for both."]
    number_columns = [_Column("Accounts", True), _Column("Balance then", True), _Column("Balance now", True)]
    tables = [
        _Table(
            "table-then-now",
            "Totals then and now",
            [_Column("What"), _Column("Then", True), _Column("Now", True), _Column("Difference", True)],
            _cells(totals),
        ),
        _Table("table-changed", "Accounts that have changed", [_Column("Change"), *number_columns], _cells(changed)),
    ]
    if moves:
        columns = [_Column("From balances"), _Column("To balances"), *number_columns]
        tables.append(_Table("table-moved", "Accounts that have moved to another tier", columns, _cells(moves)))
    else:
        texts.append("No account has moved to another tier.")
    return _Section("changes", heading, list(texts), tables)


def _difference(count: int) -> str:
    return f"{count:+,}" if count else "0"


def _change(names: list[str], groups: list[dict[str, Any]]) -> list[str]:
    return [*names, f"{counted(groups):,}", amount(summed(groups, "balance_then")), amount(summed(groups, "balance_now"))]


def _flow(reconciliation: Rows) -> _Section:
    outcomes = ("in", *OUTCOMES)
    rows = [[row["source"], *(f"{row[f'rows_{outcome}']:,}" for outcome in outcomes)] for row in reconciliation]
    balances = [
        [f"{row['source']}: {outcome}", amount(row[f"balance_{outcome}"])]
        for row in reconciliation
        if row["balance_in"] is not None
        for outcome in outcomes
    ]
    columns = [_Column("File"), *(_Column(name, True) for name in ("In", "Published", "Excluded", "Quarantined"))]
    described = "; ".join(
        f"{row['source']}: {row['rows_in']:,} rows in, "
        + ", ".join(f"{row[f'rows_{outcome}']:,} {outcome}" for outcome in OUTCOMES)
        for row in reconciliation
    )
    texts = [
        "What came in is published, excluded or quarantined, row by row and to the cent. Of customers, published means valid.",
    ]
    tables = [
        _Table("table-rows", "Rows in and what became of them", columns, _cells(rows)),
        _Table(
            "table-balances", "Balances in and what became of them", [_Column("What"), _Column("Balance", True)], _cells(balances)
        ),
    ]
    has_rows = any(row["rows_in"] for row in reconciliation)
    chart = _Chart("reconciliation_flow", f"Flow from rows in to rows out. {described}.") if has_rows else None
    return _Section("flow", "From rows in to rows out", list(texts), tables, chart)


def _refused(facts: Facts) -> _Section:
    excluded = sum(row["rows_excluded"] for row in facts.reconciliation)
    eligible = " and ".join(facts.parameters.interest.eligible_account_types)
    texts: list[str | Markup] = [
        f"Rows of valid accounts that are excluded, because their type is not {eligible} and earns no interest: {excluded:,}."
    ]
    if not facts.reasons:
        return _Section("refused", "Excluded and quarantined", [*texts, "No row was quarantined."])
    texts.append(
        _safe("The rows themselves, with their lines, reasons and values as they came: ")
        + _link("quarantine.csv", "quarantine.csv")
    )
    columns = [_Column("Reason"), _Column("File"), _Column("Rows", True)]
    rows = [[row["reason"], row["source"], f"{row['rows']:,}"] for row in facts.reasons]
    table = _Table("table-reasons", "Quarantined rows by reason; a row counts under each of its reasons", columns, _cells(rows))
    largest = max(facts.reasons, key=lambda row: row["rows"])
    chart = _Chart(
        "quarantine_reasons",
        "Bars: quarantined rows by file and reason."
        f" The most frequent is {largest['reason'].replace('_', ' ')} in {largest['source']}, {largest['rows']:,} rows.",
    )
    return _Section("refused", "Excluded and quarantined", texts, [table], chart)


_EARNING = [_Column("Accounts", True), _Column("Balance", True), _Column("Annual interest", True)]
_NOTHING = "No account earns interest."


def _earning(row: dict[str, Any]) -> list[str]:
    return [f"{row['account_count']:,}", amount(row["total_balance"]), amount(row["total_annual_interest"])]


def _earning_in_all(rows: Rows) -> list[str]:
    return [
        f"{sum(row['account_count'] for row in rows):,}",
        amount(total([row["total_balance"] for row in rows])),
        amount(total([row["total_annual_interest"] for row in rows])),
    ]


def _by_tier(rows: Rows) -> _Section:
    cells = [[tier(row["at_least"], row["below"]), percent(row["rate"]), *_earning(row)] for row in rows]
    cells.append(["All", "", *_earning_in_all(rows)])
    columns = [_Column("Balances"), _Column("Base rate", True), *_EARNING]
    table = _Table("table-tiers", "Accounts by tier, with the interest of a year", columns, _cells(cells), has_total=True)
    texts = ["The base rate goes by the balance; the interest includes the bonus of customers with a loan."]
    most = max(rows, key=lambda row: row["total_annual_interest"])
    described = (
        f"Bars: annual interest by tier. Most comes from balances of {tier(most['at_least'], most['below'])}:"
        f" {amount(most['total_annual_interest'])}."
    )
    chart = _Chart("interest_by_tier", described) if most["total_annual_interest"] else None
    return _Section("tiers", "Interest by tier", list(texts), [table], chart)


def _by_loan(rows: Rows) -> _Section:
    if not rows:
        return _Section("loans", "Interest by loan", [_NOTHING])
    cells = [[loan(row["has_loan"]), f"{row['customer_count']:,}", *_earning(row)] for row in rows]
    cells.append(["All", f"{sum(row['customer_count'] for row in rows):,}", *_earning_in_all(rows)])
    columns = [_Column("Customers"), _Column("Number", True), *_EARNING]
    table = _Table("table-loans", "Accounts by the customer's loan", columns, _cells(cells), has_total=True)
    most = max(rows, key=lambda row: row["total_annual_interest"])
    described = (
        f"Bars: annual interest by the customer's loan. Most goes to customers {loan(most['has_loan'])}:"
        f" {amount(most['total_annual_interest'])}."
    )
    chart = _Chart("interest_by_loan", described) if most["total_annual_interest"] else None
    return _Section("loans", "Interest by loan", [], [table], chart)


def _distribution(rows: Rows) -> _Section:
    shown = inhabited(rows)
    if not shown:
        return _Section("distribution", "Distribution of balances", [_NOTHING])
    cells = [[tier(row["at_least"], row["below"]), *_earning(row)] for row in shown]
    cells.append(["All", *_earning_in_all(shown)])
    table = _Table("table-distribution", "Accounts by balance", [_Column("Balances"), *_EARNING], _cells(cells), has_total=True)
    most = max(shown, key=lambda row: row["account_count"])
    described = (
        f"Bars: number of accounts by balance. Most, {most['account_count']:,}, have {tier(most['at_least'], most['below'])}."
    )
    return _Section("distribution", "Distribution of balances", [], [table], _Chart("balance_distribution", described))


def _largest(rows: Rows) -> _Section:
    if not rows:
        return _Section("largest", "Largest accounts", [_NOTHING])
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
        _Column("Place"),
        _Column("Account"),
        _Column("Customer"),
        _Column("Balance", True),
        _Column("Rate", True),
        _Column("Annual interest", True),
    ]
    table = _Table("table-largest", "The accounts with the largest balances", columns, _cells(cells))
    first = rows[0]
    described = f"Bars: the largest balances. The largest is {amount(first['original_balance'])}."
    chart = _Chart("largest_accounts", described) if first["original_balance"] else None
    return _Section("largest", "Largest accounts", [], [table], chart)


def _rounding(rows: Rows) -> _Section:
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
    table = _Table("table-rounding", "Rounding", [_Column("What"), _Column("Amount", True)], _cells(cells))
    return _Section("rounding", "Rounding", list(texts), [table])


def _checks(checks: Report) -> _Section:
    if not checks.expectation_count:
        text = "Nothing was checked: quality.checks is false. Run again without that parameter."
        return _Section("checks", "Checks", [text])
    texts = [_safe("With rows that break them, and those of earlier runs: ") + _link("data_docs/index.html", "Data Docs")]
    columns = [_Column("Expectation"), _Column("What it says"), _Column("If not met"), _Column("Result")]
    rows = [
        [
            f"{each.table}: {each.name.replace('_', ' ')}",
            each.says,
            "nothing is published" if each.severity == "error" else "a warning",
            _outcome(each),
        ]
        for each in sorted(checks.results, key=lambda result: result.is_met)
    ]
    return _Section("checks", "Checks", list(texts), [_Table("table-checks", "Expectations and results", columns, _cells(rows))])


def _outcome(result: Result) -> str:
    return "met" if result.is_met else f"NOT MET. {result.found}"


def _making(facts: Facts) -> _Section:
    versions: list[list[str | Markup]] = [
        ["Run", facts.run_id],
        ["Report made", _time(facts.made_at)],
        *([name, version] for name, version in facts.versions.items()),
    ]
    files: list[list[str | Markup]] = [
        [
            _code(row.get("path") or row["source"]),
            f"{_time(row['landed_at'])}",
            f"{row['size_bytes']:,}" if row.get("size_bytes") is not None else "not known",
            _code(row.get("sha256") or "not known"),
        ]
        for row in facts.landings
    ]
    values = _flattened(facts.parameters.model_dump(exclude={"expectations"}))
    two = [_Column("What"), _Column("Value")]
    tables = [
        _Table("table-run", "Run and versions", two, versions),
        _Table(
            "table-files", "Input files", [_Column("File"), _Column("Read"), _Column("Bytes", True), _Column("SHA-256")], files
        ),
        _Table("table-parameters", "Parameters", [_Column("Parameter"), _Column("Value")], _cells(values)),
    ]
    return _Section("making", "How it was made", tables=tables)


def _files(outputs: Mapping[str, str]) -> _Section:
    rows: list[list[str | Markup]] = [
        [_link(name, name) if not name.startswith("table ") else name, what] for name, what in outputs.items()
    ]
    table = _Table("table-outputs", "Published with this page", [_Column("Name"), _Column("What it holds")], rows)
    return _Section("files", "All of the results", tables=[table])


def _flattened(value: Any, name: str = "") -> list[list[str]]:
    """Nested parameters, a row a value."""
    if isinstance(value, Mapping):
        return [row for key, each in value.items() for row in _flattened(each, f"{name}.{key}" if name else str(key))]
    if isinstance(value, list | tuple) and any(isinstance(each, Mapping) for each in value):
        return [row for place, each in enumerate(value) for row in _flattened(each, f"{name}[{place}]")]
    if isinstance(value, list | tuple):
        return [[name, ", ".join(map(str, value))]]
    if value is None:
        return [[name, "none"]]
    return [[name, str(value).lower() if isinstance(value, bool) else f"{value:f}" if isinstance(value, Decimal) else str(value)]]


def _cells(rows: list[list[str]]) -> list[list[str | Markup]]:
    return [list(row) for row in rows]


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
