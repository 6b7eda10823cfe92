"""Every message that docs/troubleshooting.md quotes is what the program says when it is provoked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.conftest import SAMPLE, kedro_run, write_inputs
from tests.reader import Reader, blocks, is_shown

_UNCHECKED = "kedro run --params quality.checks=false"
_ACCOUNTS, _CUSTOMERS = "data/01_raw/accounts.csv", "data/01_raw/Customer.csv"
# A failure as Databricks' connector tells of it, on its way to the user; the real ones are in tests/warehouse.
_REFUSED = """python -c '
from lending_club.warehouse.patience import Patience
def fail(): raise Exception("{}")
Patience("SELECT 1", {}, []).keep(fail, lambda: None)'"""

# By the heading on the page, what to do to a project in which the job has been run, for each message below it.
PROVOKED = {
    "kedro is not found": ["(PATH=/usr/bin:/bin; kedro run)"],
    "kedro does not know run": ["(cd / && DO_NOT_TRACK=1 kedro run)"],
    "Python has another version": ["mkdir bare && cp Makefile pyproject.toml uv.lock bare && make -C bare PYTHON=false run"],
    "A file is missing": [f"rm {_ACCOUNTS}; {_UNCHECKED}"],
    "A file is empty": [f": > {_ACCOUNTS}; {_UNCHECKED}", f"sed -i.bak 2,99d {_ACCOUNTS}; {_UNCHECKED}"],
    "A column is missing": [f"sed -i.bak s/Balance/Amount/ {_ACCOUNTS}; {_UNCHECKED}"],
    "Columns are not used": [f"sed -i.bak 's/$/,Branch/' {_ACCOUNTS}; {_UNCHECKED}"],
    "A file is not UTF-8": [f"iconv -f UTF-8 -t UTF-16 {_CUSTOMERS} > utf16; mv utf16 {_CUSTOMERS}; {_UNCHECKED}"],
    "A quote is never closed": [f"""echo 'SA-9,1001,"5,Savings' >> {_ACCOUNTS}; {_UNCHECKED}"""],
    "Lines end with CR": [rf"tr '\n' '\r' < {_ACCOUNTS} > cr; mv cr {_ACCOUNTS}; {_UNCHECKED}"],
    "Too many rows are quarantined": [f"printf 'SA-8,1001,?,Savings\nSA-9,1001,?,Savings\n' >> {_ACCOUNTS}; {_UNCHECKED}"],
    "An expectation is not met": [
        "sed -i.bak 's/original_balance >= 10000000000000$/original_balance >= 100000/' conf/base/parameters_expectations.yml;"
        " kedro run"
    ],
    "Nothing happens": ["kedro run --force && kedro run"],
    "The result is old": ["touch -d '2 days ago' data/08_reporting/.versions/*; kedro validate"],
    "Nothing is published": ["rm -r data/08_reporting; kedro validate"],
    "Nobody has checked it": [_UNCHECKED, f"LENDING_CLUB_LOG_FORMAT=text {_UNCHECKED} --env prod"],
    "Parameters are wrong": [
        "kedro run --params interest.loan_bonus=2",
        """sed -i.bak 's/below: "10000/below: "9000/' conf/base/parameters.yml; kedro run""",
    ],
    "A configuration file cannot be read": ["echo '  - x' >> conf/base/parameters.yml; kedro run"],
    "Another run works": [
        "python -c 'import subprocess; from pathlib import Path; from lending_club.run_lock import RunLock\n"
        'lock = RunLock(Path("data/02_intermediate/run.lock")); lock.acquire(0)\n'
        'subprocess.run(["kedro", "run", "--params", "run.lock_wait_seconds=0"])\''
    ],
    "The database is in use": [
        "python -c 'import duckdb, subprocess\n"
        'database = duckdb.connect("data/02_intermediate/lending_club.duckdb"); subprocess.run(["kedro", "run"])\''
    ],
    "A table does not exist": ["rm data/02_intermediate/lending_club.duckdb; kedro run --pipelines reporting"],
    "The data directory cannot be written": ["LENDING_CLUB_DATA=/dev/null kedro run"],
    "Something else has a published name": [f"rm data/08_reporting/*.csv; touch data/08_reporting/quarantine.csv; {_UNCHECKED}"],
    "A limit of memory is not understood": [f"LENDING_CLUB_MEMORY_LIMIT=plenty {_UNCHECKED}"],
    "A runner is refused": ["kedro run --runner ThreadRunner"],
    "Something unexpected": ["sed -i.bak s/CsvSource/Nothing/ conf/base/catalog.yml; kedro run"],
    "Settings are missing": ["LENDING_CLUB_LOG_FORMAT=text kedro run --env prod"],
    "The workspace cannot be reached": [
        "LENDING_CLUB_LOG_FORMAT=text DATABRICKS_HOST=localhost:1 DATABRICKS_HTTP_PATH=/sql DATABRICKS_TOKEN=dapi"
        " kedro run --env prod"
    ],
    "The login is refused": [_REFUSED.format("Error during request to server: 403: Invalid access token", 600)],
    "A permission is missing": [_REFUSED.format("[PERMISSION_DENIED] No CREATE TABLE on schema default", 600)],
    "The warehouse takes too long": [_REFUSED.format("TEMPORARILY_UNAVAILABLE", 1.5)],
}
_MESSAGES: dict[str, list[str]] = {}
for _block in blocks("docs/troubleshooting.md"):
    _MESSAGES.setdefault(_block.section, []).append(_block.text)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    done = tmp_path_factory.mktemp("done")
    write_inputs(done, (SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes())
    assert kedro_run(done, "--params", "quality.checks=false").returncode == 0
    reader = Reader(tmp_path_factory.mktemp("root"), done)
    yield reader
    reader.close()


def put_back(reader: Reader) -> None:
    assert reader.done is not None
    reader.run("git checkout --quiet . && git clean --force --quiet -d && rm -r data")
    shutil.copytree(reader.done, reader.project / "data", symlinks=True)


@pytest.mark.parametrize("symptom", PROVOKED)
def test_the_program_says_what_is_quoted(symptom: str, reader: Reader) -> None:
    for provocation, message in zip(PROVOKED[symptom], _MESSAGES[symptom], strict=True):
        put_back(reader)
        printed, _ = reader.run(provocation)
        # Lines of progress begin with the time.
        text = "\n".join(line[9:] if line[2:3] == line[5:6] == ":" else line for line in printed.splitlines())
        text = text.replace("lending_club.errors.WarehouseError: ", "")
        assert is_shown(message, text, whole=False), printed


def test_every_message_is_provoked() -> None:
    assert list(_MESSAGES) == list(PROVOKED)
