"""Rows for a person: Arrow tables and data frames, decimals kept, and never a hundred million rows by accident."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lending_club.errors import QueryError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow
    from sqlglot import exp

    from lending_club.warehouse.base import Warehouse

# More rows than this have to be asked for.
MAX_ROWS = 1_000_000


@dataclass(frozen=True)
class Query:
    """A question to a warehouse, which is put to it when its rows are asked for, each time anew.

    Attributes:
        warehouse: Who answers.
        query: The question, in DuckDB's dialect, names and parameters bound.
    """

    warehouse: Warehouse
    query: exp.Query

    def to_arrow(self) -> pyarrow.Table:
        """The rows as an Arrow table; DECIMAL is ``decimal128``.

        Raises:
            QueryError: There are more than a million, and the query has no LIMIT of its own.
            WarehouseBusyError: A run is writing to the database.
            WarehouseError: The warehouse refused the query.
        """
        if self.query.args.get("limit"):
            return self.warehouse.arrow(self.query)
        rows = self.warehouse.arrow(self.query.limit(MAX_ROWS + 1))
        if rows.num_rows > MAX_ROWS:
            raise QueryError(
                f"These are more than {MAX_ROWS:,} rows. Ask the engine for fewer, with a condition, columns or totals; or say"
                " how many you want with limit= or LIMIT. All rows of a table are in its Parquet file, which polars.scan_parquet"
                " reads bit by bit."
            )
        return rows

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a pandas data frame on Arrow's types: DECIMAL stays exact, NULL is ``NA``. Raises as ``to_arrow``."""
        import pandas

        return self.to_arrow().to_pandas(types_mapper=pandas.ArrowDtype)

    def to_polars(self) -> polars.DataFrame:
        """The rows as a polars data frame; DECIMAL is ``Decimal``. Raises as ``to_arrow``."""
        import polars

        return polars.DataFrame(self.to_arrow())


class Readable(ABC):
    """What can be loaded as a data frame: a table, or an output that is one."""

    @abstractmethod
    def query(self, where: str | None = None, columns: Sequence[str] = (), limit: int | None = None) -> Query:
        """Some of the rows; the engine looks for them.

        Args:
            where: A condition in DuckDB's SQL, such as ``list_contains(reasons, 'invalid_balance')``.
            columns: Which columns, all by default.
            limit: At most how many rows. Without it more than a million are refused.

        Raises:
            QueryError: The condition is not SQL.
        """

    def to_arrow(self, where: str | None = None, columns: Sequence[str] = (), limit: int | None = None) -> pyarrow.Table:
        """See ``query`` and ``Query.to_arrow``."""
        return self.query(where, columns, limit).to_arrow()

    def to_pandas(self, where: str | None = None, columns: Sequence[str] = (), limit: int | None = None) -> pandas.DataFrame:
        """See ``query`` and ``Query.to_pandas``."""
        return self.query(where, columns, limit).to_pandas()

    def to_polars(self, where: str | None = None, columns: Sequence[str] = (), limit: int | None = None) -> polars.DataFrame:
        """See ``query`` and ``Query.to_polars``."""
        return self.query(where, columns, limit).to_polars()
