"""The report's page and charts, made of hand-made rows: hostile text, nothing at all, and sums of any size."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
import yaml

from lending_club.parameters import read_parameters
from lending_club.pipelines.reporting import charts
from lending_club.pipelines.reporting.comparison import FIRST_RUN, Comparison
from lending_club.pipelines.reporting.facts import Facts
from lending_club.pipelines.reporting.page import render
from lending_club.pipelines.reporting.pipeline import CHARTS
from lending_club.pipelines.reporting.wording import amount, difference, percent, to_cents
from lending_club.quality.report import Report, Result
from tests.conftest import PROJECT

D = Decimal
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\"'"
HUGE = D("123456789012345678901234567890.12")
TIERS: list[dict[str, Any]] = [
    {"at_least": D("0.00"), "below": D("10000.00"), "rate": D("0.0100")},
    {"at_least": D("10000.00"), "below": None, "rate": D("0.0150")},
]
NOTHING: dict[str, Any] = {"account_count": 0, "total_balance": D("0.00"), "total_annual_interest": D("0.00")}


def parameters() -> Any:
    values: dict[str, Any] = {}
    for path in (PROJECT / "conf" / "base").glob("parameters*.yml"):
        values |= yaml.safe_load(path.read_text())
    return read_parameters(values)


def source(name: str, rows: tuple[int, int, int, int], balances: tuple[Any, ...] = (None,) * 4) -> dict[str, Any]:
    outcomes = ("in", "published", "excluded", "quarantined")
    return {
        "source": name,
        **{f"rows_{outcome}": count for outcome, count in zip(outcomes, rows, strict=True)},
        **{f"balance_{outcome}": balance for outcome, balance in zip(outcomes, balances, strict=True)},
    }


def empty() -> Facts:
    """A run that had no account in the end."""
    return Facts(
        run_id="2026-11-24T06.00.00.000Z",
        made_at=datetime(2026, 11, 24, 6, 0, 1, tzinfo=UTC),
        parameters=parameters(),
        reconciliation=[source("accounts", (1, 0, 1, 0), ("0.00", D(0), D(0), "0.00")), source("customers", (1, 1, 0, 0))],
        reasons=[],
        by_tier=[{**tier, **NOTHING, "unrounded_interest": D("0.000000")} for tier in TIERS],
        by_loan=[],
        distribution=[{"at_least": D("0.00"), "below": D("100.00"), **NOTHING}],
        largest=[],
        landings=[],
        comparison=Comparison(note=FIRST_RUN),
        checks=Report((), Path("data_docs/index.html")),
        outputs={},
        versions={},
    )


def full() -> Facts:
    """A run with something of everything, some of it hostile, some of it huge."""
    earning = {"account_count": 2, "total_balance": HUGE, "total_annual_interest": D("9999999999999999999999999.99")}
    results = (
        Result("account_summary", "columns", "The columns are right.", "error", True),
        Result("reconciliation", "share", f"Few. {HOSTILE}", "warn", False, f"2 rows. {HOSTILE}"),
    )
    return replace(
        empty(),
        reasons=[{"source": "accounts", "reason": "negative_balance", "rows": 3}],
        by_tier=[
            {**TIERS[0], **NOTHING, "unrounded_interest": D("0.000000")},
            {**TIERS[1], **earning, "unrounded_interest": D("9999999999999999999999999.985000")},
        ],
        by_loan=[{"has_loan": None, "customer_count": 1, **earning}],
        distribution=[{"at_least": D("0.00"), "below": D("100.00"), **NOTHING}, {"at_least": D(100), "below": None, **earning}],
        largest=[
            {
                "place": 1,
                "account_id": HOSTILE,
                "customer_id": 7,
                "original_balance": D("9999999999999.99"),
                "interest_rate": D("0.0150"),
                "annual_interest": D("150000000000.00"),
            }
        ],
        landings=[
            {
                "source": "accounts",
                "landed_at": datetime(2026, 11, 24, 6),
                "path": f"/data/{HOSTILE}.csv",
                "size_bytes": 12345,
                "sha256": "ab" * 32,
            }
        ],
        checks=Report(results, Path("data_docs/index.html")),
        outputs={"quarantine.csv": HOSTILE, "table catalog.schema.name": "x"},
        versions={"DuckDB": HOSTILE},
    )


def figures(facts: Facts) -> dict[str, go.Figure]:
    rows = {
        "reconciliation_flow": facts.reconciliation,
        "quarantine_reasons": facts.reasons,
        "interest_by_tier": facts.by_tier,
        "interest_by_loan": facts.by_loan,
        "balance_distribution": facts.distribution,
        "largest_accounts": facts.largest,
    }
    return {name: CHARTS[name][0](rows[name]) for name in CHARTS}


class Page(HTMLParser):
    """What a browser makes of a page, as far as the tests ask."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img"):
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            self.texts[tag][-1] += data


def read(facts: Facts) -> Page:
    return Page(render(facts, figures(facts)))


def test_hostile_text_stays_text() -> None:
    page = read(full())
    assert "img" not in [tag for tag, _ in page.elements]
    assert [attributes.get("id") for tag, attributes in page.elements if tag == "script"] == ["figures", "plotly", None]
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert page.texts["td"].count(HOSTILE) == 3, "the account, the output and the version"
    assert f"/data/{HOSTILE}.csv" in page.texts["code"]
    (label,) = json.loads(page.texts["script"][0])["largest_accounts"]["data"][0]["y"]
    assert label == "1. &lt;/script&gt;&lt;script&gt;alert(…", "Plotly reads markup in labels"


def test_amounts_are_exact_text_in_figures_and_on_the_page() -> None:
    page = read(full())
    drawn = json.loads(page.texts["script"][0])
    tiers = drawn["interest_by_tier"]
    assert tiers["data"][0]["x"] == ["0.00", "9999999999999999999999999.99"]
    assert tiers["layout"]["xaxis"]["type"] == "linear" and tiers["layout"]["yaxis"]["type"] == "category"
    assert "9,999,999,999,999,999,999,999,999.99" in page.texts["td"]
    assert "123,466,789,012,345,678,901,234,567,890.11" in page.texts["td"], "the new balance"


def test_the_rounded_sum_is_told_beside_the_sum_of_rounded() -> None:
    facts = empty()
    facts.by_tier[0].update(
        account_count=3, total_balance=D("3.00"), total_annual_interest=D("0.06"), unrounded_interest=D("0.045000")
    )
    text = render(facts, {})
    rows = re.findall(r"rowheader\">([^<]+)</th>\s*<td[^>]*>([^<]+)</td>", text[text.index('id="rounding"') :])[:4]
    assert [value for _, value in rows] == ["0.06", "0.045000", "0.05", "+0.01"]


def test_a_run_without_accounts() -> None:
    page = read(empty())
    assert "No account earns interest." in page.texts["p"]
    assert FIRST_RUN in page.texts["p"]
    assert list(json.loads(page.texts["script"][0])) == ["reconciliation_flow"]
    nothing = replace(empty(), reconciliation=[source("accounts", (0, 0, 0, 0)), source("customers", (0, 0, 0, 0))])
    assert "script" not in read(nothing).texts, "nothing to draw, so nothing to draw it with"


def test_every_chart_can_be_drawn_of_no_rows() -> None:
    for draw, _ in CHARTS.values():
        assert isinstance(draw([]), go.Figure)


def test_a_result_that_nobody_checked_says_so_first() -> None:
    page = read(empty())
    (state,) = [attributes for tag, attributes in page.elements if (attributes.get("class") or "").startswith("state")]
    assert state["class"] == "state unchecked"
    assert "NOT CHECKED." in page.texts["header"][0]
    assert "NOT CHECKED" not in read(full()).texts["header"][0]


def test_checks_are_listed_those_not_met_first() -> None:
    page = read(full())
    assert "1 of 2 expectations are met" in page.texts["header"][0]
    names = [text for text in page.texts["th"] if ": " in text]
    assert names.index("reconciliation: share") < names.index("account_summary: columns")
    assert "met" in page.texts["td"] and any(text.startswith("NOT MET. 2 rows.") for text in page.texts["td"])


def test_headings_are_in_order_and_tables_are_told_to_a_screen_reader() -> None:
    page = read(full())
    headings = [tag for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert headings == ["h1", *["h2"] * 12]
    assert [attributes for tag, attributes in page.elements if tag == "html"] == [{"lang": "en"}]
    tables = [tag for tag, _ in page.elements if tag == "table"]
    assert len(tables) == len(page.texts["caption"]) >= 12
    assert all(attributes.get("scope") in ("row", "col") for tag, attributes in page.elements if tag == "th")
    identifiers = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(identifiers) == len(set(identifiers))
    labels = [attributes.get("aria-label") for _, attributes in page.elements if attributes.get("role") == "img"]
    assert len(labels) == 6 and all(labels)


def changes(**counts: Any) -> Comparison:
    groups = []
    for then, now, is_changed, count, balances in (
        (None, 0, True, 2, (0, 30)),
        (10000, None, True, 1, (20000, 0)),
        (0, 10000, True, 3, (60, 60000)),
        (0, 0, True, 4, (100, 101)),
        (0, 0, False, 5, (500, 500)),
    ):
        groups.append(
            {
                "tier_then": None if then is None else D(then),
                "tier_now": None if now is None else D(now),
                "is_balance_changed": is_changed,
                "account_count": count,
                "balance_then": D(balances[0]).quantize(D("0.01")),
                "balance_now": D(balances[1]).quantize(D("0.01")),
                "interest_then": D("1.00") if then is not None else D("0.00"),
                "interest_now": D("2.00") if now is not None else D("0.00"),
            }
        )
    return Comparison(tuple(groups), published_at=datetime(2026, 11, 23, 6, tzinfo=UTC), **counts)


def test_changes_are_told_in_numbers() -> None:
    facts = replace(empty(), comparison=changes())
    page = read(facts)
    assert any("published 2026-11-23 06:00:00 UTC" in text for text in page.texts["p"])
    rows = [" ".join(text.split()) for text in page.texts["tr"]]
    assert "Accounts 13 14 +1" in rows
    assert "Balance 20,660.00 60,631.00 +39,971.00" in rows
    assert "Annual interest 4.00 8.00 +4.00" in rows
    assert "Added 2 0.00 30.00" in rows
    assert "Gone 1 20,000.00 0.00" in rows
    assert "With another balance 7 160.00 60,101.00" in rows
    assert "of these in another tier 3 60.00 60,000.00" in rows
    assert "0.00 to below 10,000.00 10,000.00 and above 3 60.00 60,000.00" in rows


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("0", "0.00"),
        ("-0.5", "-0.50"),
        ("1234567.891", "1,234,567.891"),
        ("12345688901234641998.212456789", "12,345,688,901,234,641,998.212456789"),
        (D("1E+3"), "1,000.00"),
        ("1" * 60 + ".5", "about 1.11111E+59"),
        ("0." + "0" * 60 + "1", "about 1E-61"),
    ],
)
def test_an_amount_is_exact_and_fits_the_page(value: D | str, told: str) -> None:
    assert amount(value) == told


def test_other_words() -> None:
    assert [difference(D("1.5")), difference(D(0)), difference(D("-1"))] == ["+1.50", "0.00", "-1.00"]
    assert percent(D("0.0125")) == "1.25 %"
    assert to_cents(D("12345678901234567890123456789012.005")) == D("12345678901234567890123456789012.01")
    assert charts.loan(None) == "not known"
