"""A directory that somebody else fills."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset


class DirectoryDataset(AbstractDataset[NoReturn, Path]):
    """A place for files, for a node that is given a path instead of data.

    Args:
        path: The directory; it need not exist.
        metadata: For other tools; not used here.
    """

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(path)
        self.metadata = metadata

    def load(self) -> Path:
        """The directory's path."""
        return self._path

    def save(self, data: NoReturn) -> None:
        """Nothing: who has the path writes there."""

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}
