"""The memory that a container is given, read from what the kernel shows."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from lending_club.errors import ParameterError, WarehouseError
from lending_club.warehouse.duckdb import DuckDBWarehouse
from lending_club.warehouse.memory import available_memory

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def kernel(root: Path, cgroup: str, **limits: str) -> Path:
    """What the kernel shows: the process's groups, and limits by ``__`` for ``/``."""
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "self" / "cgroup").write_text(cgroup)
    for name, text in limits.items():
        path = root / "sys" / "fs" / "cgroup" / name.replace("__", "/")
        path = path.with_name(path.name.replace("_max", ".max").replace("limit_", "memory.limit_"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_without_limits_it_is_the_machines(tmp_path: Path) -> None:
    assert available_memory(tmp_path) == MACHINE
    assert available_memory(kernel(tmp_path, "0::/a\n", a__memory_max="max\n", memory_max="max\n")) == MACHINE


def test_the_smallest_limit_above_the_process_counts(tmp_path: Path) -> None:
    root = kernel(tmp_path, "0::/pods/mine\n", pods__mine__memory_max="2000000\n", pods__memory_max="1000000\n")
    assert available_memory(root) == 1_000_000


def test_version_1_is_read_too(tmp_path: Path) -> None:
    limits = {"memory__mine__limit_in_bytes": "3000000\n", "memory__limit_in_bytes": "9223372036854771712\n"}
    assert available_memory(kernel(tmp_path, "5:cpu:/x\n4:memory:/mine\n", **limits)) == 3_000_000


def test_what_does_not_fit_is_spilled_and_removed(tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    warehouse = DuckDBWarehouse(tmp_path / "scratch.duckdb", memory_limit="100MB", temp_directory=str(spill))
    warehouse._execute("CREATE TABLE raw.t AS SELECT i, md5(i::VARCHAR) AS m FROM range(3000000) t(i) ORDER BY m")
    assert any(spill.rglob("*")), "it was not too much"
    warehouse.close()
    assert list(spill.iterdir()) == []
    with duckdb.connect(str(tmp_path / "scratch.duckdb")) as connection:
        assert connection.execute("SELECT count(*) FROM raw.t").fetchall() == [(3_000_000,)]


def test_what_is_no_amount_is_told(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "scratch.duckdb", memory_limit="lots")
    with pytest.raises((ParameterError, WarehouseError), match=r"memory_limit is 'lots', which is no amount of memory"):
        warehouse.connection_steps()[0][1]()
