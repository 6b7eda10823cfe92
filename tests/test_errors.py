"""With what status a command ends; tests of each fault have its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lending_club import errors
from lending_club.errors import ExitCode, LendingClubError
from tests.conftest import PROJECT, kedro_run


def test_every_error_has_a_code_of_its_own() -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, LendingClubError)]
    told = {each.__name__: each.exit_code for each in classes if each is not LendingClubError}
    assert set(told.values()) == set(ExitCode) - {ExitCode.DONE, ExitCode.UNEXPECTED}


def test_every_code_is_on_its_page() -> None:
    page = (PROJECT / "docs" / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    assert [int(code) for code in re.findall(r"^\| (\d) \|", page, re.MULTILINE)] == list(ExitCode)


def test_a_wrapped_error_keeps_its_code() -> None:
    try:
        try:
            raise errors.InputFileError("is empty")
        except errors.InputFileError as inner:
            raise RuntimeError("wrapped") from inner
    except RuntimeError as outer:
        assert errors.exit_code(outer) == ExitCode.INPUT
    assert errors.exit_code(RuntimeError("nobody's")) == ExitCode.UNEXPECTED


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--pipelines", "nothing"], ExitCode.USAGE),
        (["--nodes", "nothing"], ExitCode.USAGE),
        (["--nothing"], ExitCode.USAGE),
        (["--env", "nowhere"], ExitCode.CONFIGURATION),
        (["--params", "interest.loan_bonus=2"], ExitCode.CONFIGURATION),
        (["--conf-source", "/nowhere"], ExitCode.USAGE),
    ],
)
def test_a_wrong_command_or_configuration(tmp_path: Path, arguments: list[str], code: ExitCode) -> None:
    ended = kedro_run(tmp_path, *arguments)
    assert (ended.returncode, "Error:" in ended.stderr, "Traceback" in ended.stderr) == (code, True, False), ended.stderr
