"""Running the notebook as a person would, from top to bottom in a fresh kernel."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT, run_environment
from tests.oracle import Expected

NOTEBOOK = PROJECT / "notebooks" / "explore.ipynb"
# Put behind the notebook's own cells: what its variables hold in the end, exactly.
_TELL = """
import json
frames = {"largest": largest, "by_rate": by_rate, "by_tier": by_tier}
told = {name: [list(map(str, row)) for row in frame.iter_rows()] for name, frame in frames.items()}
told["refused"] = refused.astype(str).values.tolist()
told["types"] = {name: str(kind) for name, kind in accounts.to_pandas(limit=1).dtypes.items()}
print(json.dumps(told))
"""


def executed(data: Path, **extra: str) -> tuple[dict[str, Any], str, list[list[str]]]:
    """What the notebook's variables hold, what it printed, and the values of each bar that it drew, as text."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(_TELL))
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    client.execute(env=run_environment(data, **extra))
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    printed = [output.text for output in outputs if output.output_type == "stream" and output.name == "stdout"]
    plots = [output.data["application/vnd.plotly.v1+json"] for output in outputs if "application/vnd.plotly" in str(output)]
    return json.loads(printed[-1]), printed[-2], [bars["y"] for plot in plots for bars in plot["data"]]


def assert_explored(found: tuple[dict[str, Any], str, list[list[str]]], wanted: Expected) -> None:
    """Compare what the notebook shows with what the oracle expects, to the cent."""
    held, printed, drawn = found
    ordered = sorted(wanted.account_summary, key=lambda row: (-row[2], row[1]))
    assert held["largest"] == [list(map(str, row)) for row in ordered[:5]]
    rates = sorted({row[3] for row in ordered})
    by_rate = [[row for row in ordered if row[3] == rate] for rate in rates]
    assert held["by_rate"] == [
        [str(rate), str(len(rows)), str(sum(row[2] for row in rows)), str(sum(row[4] for row in rows))]
        for rate, rows in zip(rates, by_rate, strict=True)
    ]
    invalid = [row for row in wanted.quarantine if "invalid_balance" in row[2]]
    assert [row[:2] for row in held["refused"]] == [[source, str(line)] for source, line, *_ in invalid]
    assert held["types"]["original_balance"] == "decimal128(18, 2)[pyarrow]"

    tiers = [(Decimal("0.00"), Decimal("10000.00")), (Decimal("10000.00"), Decimal("20000.00")), (Decimal("20000.00"), None)]
    base = {tier[0]: Decimal(rate) for tier, rate in zip(tiers, ["0.0125", "0.0175", "0.0225"], strict=True)}
    by_tier: list[list[Any]] = []
    for at_least, below in tiers:
        rows = [row for row in ordered if row[2] >= at_least and (below is None or row[2] < below)]
        now = sum((row[4] for row in rows), Decimal("0.00"))
        then = sum((_cents(row[2] * (row[3] + Decimal("0.0025"))) for row in rows), Decimal("0.00"))
        balance = sum((row[2] for row in rows), Decimal("0.00"))
        by_tier.append([at_least, below, base[at_least], len(rows), balance, now, then, then - now])
    assert held["by_tier"] == [list(map(str, row)) for row in by_tier]
    now, then = (sum(row[column] for row in by_tier) for column in (5, 6))
    assert printed == f"25 basis points more cost {then - now:,} a year: {then:,} instead of {now:,}.\n"
    assert drawn == [
        [row[3] for row in held["by_rate"]],
        [str(row[5]) for row in by_tier],
        [str(row[6]) for row in by_tier],
    ]


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
