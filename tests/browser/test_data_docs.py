"""The pages of what was checked, as a browser shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import PHONE, WIDE, Visit, broken_links
from tests.conftest import SAMPLE, kedro_run, write_inputs


@pytest.fixture(scope="module")
def data_docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first page of a run of the sample."""
    data = tmp_path_factory.mktemp("data")
    write_inputs(data, (SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes())
    assert kedro_run(data).returncode == 0
    return data / "08_reporting" / "data_docs" / "index.html"


def test_data_docs_lead_from_the_first_page_to_each_suite(data_docs: Path, visit: Visit) -> None:
    page = visit(data_docs)
    suites = page.locator("table a")
    names = suites.all_inner_texts()
    assert {"account_summary", "quarantine", "freshness"} <= set(names)
    assert broken_links(page) == []
    for place, name in enumerate(names):
        suites.nth(place).click()
        assert name in page.inner_text("body")
        assert broken_links(page) == []
        page.go_back()


def test_data_docs_fit_a_phone(data_docs: Path, visit: Visit) -> None:
    for width in (PHONE, WIDE):
        page = visit(data_docs, width=width)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
