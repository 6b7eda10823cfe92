"""The pages of what was checked, as a browser shows them."""

from __future__ import annotations

from pathlib import Path

from tests.browser.conftest import PHONE, WIDE, Visit, broken_links
from tests.conftest import kedro_run


def test_data_docs_lead_from_the_first_page_to_each_suite(data: Path, visit: Visit) -> None:
    assert kedro_run(data).returncode == 0
    page = visit(data / "08_reporting" / "data_docs" / "index.html")
    suites = page.locator("table a")
    names = suites.all_inner_texts()
    assert {"account_summary", "quarantine", "freshness"} <= set(names)
    assert broken_links(page) == []
    for place, name in enumerate(names):
        suites.nth(place).click()
        assert name in page.inner_text("body")
        assert broken_links(page) == []
        page.go_back()


def test_data_docs_fit_a_phone(data: Path, visit: Visit) -> None:
    assert kedro_run(data).returncode == 0
    for width in (PHONE, WIDE):
        page = visit(data / "08_reporting" / "data_docs" / "index.html", width=width)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
