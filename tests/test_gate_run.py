"""The gate as a person meets it: what it stops, what it says, and that nobody gets round it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from lending_club.errors import ExitCode
from tests.conftest import PROJECT, change_scratch, kedro, kedro_command, kedro_run, run_environment, write_inputs
from tests.test_run import OTHER_ACCOUNTS, OTHER_CUSTOMERS, assert_result_of_inputs, assert_tidy, contents

SPOIL = "UPDATE marts.account_summary SET annual_interest = annual_interest + 0.01 WHERE account_id IN ('SA-0001', 'SA-0002')"


def validate(data: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return kedro(data, "validate", *arguments, **extra)


def spoil_candidates(data: Path) -> None:
    change_scratch(data / "02_intermediate" / "lending_club.duckdb", SPOIL)


def test_a_good_result_is_published_with_its_checks(data: Path) -> None:
    command = kedro_command("run")
    ended = subprocess.run(command, cwd=PROJECT, env=run_environment(data), capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    page = data / "08_reporting" / "data_docs" / "index.html"
    met = re.search(rf"^checks: (\d+) of (\d+) expectations met, see {page.as_uri()}$", ended.stdout, re.MULTILINE)
    assert met is not None and met[1] == met[2] and int(met[1]) >= 21
    assert page.exists()
    assert not re.search("leaked|warning|Calculating", ended.stderr, re.IGNORECASE), ended.stderr
    assert_result_of_inputs(data)
    assert_tidy(data)

    ended = validate(data)
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"^\d+ expectations on .* are met, see file://", ended.stdout)
    assert ended.stderr == ""


def test_a_bad_result_is_not_published(data: Path) -> None:
    assert kedro_run(data).returncode == 0
    before = contents(data)
    spoil_candidates(data)
    ended = kedro_run(data, "--pipelines", "reporting")
    assert ended.returncode == ExitCode.NOT_AS_EXPECTED
    message = ended.stderr[ended.stderr.index("Error:") :]
    assert message.splitlines()[0] == "Error: 3 of 35 expectations are not met."
    assert (
        "  - account_summary: Annual interest is balance times rate, rounded half up to cents; its error is above -0.005 and at"
        " most 0.005. 2 rows do not meet it.\n"
        "      account_id: SA-0001, original_balance: 9999.99, interest_rate: 0.0150, annual_interest: 150.01\n"
    ) in message
    assert f"  Page: {(data / '08_reporting' / 'data_docs' / 'index.html').as_uri()}" in message
    assert "Nothing was published; what was published before is unchanged." in message
    assert "Traceback" not in ended.stderr
    assert contents(data) == before
    assert kedro_run(data).returncode == 0
    assert_tidy(data)


@pytest.mark.parametrize("way", [{"KEDRO_DATASET_VALIDATION": "false"}, {"KEDRO_DATASET_VALIDATION": "0"}])
def test_kedros_own_switch_does_not_open_the_gate(data: Path, way: dict[str, str]) -> None:
    assert kedro_run(data, "--params", "quality.checks=false").returncode == 0
    spoil_candidates(data)
    assert kedro_run(data, "--pipelines", "reporting", **way).returncode == ExitCode.NOT_AS_EXPECTED


def test_switching_the_checks_off_is_said_loudly(data: Path) -> None:
    ended = kedro_run(data, "--params", "quality.checks=false")
    assert ended.returncode == 0
    assert re.search(
        r"WARNING \S+ check +NOT CHECKED: quality.checks is false. Nobody has checked what is published now.", ended.stderr
    )
    assert "checks: NONE, quality.checks is false" in ended.stdout
    assert not (data / "08_reporting" / "data_docs").exists()


def test_the_checks_cannot_be_switched_off_in_prod(data: Path) -> None:
    ended = kedro_run(data, "--env", "prod", "--params", "quality.checks=false")
    assert ended.returncode == ExitCode.CONFIGURATION
    assert ended.stderr == ("Error: quality.checks is false, and nothing is published unchecked in prod. Leave it true.\n")
    assert not (data / "08_reporting").exists()


def test_a_warning_is_reported_and_stops_nothing(data: Path) -> None:
    path = data / "01_raw" / "accounts.csv"
    path.write_text(path.read_text().replace("SA-0001,", ","))
    ended = kedro_run(data)
    assert ended.returncode == 0, ended.stderr
    assert re.search(
        r"WARNING \S+ check +Not as expected: reconciliation: At most half of the allowed share of a file is quarantined."
        " 1 rows do not meet it.",
        ended.stderr,
    )
    assert "checks: 34 of 35 expectations met" in ended.stdout


def test_what_is_published_is_checked_at_rest(data: Path) -> None:
    assert validate(data).stderr.endswith("nothing is published there. Run the job first: kedro run.\n")
    assert kedro_run(data, "--params", "quality.checks=false").returncode == 0
    path = (data / "08_reporting" / "account_summary.csv").resolve()
    path.write_bytes(path.read_bytes().replace(b"150.00", b"150.10"))
    ended = validate(data)
    assert ended.returncode == ExitCode.NOT_AS_EXPECTED
    assert "CSV, Parquet file and table of a result hold the same rows." in ended.stderr
    assert "table_name: account_summary, versions: 2" in ended.stderr

    os.utime(path.parent, (time.time() - 25 * 3600,) * 2)
    ended = validate(data)
    assert "freshness: What is checked was made from files that were read within quality.max_age_hours. 1 rows" in ended.stderr
    assert "freshness" not in validate(data, "--params", "quality.max_age_hours=26").stderr


def test_a_kill_between_check_and_publication_leaves_the_old_result(data: Path) -> None:
    assert kedro_run(data).returncode == 0
    before = contents(data)
    write_inputs(data, OTHER_CUSTOMERS, OTHER_ACCOUNTS)
    code = (
        "import os, signal, sys\n"
        "from lending_club.publication import Publication\n"
        "Publication.publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from kedro.framework.cli.cli import main\n"
        "sys.argv = ['kedro', 'run']; main()"
    )
    arguments = [sys.executable, "-c", code]
    ended = subprocess.run(arguments, cwd=PROJECT, env=run_environment(data), capture_output=True, text=True, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    assert re.search(r"INFO +\S+ check +\d+/\d+ ", ended.stderr), ended.stderr
    assert contents(data) == before
    assert kedro_run(data).returncode == 0
    assert_result_of_inputs(data)
    assert_tidy(data)


def test_nothing_leaves_the_machine_and_a_run_without_checks_imports_nothing_for_them(data: Path) -> None:
    """Count what asks for a connection or a name, in whole runs, by the interpreter's own audit events."""
    code = (
        "import sys\n"
        "asked = []\n"
        "names = ('socket.connect', 'socket.getaddrinfo', 'socket.gethostbyname', 'socket.sendto', 'urllib.Request')\n"
        "sys.addaudithook(lambda event, arguments: asked.append((event, arguments)) if event in names else None)\n"
        "from kedro.framework.cli.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'great_expectations', 'pandas', 'sqlalchemy', 'altair'} & set(sys.modules)\n"
        "print('asked', asked, 'imported', sorted(heavy))"
    )
    for arguments, imported in (
        (["run"], "['altair', 'great_expectations', 'pandas', 'sqlalchemy']"),
        (["validate"], "['altair', 'great_expectations', 'pandas', 'sqlalchemy']"),
        (["run", "--params", "quality.checks=false"], "[]"),
        (["run", "--pipelines", "ingestion"], "[]"),
    ):
        ended = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=PROJECT,
            env=run_environment(data),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ended.returncode == 0, ended.stderr
        told = ended.stdout.splitlines()[-1]
        if duckdb.__version__.startswith("1."):  # it imports pandas by itself, to bind values
            told = told.replace("['pandas']", "[]")
        assert told == f"asked [] imported {imported}"
