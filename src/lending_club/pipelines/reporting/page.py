"""The report of a run: one page that needs no network, tells everything without its charts, and prints."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lending_club.pipelines.reporting.facts import Facts
from lending_club.pipelines.reporting.sections import changes, interest, origin, outcomes
from lending_club.pipelines.reporting.sections.elements import safe
from lending_club.pipelines.reporting.wording import timestamp
from lending_club.quality.report import Report

if TYPE_CHECKING:
    import jinja2
    import plotly.graph_objects as go

_HERE = Path(__file__).parent
# Packed harder, the script is a tenth smaller and takes twice as long.
_PACKING = 1


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
        interest.totals(facts),
        changes.changes(facts.comparison, facts.by_tier),
        outcomes.flow(facts.reconciliation),
        outcomes.refused(facts),
        interest.by_tier(facts.by_tier),
        interest.by_loan(facts.by_loan),
        interest.distribution(facts.distribution),
        interest.largest(facts.largest),
        interest.rounding(facts.by_tier),
        origin.checks(facts.checks),
        origin.making(facts),
        origin.files(facts.outputs),
    ]
    drawn = {section.chart.name for section in sections if section.chart}
    figures = {name: figure.to_plotly_json() for name, figure in charts.items() if name in drawn}
    return _template().render(
        title="Savings interest: report of a run",
        subtitle=f"Made {timestamp(facts.made_at)} by run {facts.run_id}.",
        state=_state(facts.checks),
        sections=sections,
        style=safe((_HERE / "page.css").read_text(encoding="utf-8")),
        script=safe((_HERE / "page.js").read_text(encoding="utf-8")),
        # Within a script element nothing is escaped, and only "<" could end it.
        figures=safe(json.dumps(figures).replace("<", "\\u003c")) if figures else "",
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


def _state(checks: Report) -> _State:
    count, warnings = checks.expectation_count, len(checks.warnings)
    if not count:
        text = "quality.checks is false: nobody has checked what is published now. Do not rely on these figures."
        return _State("unchecked", "NOT CHECKED.", text)
    if warnings:
        text = f"{count - warnings} of {count} expectations are met, {warnings} that only warn are not: see Checks."
        return _State("warned", "Checked, with warnings.", text)
    return _State("met", "Checked.", f"All {count} expectations are met.")
