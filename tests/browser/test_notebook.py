"""JupyterLab as ``kedro jupyter lab`` starts it: the notebook runs and draws, and nobody outside is asked for anything."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import WIDE, Visit
from tests.conftest import PROJECT, kedro_command, run_environment, run_here
from tests.notebook import NOTEBOOK


@pytest.fixture
def jupyterlab(data: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a JupyterLab that shows a copy of the notebook, on the published sample."""
    run_here(data)
    (tmp_path / "notebooks").mkdir()
    shutil.copy(NOTEBOOK, tmp_path / "notebooks")
    # The kernel finds the project from where it is, and JupyterLab saves the notebook with what it showed: a copy of both.
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    for name in ("src", "conf"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("local"))
    (tmp_path / "conf" / "local").mkdir()
    command = kedro_command("jupyter", "lab", "--no-browser", "--ip=127.0.0.1", "--port=0", f"--ServerApp.root_dir={tmp_path}")
    command += ["--allow-root"] if os.geteuid() == 0 else []
    own = {name: str(tmp_path / name) for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
    log = (tmp_path / "jupyter.log").open("w+")
    with subprocess.Popen(command, cwd=PROJECT, env=run_environment(data, **own), stderr=log, start_new_session=True) as server:
        try:
            yield address_in(tmp_path / "jupyter.log", server)
        finally:
            os.killpg(server.pid, signal.SIGTERM)


def address_in(log: Path, server: subprocess.Popen[bytes]) -> str:
    for _ in range(600):
        found = re.search(r"http://127\.0\.0\.1:\d+/lab\?token=\w+", log.read_text())
        if found:
            return found[0]
        assert server.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_the_notebook_runs_and_draws_in_jupyterlab(jupyterlab: str, visit: Visit) -> None:
    page = visit(jupyterlab.replace("/lab?", "/lab/tree/notebooks/explore.ipynb?"))
    page.set_default_timeout(120_000)  # several programs start
    page.get_by_role("heading", name="A first look at the book").wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.get_by_text("25 basis points more cost 563.87 a year").wait_for()
    page.set_viewport_size({"width": WIDE, "height": 4000})  # cells out of sight are not drawn
    page.locator(".js-plotly-plot").nth(1).wait_for()
    assert page.locator(".js-plotly-plot .bars path").count() == 4 + 2 * 3, "a bar a rate, and two a tier"
    assert not page.get_by_text("Jupyter news").count()
