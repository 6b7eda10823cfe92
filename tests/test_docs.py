"""Every block of code in README.md and docs/ does what its page says.

A page is read from top to bottom in a copy of the project. What a block is stands in its info string, whose first word colours it
and whose rest nobody sees:

    console        lines after "$ " are run, in one shell for the page; what stands below a command is what it prints, "..."
                   stands for anything; a command that shows "Error:" has to fail, and every other to succeed
    python         is run as a script
    python notebook    is run as the next cell of a notebook that has the catalog
    sql            is asked of the published database, and has to find something
    yaml FILE      is written to the file, or changes there what it says; the configuration has to stay valid
    ini FILE       a .env is written, a unit of systemd is started
    text crontab   each line is run as cron does
    text tree      the paths exist
    text message   is what the program says when it is provoked (troubleshooting)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from kedro.framework.cli.cli import KedroCLI
from kedro.io import DatasetError

from lending_club.errors import LendingClubError
from tests.conftest import PROJECT, SAMPLE, kedro_run, write_inputs
from tests.reader import Block, Reader, blocks, commands, pages

# What is not run here, by page: why, and what runs it instead.
NOT_RUN = {
    "README.md": {
        "make test": "it would run itself; .ci/run runs it",
        "make lint": "half a minute; .ci/run runs it",
        "make docs": "tests/browser/test_docs_site.py runs it",
    },
    "docs/how-to/databricks.md": {
        "kedro run --env prod": "needs Databricks; tests/warehouse/test_databricks_run.py runs it on the test warehouse",
        "kedro doctor --env prod": "needs Databricks; tests/warehouse/test_databricks_run.py runs it on the test warehouse",
        "make smoke ENV=prod": "needs Databricks; tests/warehouse/test_databricks_run.py does the same on the test warehouse",
        "make warehouse": "never ends; tests/warehouse/conftest.py starts the same server",
    },
    "docs/how-to/notebook.md": {"make jupyter": "never ends; tests/browser/test_notebook.py starts it"},
    "docs/how-to/viz.md": {
        "make viz": "never ends; tests/browser/test_viz.py starts it",
        "make viz-build": "tests/browser/test_viz.py makes the page",
    },
    "docs/how-to/containers.md": {
        "docker compose run --rm pipeline": "needs a Docker engine; tests/image.py runs it",
        "docker compose run --rm pipeline --env prod": "needs a Docker engine; tests/image.py runs it up to the login",
        "docker compose run --rm --entrypoint kedro pipeline validate": "needs a Docker engine; tests/image.py runs the command",
        "docker compose --profile dagster --profile monitoring up --detach --wait": (
            "needs a Docker engine; tests/stack/stack.py runs it"
        ),
        "kedro docker build --base-image python:3.12.12-slim-bookworm": "needs a Docker engine; tests/stack/stack.py runs it",
        "kedro docker run --params quality.checks=false": "needs a Docker engine; tests/stack/stack.py runs it",
        "kedro docker cmd kedro validate": "needs a Docker engine; tests/stack/stack.py runs it",
        "make image": "needs a Docker engine; tests/image.py does the same",
        "docker run --rm --read-only --user 1234:1234 --tmpfs /tmp --volume ./data:/home/kedro_docker/data lending-club": (
            "needs a Docker engine; tests/image.py runs it"
        ),
        'make image DOCKER_BUILD="--secret id=ca-certificates,src=/etc/ssl/certs/ca-certificates.crt"': (
            "needs a Docker engine; tests/image.py takes the same options"
        ),
    },
    "docs/how-to/dagster.md": {"make dagster": "never ends; tests/orchestration/slow_server.py starts the same server"},
    "docs/explanation/performance.md": {"make bench": "a quarter of an hour; make test-speed runs its parts"},
}
# Their readers have just cloned the project; those of other pages have run the job.
FROM_SCRATCH = {"README.md", "docs/start.md"}
BLOCKS = {page: blocks(page) for page in pages()}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which the job has been run."""
    data = tmp_path_factory.mktemp("done") / "data"
    write_inputs(data, (SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes())
    assert kedro_run(data).returncode == 0
    return data


@pytest.fixture
def reader(request: pytest.FixtureRequest, done: Path, tmp_path: Path) -> Iterator[Reader]:
    is_new = bool(FROM_SCRATCH & set(request.node.callspec.params.values())) if hasattr(request.node, "callspec") else False
    reader = Reader(tmp_path, done=None if is_new else done)
    yield reader
    reader.close()


@pytest.mark.parametrize("page", [page for page, found in BLOCKS.items() if any(each.about != "message" for each in found)])
def test_a_page_does_what_it_says(page: str, reader: Reader) -> None:
    for block in BLOCKS[page]:
        if block.about != "message":
            reader.do(block, NOT_RUN.get(page, {}))


WRONG = {
    "another output": ("console", "", "$ echo one\ntwo\n"),
    "too little of the output": ("console", "", "$ printf 'one\\ntwo\\n'\none\n"),
    "a command that fails": ("console", "", "$ kedro run --params interest.loan_bonus=2\n"),
    "a command that should fail": ("console", "", "$ echo Error: no\nError: no\n"),
    "a script that fails": ("python", "", "raise SystemExit(1)\n"),
    "a cell that fails": ("python", "notebook", "catalog.load('none')\n"),
    "a query that finds nothing": ("sql", "", "SELECT * FROM marts.account_summary WHERE annual_interest < 0\n"),
    "an expectation without words": (
        "yaml",
        "conf/base/parameters_expectations.yml",
        "expectations: {quarantine: {new: {type: expect_column_to_exist}}}\n",
    ),
    "a rate above one": ("yaml", "conf/base/parameters.yml", "interest: {loan_bonus: '2'}\n"),
    "a dataset of no known class": ("yaml", "conf/local/catalog.yml", "accounts_csv: {type: lending_club.datasets.None}\n"),
    "a line that cron would mail": ("text", "crontab", "0 8 * * * echo it\n"),
    "a path that is not there": ("text", "tree", "src/lending_club/\n  nothing.py    nothing\n"),
    "a block of no known kind": ("", "", "kedro run\n"),
}


def test_a_wrong_page_is_caught(reader: Reader) -> None:
    for what, (kind, about, text) in WRONG.items():
        with pytest.raises((AssertionError, LendingClubError, DatasetError)):
            reader.do(Block("page", 1, "", kind, about, text), {})
            pytest.fail(f"{what} was not noticed")  # not an AssertionError
        reader.run("git checkout --quiet . && git clean --force --quiet -d conf")


def test_what_is_not_run_is_on_its_page() -> None:
    for page, listed in NOT_RUN.items():
        shown = {command for block in BLOCKS[page] if block.kind == "console" for command, _ in commands(block)}
        assert set(listed) <= shown, page


def test_commands_in_the_text_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    kedro = KedroCLI(PROJECT)
    for page in pages():
        for name, rest in re.findall(r"`(?:[A-Z_]+=\S+ )?(make|kedro) ([^`,]+)", (PROJECT / page).read_text(encoding="utf-8")):
            words = [word for word in rest.split() if "=" not in word and word != "..."]
            if name == "make":
                assert set(words[:1]) <= targets, f"{page}: make {rest}"
                continue
            command: click.Command | None = kedro
            while words and isinstance(command, click.Group):
                command = command.get_command(click.Context(command), words.pop(0))
            assert command is not None, f"{page}: kedro {rest}"
            options = {option for parameter in command.params for option in parameter.opts}
            assert {word for word in words if word.startswith("-")} <= options, f"{page}: kedro {rest}"


def test_every_setting_is_on_the_page_of_settings() -> None:
    page = (PROJECT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    files = [path for where in ("src", "conf") for path in (PROJECT / where).rglob("*") if path.suffix in (".py", ".yml")]
    used = {
        name for path in files for name in re.findall(r"\b(?:LENDING_CLUB|DATABRICKS)_[A-Z_]*[A-Z]\b", path.read_text("utf-8"))
    }
    assert used == set(re.findall(r"`((?:LENDING_CLUB|DATABRICKS)_[A-Z_]+)`", page))


def test_every_reason_is_on_the_page_of_reasons() -> None:
    page = (PROJECT / "docs" / "reference" / "quarantine-reasons.md").read_text(encoding="utf-8")
    conf = yaml.safe_load((PROJECT / "conf" / "base" / "parameters_expectations.yml").read_text(encoding="utf-8"))
    known = re.findall(r"'(\w+)'", conf["expectations"]["quarantine"]["reasons_are_known"]["query"])
    assert re.findall(r"^\| `(\w+)`", page, re.MULTILINE) == known


def test_links_of_the_readme_lead_somewhere() -> None:
    """Those of the pages are seen to when the site is made."""
    links = re.findall(r"\]\(([^):#]+)(?:#[\w-]+)?\)", (PROJECT / "README.md").read_text(encoding="utf-8"))
    assert len(links) > 5
    assert [link for link in links if not (PROJECT / link).exists()] == []
