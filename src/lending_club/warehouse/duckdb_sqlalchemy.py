"""A DuckDB connection for those who want SQLAlchemy. Imported only by a run that checks: SQLAlchemy takes a while."""

from __future__ import annotations

import duckdb
import sqlalchemy
from duckdb_engine import ConnectionWrapper


class _Autocommit(ConnectionWrapper):
    """Each statement is a transaction of its own, so that one that fails does not take the next ones with it."""

    def begin(self) -> None:
        """Begin nothing."""

    def commit(self) -> None:
        """Commit nothing."""

    def rollback(self) -> None:
        """Roll nothing back."""


def engine_on(cursor: duckdb.DuckDBPyConnection) -> sqlalchemy.Engine:
    """An engine whose one connection is this cursor; disposing of it closes the cursor."""
    return sqlalchemy.create_engine("duckdb://", creator=lambda: _Autocommit(cursor), poolclass=sqlalchemy.StaticPool)
