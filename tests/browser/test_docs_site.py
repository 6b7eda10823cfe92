"""The site of the documentation, as a browser shows it from disk."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, WIDE, Visit, broken_links
from tests.conftest import PROJECT

PAGES = sorted(str(path.relative_to(PROJECT / "docs").with_suffix(".html")) for path in (PROJECT / "docs").rglob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, made as ``make docs`` does, warnings and all."""
    site = tmp_path_factory.mktemp("site") / "docs"
    command = re.search(r"^\t@\.venv/bin/(sphinx-build .*) build/docs$", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert command
    name, *arguments = command[1].split()
    program = Path(sys.executable).with_name(name)
    done = subprocess.run([program, *arguments, site], cwd=PROJECT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    return site


@pytest.mark.parametrize("page", [*PAGES, "genindex.html", "py-modindex.html"])
def test_a_page_is_whole(page: str, site: Path, visit: Visit) -> None:
    opened = visit(site / page)
    for width in (PHONE, WIDE):
        opened.set_viewport_size({"width": width, "height": 900})
        assert opened.locator("h1").count() == 1
        assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        for heading in opened.locator("section > h1, section > h2").all():
            expect(heading).to_be_visible()
    assert broken_links(opened) == []


def test_the_links_between_pages_lead_to_places(site: Path) -> None:
    """``broken_links`` looks for places in the page that is open only."""
    places = {path: set(re.findall(r'\bid="([^"]+)"', path.read_text(encoding="utf-8"))) for path in site.rglob("*.html")}
    for page in places:
        for target, place in re.findall(r'href="([^":?#]+\.html)#([^"]+)"', page.read_text(encoding="utf-8")):
            assert place in places[(page.parent / target).resolve()], f"{page.name}: {target}#{place}"


def test_every_page_is_in_the_table_of_contents(site: Path, visit: Visit) -> None:
    opened = visit(site / "index.html")
    links = opened.eval_on_selector_all(".sidebar-tree a", "links => links.map(link => link.href)")
    listed = {str(Path(link.removeprefix("file://")).relative_to(site)) for link in links if ".html" in link}
    assert listed | {"index.html"} >= set(PAGES)


def test_the_search_finds_a_reason_from_disk(site: Path, visit: Visit) -> None:
    opened = visit(site / "index.html")
    opened.fill("input[name=q]", "balance_precision")
    opened.press("input[name=q]", "Enter")
    expect(opened.locator("#search-results a", has_text="Quarantine reasons").first).to_be_visible()


def test_what_is_made_from_the_code_is_there(site: Path, visit: Visit) -> None:
    for page, said in {
        "reference/parameters.html": "quality.max_quarantined_share",
        "reference/catalog.html": "marts.account_summary",
        "reference/commands.html": "--force",
        "reference/expectations.html": "interest_is_rounded_half_up",
        "reference/models.html": "What each eligible account earns in a year.",
        "reference/python.html": "lending_club.datasets.CsvSource",
        "changelog.html": "Unreleased",
    }.items():
        assert said in visit(site / page).inner_text("article"), page


def test_nothing_of_this_machine_is_in_the_site(site: Path) -> None:
    for path in site.rglob("*"):
        if path.suffix in (".html", ".js", ".inv", ".txt"):
            assert str(PROJECT).encode() not in path.read_bytes(), path
