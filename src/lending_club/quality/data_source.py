"""A data source of Great Expectations on the warehouse's own connection: no second connection, no copy of a table."""

from __future__ import annotations

import builtins
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ClassVar, Literal

import sqlalchemy
from great_expectations.compatibility import pydantic
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.datasource.fluent.interfaces import DataAsset
from great_expectations.datasource.fluent.sql_datasource import TableAsset
from great_expectations.execution_engine import SqlAlchemyExecutionEngine


class WarehouseExecutionEngine(SqlAlchemyExecutionEngine):
    """Keeps its connection open: results are fetched after ``get_connection`` has returned."""

    kept_connection: sqlalchemy.Connection | None = None

    @contextmanager
    def get_connection(self) -> Generator[sqlalchemy.Connection, None, None]:
        """The one connection."""
        if self.kept_connection is None:
            self.kept_connection = self.engine.connect()
        yield self.kept_connection


class WarehouseTable(TableAsset):
    """A table that the run has just made: nothing to find out before the expectations are."""

    type: Literal["table"] = "table"

    def test_connection(self) -> None:
        """Spare the statement."""


class WarehouseDatasource(SQLDatasource):
    """Registers itself as ``context.data_sources.add_warehouse``; made anew for each check."""

    type: Literal["warehouse"] = "warehouse"
    connection_string: str = "duckdb://"
    asset_types: ClassVar[list[builtins.type[DataAsset]]] = [WarehouseTable]
    assets: list[WarehouseTable] = []  # noqa: RUF012  # a pydantic field
    _TableAsset: builtins.type[TableAsset] = pydantic.PrivateAttr(WarehouseTable)

    @property
    def execution_engine_type(self) -> builtins.type[SqlAlchemyExecutionEngine]:
        """The engine that keeps its connection."""
        return WarehouseExecutionEngine

    def get_engine(self) -> sqlalchemy.Engine:
        """The warehouse's engine."""
        engine: sqlalchemy.Engine = _current.get().engine
        return engine

    def get_execution_engine(self) -> SqlAlchemyExecutionEngine:
        """One execution engine for all tables of a check."""
        return _current.get()


# Great Expectations wants a data source to be described by text, which a live connection is not.
_current: ContextVar[WarehouseExecutionEngine] = ContextVar("_current")


@contextmanager
def connected_to(engine: sqlalchemy.Engine) -> Generator[None, None, None]:
    """Let data sources that are made inside use this engine, and dispose of it in the end."""
    token = _current.set(WarehouseExecutionEngine(engine=engine, create_temp_table=False))
    try:
        yield
    finally:
        _current.reset(token)
        engine.dispose()
