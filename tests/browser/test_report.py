"""The report as a browser shows it: on a screen, on a phone, on paper, and without scripts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PHONE, WIDE, Visit, broken_links
from tests.conftest import PROJECT, kedro_run, write_inputs

DIRTY = PROJECT / "tests" / "data" / "dirty"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a checked run with something of everything."""
    data = tmp_path_factory.mktemp("data")
    accounts = (DIRTY / "accounts.csv").read_bytes() + b"99999.00,Savings,<b>bold</b><img src=http://example.com/x>,1\n"
    write_inputs(data, (DIRTY / "Customer.csv").read_bytes(), accounts)
    ended = kedro_run(data, "--params", "quality.max_quarantined_share=1")
    assert ended.returncode == 0, ended.stderr
    return data / "08_reporting" / "report.html"


def drawn(page: Page) -> Page:
    page.wait_for_function("document.documentElement.dataset.charts")
    assert page.evaluate("document.documentElement.dataset.charts") == "drawn"
    return page


def test_the_report_draws_leads_on_and_fits(report: Path, visit: Visit, tmp_path: Path) -> None:
    for width in (PHONE, WIDE):
        page = drawn(visit(report, width=width))
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
        assert broken_links(page) == []
        assert page.locator(".chart svg.main-svg").count() >= 6
        assert page.locator("main img, main b").count() == 0
        assert "2. <b>bold</b><img" in page.evaluate("document.getElementById('chart-largest_accounts').textContent")
        headings = page.locator("h1, h2, h3").evaluate_all("all => all.map(each => each.tagName)")
        assert headings == ["H1", *["H2"] * (len(headings) - 1)]
        for chart in page.locator(".chart").all():
            assert chart.get_attribute("role") == "img" and chart.get_attribute("aria-label")
            assert chart.locator("xpath=ancestor::section//table").count() >= 1, "its numbers"
    on_paper = 180 / 25.4 * 96  # A4 without its margins, in the units of a page
    assert all(box["width"] <= on_paper for chart in page.locator(".chart svg.main-svg").all() if (box := chart.bounding_box()))
    printed = page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    assert 5 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 15


def test_the_keyboard_skips_to_the_content(report: Path, visit: Visit) -> None:
    page = visit(report)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")


def test_the_report_tells_everything_without_scripts(report: Path, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    text = page.inner_text("main")
    assert "This chart is drawn where scripts are allowed. Its numbers are in the table below." in text
    assert page.locator("table").count() >= 14
    assert page.locator("caption", has_text="Accounts by balance").is_visible()
    context.close()
