"""The catalog of this project."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from kedro.io import DataCatalog, MemoryDataset


class Catalog(DataCatalog):
    """Kedro's catalog, kept from importing pandas in every run."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        _leave_out("kedro_datasets.plotly.plotly_dataset")
        super().__init__(*arguments, **options)

    def __setitem__(self, key: str, value: Any) -> None:
        """Add a dataset or, as Kedro does for parameters, a value, told how to copy it: to find that out Kedro imports pandas."""
        if key == "parameters" or key.startswith("params:"):
            value = MemoryDataset(value, copy_mode="deepcopy")
        super().__setitem__(key, value)


def _leave_out(module: str) -> None:
    """Leave a module out the first time that something is imported from it.

    The package ``kedro_datasets.plotly`` imports all of its datasets, ``PlotlyDataset`` brings pandas, and the package bears with
    one that is not to be had. Who asks for that one by its name afterwards gets it.
    """
    if module in sys.modules:
        return
    stand_in = ModuleType(module)

    def find(attribute: str) -> Any:
        if not attribute.startswith("__"):
            sys.modules.pop(module, None)
        raise AttributeError(attribute)

    stand_in.__dict__["__getattr__"] = find
    sys.modules[module] = stand_in
