"""The site of results: Great Expectations' Data Docs, made to work without a network, and a first page that says what broke.

As they come, Data Docs fetch styles, scripts and a picture from half a dozen hosts whenever somebody opens them, and their
first page is empty where these cannot be reached.
"""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

RESULTS = ".results"
EXAMPLES = 5
_OUTSIDE = re.compile(r"<script\b.*?</script>|<style\b.*?</style>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer>", re.DOTALL)
_STYLE = Path(__file__).with_name("site.css")


def finish_site(docs: Path) -> None:
    """Take what reaches outside from the pages, and write the first page.

    Args:
        docs: Directory of the site, with the results of the checks as Great Expectations stores them.
    """
    style = f"<style>{_STYLE.read_text(encoding='utf-8')}</style></head>"
    for page in docs.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if "https://" in text:
            page.write_text(_OUTSIDE.sub("", text).replace("</head>", style, 1), encoding="utf-8")
    shutil.rmtree(docs / "static", ignore_errors=True)
    (docs / "index.html").write_text(_first_page(docs, style), encoding="utf-8")


def _first_page(docs: Path, style: str) -> str:
    runs: dict[str, list[tuple[Path, dict[str, Any]]]] = {}
    for path in (docs / RESULTS).rglob("*.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        page = Path("validations") / path.relative_to(docs / RESULTS).with_suffix(".html")
        runs.setdefault(result["meta"]["run_id"]["run_name"], []).append((page, result))
    body = "".join(_run(name, sorted(runs[name], key=lambda each: each[1]["suite_name"])) for name in sorted(runs, reverse=True))
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Checks of lending_club</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{style}'
        f"<body><h1>Checks of lending_club</h1><p>What was checked, run by run, the last one first.</p>{body}</body></html>"
    )


def _run(name: str, results: list[tuple[Path, dict[str, Any]]]) -> str:
    rows = "".join(_suite(page, result) for page, result in results)
    return (
        f"<h2>{html.escape(name)}</h2><table><thead><tr><th>table</th><th class='number'>expectations</th>"
        f"<th class='number'>met</th><th>not met</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _suite(page: Path, result: dict[str, Any]) -> str:
    statistics = result["statistics"]
    faults = "".join(_fault(each) for each in result["results"] if not each["success"])
    state = faults or "<span class='met'>all met</span>"
    return (
        f"<tr><td><a href='{html.escape(page.as_posix())}'>{html.escape(result['suite_name'])}</a></td>"
        f"<td class='number'>{statistics['evaluated_expectations']}</td>"
        f"<td class='number'>{statistics['successful_expectations']}</td><td>{state}</td></tr>"
    )


def _fault(result: dict[str, Any]) -> str:
    configuration = result["expectation_config"]
    found = result["result"]
    examples = found.get("details", {}).get("unexpected_rows") or found.get("partial_unexpected_list") or []
    told = "\n".join(example_text(each) for each in examples[:EXAMPLES])
    count = found.get("unexpected_count", found.get("observed_value", "could not be checked"))
    state = "failed" if configuration.get("severity") == "critical" else "warned"
    return (
        f"<div><span class='{state}'>{html.escape(configuration['description'])}</span> found: {html.escape(str(count))}"
        f"{f'<pre>{html.escape(told)}</pre>' if told else ''}</div>"
    )


def example_text(example: object) -> str:
    """A row or a value for a person."""
    if isinstance(example, dict):
        return ", ".join(f"{name}: {value}" for name, value in example.items())
    return str(example)
