"""A session with a Databricks SQL warehouse, which statements are run in, patiently."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from lending_club.warehouse.databricks_login import Login
from lending_club.warehouse.patience import Patience

if TYPE_CHECKING:
    import pyarrow
    from databricks.sql.client import Connection

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class DatabricksSession:
    """A session that is opened with the first statement, and again where it is gone; for one thread.

    Every statement may be sent again, so it has to be one that does no harm then.

    Args:
        catalog: Catalog of names that have none.
        patience_seconds: For how long in all to repeat what fails and may well succeed the next time.
        cloud_fetch: Whether large results come straight from the cloud's storage, which some proxies forbid.
    """

    def __init__(self, catalog: str, patience_seconds: float, cloud_fetch: bool) -> None:
        self._catalog = catalog
        self._patience_seconds = patience_seconds
        self._cloud_fetch = cloud_fetch
        self._open_connection: Connection | None = None

    @contextmanager
    def another(self, patience_seconds: float | None = None) -> Iterator[DatabricksSession]:
        """One more session with the same warehouse, closed afterwards; as patient as this one, if nothing else is said."""
        patience = self._patience_seconds if patience_seconds is None else patience_seconds
        session = DatabricksSession(self._catalog, patience, self._cloud_fetch)
        try:
            yield session
        finally:
            session.close()

    def execute(self, statement: str) -> pyarrow.Table:
        """Run a statement and fetch its result, which has to be small.

        Raises:
            WarehouseError: It failed for good, or again and again.
        """
        return self.fetch(statement, lambda cursor: cursor.fetchall_arrow() if cursor.description else None)

    def fetch(self, statement: str, take: Callable[[Any], _T]) -> _T:
        """Run a statement and fetch its result in another way.

        Args:
            statement: The statement.
            take: Takes the result from the connector's cursor. Where that fails, the statement is run again.

        Raises:
            WarehouseError: See ``execute``.
        """

        def run() -> _T:
            with self._connection.cursor() as cursor:
                try:
                    cursor.execute(statement)
                except KeyboardInterrupt:  # what nobody waits for any more must not go on, and cost
                    with suppress(Exception):
                        cursor.cancel()
                    raise
                return take(cursor)

        return Patience(statement, self._patience_seconds, Login.from_environment().secrets).keep(run, self.close)

    def open_connection(self) -> Connection:
        """Open a connection beside the session's, which is the caller's to close."""
        # A request that is answered with 429 or 503 was not taken on, and the connector repeats it; it sleeps at least
        # _retry_delay_max each time, and 5 seconds is the least it accepts.
        return Login.from_environment().open_connection(
            catalog=self._catalog,
            session_configuration={"ansi_mode": "true", "timezone": "UTC"},
            staging_allowed_local_path="/",
            use_cloud_fetch=self._cloud_fetch,
            _retry_delay_min=1,
            _retry_delay_max=5,
            _retry_stop_after_attempts_count=60,
            _retry_stop_after_attempts_duration=max(self._patience_seconds, 1),
        )

    def close(self) -> None:
        """Close the session, where one is open. One that is broken is as good as closed."""
        connection, self._open_connection = self._open_connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception as error:
                logger.debug("could not be closed: %s", type(error).__name__)

    @property
    def _connection(self) -> Connection:
        if self._open_connection is None:
            self._open_connection = self.open_connection()
        return self._open_connection
