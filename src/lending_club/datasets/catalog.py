"""The catalog of this project."""

from __future__ import annotations

from typing import Any

from kedro.io import DataCatalog, MemoryDataset


class Catalog(DataCatalog):
    """Kedro's catalog, told how to copy parameters: to find that out by itself it imports pandas, in every run."""

    def __setitem__(self, key: str, value: Any) -> None:
        """Add a dataset or, as Kedro does for parameters, a value."""
        if key == "parameters" or key.startswith("params:"):
            value = MemoryDataset(value, copy_mode="deepcopy")
        super().__setitem__(key, value)
