"""The expectation that most suites are made of."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.expectations import UnexpectedRowsExpectation

# Besides its own columns, the query gives the number of all its rows, of which it gives a few.
ROW_COUNT = "all_unexpected_rows"


class ExpectNoRows(UnexpectedRowsExpectation):
    """``UnexpectedRowsExpectation`` whose query runs once; there it runs a second time to be counted, which takes as long."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.table",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        found = [dict(row) for row in metrics["unexpected_rows_query.table"]]
        counts = [row.pop(ROW_COUNT) for row in found]
        # As text, because Great Expectations would store a decimal as a binary number.
        rows = [{column: None if value is None else str(value) for column, value in row.items()} for row in found]
        details = {"unexpected_rows": rows}
        return {"success": not rows, "result": {"observed_value": counts[0] if counts else 0, "details": details}}
