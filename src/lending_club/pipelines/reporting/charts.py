"""The charts of the report: figures made of few rows.

Amounts go into a figure as exact decimal text, never as binary numbers, and axes say what they are, so that nothing is guessed
from the text. Where a figure shows a text of the input, its markup is made harmless: Plotly reads a little HTML in every label.
"""

from __future__ import annotations

import html
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lending_club.pipelines.reporting.wording import amount, percent, shortened, tier

if TYPE_CHECKING:
    import plotly.graph_objects as go

Rows = list[dict[str, Any]]

OUTCOMES = ("published", "excluded", "quarantined")
# On white, text has a contrast of at least 7, bars and flows of at least 3; in grey they are still told apart.
_INK, _BAR, _GRID = "#1b1f24", "#1f5a94", "#d5dae0"
_FLOW = {"published": ("#1f5a94", "#a9c3dc"), "excluded": ("#5f6b77", "#ced4da"), "quarantined": ("#b5460f", "#e8b79c")}
_ROW_HEIGHT, _MARGINS = 34, 90
_LABEL_LENGTH = 24


def reconciliation_flow(reconciliation: Rows) -> go.Figure:
    """The rows of each file flow to what became of them.

    Args:
        reconciliation: Rows of the table ``reconciliation``.
    """
    import plotly.graph_objects as go

    labels: list[str] = []
    colours: list[str] = []
    links: dict[str, list[Any]] = {"source": [], "target": [], "value": [], "color": [], "label": []}
    for row in reconciliation:
        labels.append(f"{row['source']}: {row['rows_in']:,} rows in")
        colours.append(_INK)
        start = len(labels) - 1
        for outcome in OUTCOMES:
            if count := row[f"rows_{outcome}"]:
                links["source"].append(start)
                links["target"].append(len(labels))
                links["value"].append(count)
                links["color"].append(_FLOW[outcome][1])
                links["label"].append(f"{row['source']}: {outcome}")
                labels.append(f"{count:,} {outcome}")
                colours.append(_FLOW[outcome][0])
    hover = "%{label}: %{value:,} rows<extra></extra>"
    flow = go.Sankey(
        node={"label": labels, "color": colours, "thickness": 14, "pad": 24, "hoverinfo": "skip", "line": {"width": 0}},
        link={**links, "hovertemplate": hover},
        textfont={"color": _INK, "size": 13},
        valueformat=",",
    )
    figure = _figure(flow, "Rows in and what became of them", height=_MARGINS + 42 * max(len(links["value"]), 2))
    return figure.update_layout(margin_b=12)


def interest_by_tier(rows: Rows) -> go.Figure:
    """A bar a tier, as long as its interest of a year.

    Args:
        rows: Rows of the table ``interest_by_tier``.
    """
    labels = [f"{tier(row['at_least'], row['below'])}<br>{percent(row['rate'])}" for row in rows]
    return _bars("Annual interest by tier", labels, [row["total_annual_interest"] for row in rows])


def interest_by_loan(rows: Rows) -> go.Figure:
    """A bar each for customers with a loan, without one, and unknown, as long as their interest of a year.

    Args:
        rows: Rows of the table ``interest_by_loan``.
    """
    return _bars(
        "Annual interest by loan", [loan(row["has_loan"]) for row in rows], [row["total_annual_interest"] for row in rows]
    )


def balance_distribution(rows: Rows) -> go.Figure:
    """A bar a size of balance, as long as the number of accounts that have it.

    Args:
        rows: Rows of the table ``balance_distribution``.
    """
    shown = inhabited(rows)
    labels = [tier(row["at_least"], row["below"]) for row in shown]
    return _bars("Number of accounts by balance", labels, [row["account_count"] for row in shown])


def largest_accounts(rows: Rows) -> go.Figure:
    """A bar an account, as long as its balance.

    Args:
        rows: Rows of the table ``largest_accounts``.
    """
    labels = [f"{row['place']}. {html.escape(shortened(row['account_id'], _LABEL_LENGTH), quote=False)}" for row in rows]
    return _bars("The largest balances", labels, [row["original_balance"] for row in rows])


def quarantine_reasons(rows: Rows) -> go.Figure:
    """A bar a file and reason, as long as the number of rows that have it.

    Args:
        rows: Rows of the table ``reconciliation_reasons``.
    """
    labels = [f"{row['source']}:<br>{row['reason'].replace('_', ' ')}" for row in rows]
    return _bars("Quarantined rows by reason", labels, [row["rows"] for row in rows])


def loan(has_loan: bool | None) -> str:
    """What ``has_loan`` says, in words."""
    return {True: "with a loan", False: "without a loan", None: "not known"}[has_loan]


def inhabited(sizes: Rows) -> Rows:
    """The sizes from the smallest to the largest that some account has."""
    places = [place for place, row in enumerate(sizes) if row["account_count"]]
    return sizes[places[0] : places[-1] + 1] if places else []


def _bars(title: str, labels: list[str], values: list[Decimal] | list[int]) -> go.Figure:
    """Lying bars, the first one on top, each with its value beside it."""
    import plotly.graph_objects as go

    texts = [amount(value) if isinstance(value, Decimal) else f"{value:,}" for value in values]
    bars = go.Bar(
        orientation="h",
        y=labels,
        x=[str(value) for value in values],
        text=texts,
        textposition="auto",
        textangle=0,
        constraintext="none",
        marker={"color": _BAR},
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    figure = _figure(bars, title, height=_ROW_HEIGHT * max(len(labels), 1) + _MARGINS)
    figure.update_xaxes(type="linear", rangemode="tozero", gridcolor=_GRID, tickformat="~s", nticks=5, fixedrange=True)
    figure.update_yaxes(type="category", autorange="reversed", automargin=True, fixedrange=True, ticks="", ticksuffix=" ")
    return figure


def _figure(trace: go.Bar | go.Sankey, title: str, height: int) -> go.Figure:
    import plotly.graph_objects as go

    layout = {
        "template": "none",
        "title": {"text": title, "x": 0, "xref": "container", "font": {"size": 16}},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": _INK},
        "height": height,
        "margin": {"l": 8, "r": 16, "t": 44, "b": 40},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "autotypenumbers": "strict",
        "bargap": 0.25,
        "showlegend": False,
    }
    return go.Figure(trace, layout)
