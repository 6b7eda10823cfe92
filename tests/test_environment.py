from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest

from lending_club.environment import supplement_environment
from lending_club.errors import ParameterError


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "conf" / "local").mkdir(parents=True)
    return tmp_path / "conf"


def supplemented(conf: Path, **variables: str) -> dict[str, str]:
    with mock.patch.dict(os.environ, variables, clear=True):
        supplement_environment(conf)
        return dict(os.environ)


def test_a_secret_comes_from_the_file_that_a_variable_names(conf: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of the file\n")
    named = {"DATABRICKS_TOKEN_FILE": str(tmp_path / "token")}
    assert supplemented(conf, **named)["DATABRICKS_TOKEN"] == "of the file"
    assert supplemented(conf, **named, DATABRICKS_TOKEN="of the environment")["DATABRICKS_TOKEN"] == "of the environment"
    (conf / "local" / "credentials.yml").write_text("databricks: {token: of the credentials}")
    (conf.parent / ".env").write_text("DATABRICKS_TOKEN=of .env\n")
    assert supplemented(conf, **named)["DATABRICKS_TOKEN"] == "of the file"
    (tmp_path / "token").write_text("\n")
    assert supplemented(conf, **named)["DATABRICKS_TOKEN"] == "of .env"


def test_dotenv_may_name_the_file_of_a_secret(conf: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the file")
    (conf.parent / ".env").write_text(f"DATABRICKS_CLIENT_SECRET_FILE={tmp_path / 'secret'}\n")
    assert supplemented(conf)["DATABRICKS_CLIENT_SECRET"] == "of the file"


def test_a_file_of_a_secret_that_cannot_be_read_is_told(conf: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"nowhere, which DATABRICKS_TOKEN_FILE names, cannot be read: no such file"):
        supplemented(conf, DATABRICKS_TOKEN_FILE=str(tmp_path / "nowhere"))
    (tmp_path / "binary").write_bytes(b"xyz\xff")
    with pytest.raises(ParameterError, match="is not text in utf-8") as told:
        supplemented(conf, DATABRICKS_TOKEN_FILE=str(tmp_path / "binary"))
    assert "xyz" not in str(told.value)
