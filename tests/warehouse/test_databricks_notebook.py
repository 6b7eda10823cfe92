"""``notebooks/explore.ipynb`` with Databricks as the warehouse."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.notebook import assert_explored, executed
from tests.warehouse.server_process import ServerProcess
from tests.warehouse.test_databricks_run import published, wanted_of_dirty

__all__ = ["published"]  # the fixture: a run on the dirty set

pytestmark = pytest.mark.usefixtures("logged_in")


def test_the_notebook_asks_databricks_and_writes_nothing(published: tuple[Path, str], warehouse: ServerProcess) -> None:
    warehouse.clear()
    assert_explored(executed(published[0], KEDRO_ENV="prod"), wanted_of_dirty())
    asked = warehouse.statements()
    assert asked
    assert not [statement for statement in asked if not re.match(r"\s*(/\*.*?\*/\s*)?(SELECT|WITH)\b", statement, re.DOTALL)]
