from __future__ import annotations

from pathlib import Path

import pytest

from lending_club.warehouse import close_warehouses, open_warehouse


def test_a_path_from_the_working_directory_is_the_same_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        opened = open_warehouse({"type": "duckdb", "path": "data/scratch.duckdb"})
        assert open_warehouse({"type": "duckdb", "path": str(tmp_path / "data" / "scratch.duckdb")}) is opened
        assert open_warehouse({"type": "duckdb", "path": str(tmp_path / "other.duckdb")}) is not opened
    finally:
        close_warehouses()
