"""A browser for the tests: Debian's Chromium, without a window, with what a page asks for and complains about written down."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.conftest import missing

_SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
_OF_THIS_MACHINE = {"", "localhost", "127.0.0.1"}
WIDE, PHONE = 1280, 390

Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        missing("There is no Chromium: install it (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    """A function that opens a page by its path or address, at a width; each page must be quiet and keep to this machine.

    When the test ends, an error in the console or a request that would leave the machine fails it. Where SCREENSHOTS
    is set, a screenshot of each page as it was left is in the test's directory, to be looked at: each takes up to two seconds.
    """
    pages: list[Page] = []
    faults: list[str] = []

    def asked(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and (address.hostname or "") not in _OF_THIS_MACHINE:
            faults.append(f"asks for {request.url}")

    def open_page(where: Path | str, width: int = WIDE) -> Page:
        page = browser.new_page(viewport={"width": width, "height": 900})
        pages.append(page)
        page.on("request", asked)
        page.on("console", lambda message: faults.append(f"console: {message.text}") if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.goto(where.as_uri() if isinstance(where, Path) else where, wait_until="networkidle")
        return page

    yield open_page
    for number, page in enumerate(pages):
        if "SCREENSHOTS" in os.environ:
            page.screenshot(path=tmp_path / f"page{number}.png", full_page=True)
        page.close()
    assert not faults, "\n".join(faults)


def broken_links(page: Page) -> list[str]:
    """The links of a page from disk that lead to no file, or to no place in the page that they name."""

    def leads_nowhere(link: str) -> bool:
        address = urlsplit(link)
        if address.scheme == "file" and not Path(unquote(address.path)).exists():
            return True
        is_here = address._replace(fragment="") == urlsplit(page.url)._replace(fragment="")
        return (
            is_here and bool(address.fragment) and page.evaluate("id => !document.getElementById(id)", unquote(address.fragment))
        )

    return [link for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)") if leads_nowhere(link)]
