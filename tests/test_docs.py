"""Every block of code in README.md and docs/ does what its page says.

A page is read from top to bottom in a copy of the project. What a block is stands in its info string, whose first word colours it
and whose rest nobody sees:

    console        lines after "$ " are run, in one shell for the page; what stands below a command is what it prints, "..." stands for
                   anything; a command that shows "Error:" has to fail, and every other to succeed
    python         is run as a script
    sql            is asked of the published database, and has to find something
    yaml FILE      is written to the file, or changes there what it says; the configuration has to stay valid
    ini FILE       a .env is written, a unit of systemd is started
    text crontab   each line is run as cron does
    text tree      the paths exist
    text message   is what the program says when it is provoked (troubleshooting)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SAMPLE, kedro_run, write_inputs
from tests.reader import Reader, blocks, commands, pages

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
    page = request.node.callspec.params.get("page")
    reader = Reader(tmp_path, done=None if page in FROM_SCRATCH else done)
    yield reader
    reader.close()


@pytest.mark.parametrize("page", [page for page, found in BLOCKS.items() if any(each.about != "message" for each in found)])
def test_a_page_does_what_it_says(page: str, reader: Reader) -> None:
    for block in BLOCKS[page]:
        if block.about != "message":
            reader.do(block, NOT_RUN.get(page, {}))


def test_what_is_not_run_is_on_its_page() -> None:
    for page, listed in NOT_RUN.items():
        shown = {command for block in BLOCKS[page] if block.kind == "console" for command, _ in commands(block)}
        assert set(listed) <= shown, page
