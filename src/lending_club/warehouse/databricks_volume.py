"""A Unity Catalog volume: files are put there for the warehouse to read, and removed again."""

from __future__ import annotations

import logging
import re
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lending_club.errors import WarehouseError
from lending_club.warehouse.databricks_session import DatabricksSession
from lending_club.warehouse.databricks_sql import quoted

logger = logging.getLogger(__name__)

_UPLOADS = 4


class DatabricksVolume:
    """The volume that files are uploaded to.

    Args:
        name: ``catalog.schema.volume``.
        session: A session with its warehouse.
    """

    def __init__(self, name: str, session: DatabricksSession) -> None:
        self._directory = "/Volumes/" + name.replace(".", "/")
        self._session = session

    @contextmanager
    def uploaded(self, parts: list[Path], name: str) -> Iterator[str]:
        """Upload the parts of a table, for as long as they are read, and remove them again whatever happens.

        What a run left of the same name that was killed in between is removed, too.

        Args:
            parts: Parquet files.
            name: What their names in the volume begin with.

        Yields:
            The pattern of their paths, and of no other's.
        """
        self._remove_leftovers(name)
        upload = f"{self._directory}/{name}-{uuid.uuid4().hex}-"
        paths = {part: f"{upload}{number:05}.parquet" for number, part in enumerate(parts)}
        try:
            self._upload(paths)
            yield f"{upload}*.parquet"
        finally:
            for path in paths.values():
                self._remove(path)

    def _remove_leftovers(self, name: str) -> None:
        for row in self._session.execute(f"LIST {quoted(self._directory)}").to_pylist():
            if re.fullmatch(rf"{re.escape(name)}-[0-9a-f]{{32}}-[0-9]+\.parquet", row["name"]):
                self._remove(f"{self._directory}/{row['name']}")

    def _upload(self, paths: dict[Path, str]) -> None:
        """Put files, a few at a time, each in a session of its own."""
        if len(paths) == 1:
            ((part, path),) = paths.items()
            put_file(self._session, part, path)
            return
        own = threading.local()

        def put(part_and_path: tuple[Path, str]) -> None:
            if not hasattr(own, "session"):
                own.session = opened.enter_context(self._session.another())
            put_file(own.session, *part_and_path)

        with ExitStack() as opened, ThreadPoolExecutor(_UPLOADS) as pool:
            list(pool.map(put, paths.items()))

    def _remove(self, path: str) -> None:
        try:
            self._session.execute(f"REMOVE {quoted(path)}")
        except WarehouseError as error:
            if "PATH_NOT_FOUND" not in str(error):
                logger.warning("%s is left there: %s", path, error)


def put_file(session: DatabricksSession, path: Path, volume_path: str) -> None:
    """Copy a file to a path of a volume, any that the session may write to, whole; what is there already is replaced."""
    session.execute(f"PUT {quoted(path.resolve())} INTO {quoted(volume_path)} OVERWRITE")
