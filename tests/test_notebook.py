"""``notebooks/explore.ipynb`` on DuckDB, and that neither it nor a run is in the other's way."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from kedro.framework.session import KedroSession
from kedro.io import DataCatalog

from lending_club.errors import WarehouseBusyError
from lending_club.warehouse import close_warehouses
from tests.conftest import PROJECT, UNCHECKED, kedro_command, run_environment, run_here, write_inputs
from tests.notebook import NOTEBOOK, assert_explored, executed
from tests.oracle import expected

DIRTY = PROJECT / "tests" / "data" / "dirty"
FILES = ((DIRTY / "Customer.csv").read_bytes(), (DIRTY / "accounts.csv").read_bytes())


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    """A data directory where the dirty set is published."""
    write_inputs(tmp_path / "data", *FILES)
    run_here(tmp_path / "data", quality={"max_quarantined_share": "1"})
    return tmp_path / "data"


@pytest.fixture
def catalog(dirty: Path) -> Iterator[DataCatalog]:
    with KedroSession.create(project_path=PROJECT) as session:
        yield cast(DataCatalog, cast(KedroSession, session).load_context().catalog)
    close_warehouses()


def checksums(data: Path) -> dict[str, str]:
    paths = [path for path in sorted(data.rglob("*")) if path.is_file()]
    return {f"{path} {path.stat().st_mtime_ns}": hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_the_notebook_shows_what_is_published_and_leaves_it_alone(dirty: Path) -> None:
    before = checksums(dirty)
    assert_explored(executed(dirty), expected(*FILES))
    assert checksums(dirty) == before


def test_a_notebook_with_output_is_found(tmp_path: Path) -> None:
    import nbformat

    def verify(path: Path) -> int:
        return subprocess.run(
            [Path(kedro_command()[0]).with_name("nbstripout"), "--verify", path], capture_output=True
        ).returncode

    assert verify(NOTEBOOK) == 0
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="1")]
    nbformat.write(notebook, tmp_path / "ran.ipynb")
    assert verify(tmp_path / "ran.ipynb") != 0


def test_a_run_and_a_reader_are_not_in_each_others_way(dirty: Path, catalog: DataCatalog) -> None:
    steps, published = catalog.load("accounts"), catalog.load("account_summary_marts")
    assert steps.to_arrow().num_rows > 0
    rows = published.to_arrow().num_rows
    write_inputs(dirty, FILES[0], FILES[1] + b"5.00,Savings,A-NEW,1\n")
    arguments = [*UNCHECKED[:1], f"{UNCHECKED[1]},quality.max_quarantined_share=1"]
    run = subprocess.Popen(
        kedro_command("run", *arguments),
        cwd=PROJECT,
        env=run_environment(dirty),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    busy = []
    while run.poll() is None:
        assert published.to_arrow().num_rows in (rows, rows + 1)
        try:
            steps.to_arrow()
        except WarehouseBusyError as error:
            busy.append(str(error))
    assert run.returncode == 0, run.stdout and run.stdout.read()
    assert busy
    assert f"is busy: process {run.pid} has it open, such as a run. Try again when it has ended." in busy[0]
    assert published.to_arrow().num_rows == rows + 1, "the same reference reads what is published now"
    assert "A-NEW" in steps.to_arrow()["account_id"].to_pylist()
