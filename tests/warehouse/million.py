"""A million accounts through the whole job on Databricks and on DuckDB: the same bytes. Part of ``make test-thorough``."""

from __future__ import annotations

import resource
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import kedro_run, write_inputs
from tests.databricks import reader
from tests.warehouse.server_process import ServerProcess
from tests.warehouse.test_databricks_run import prod_run

ACCOUNTS, CUSTOMERS = 1_000_000, 500_000


def made_inputs() -> tuple[bytes, bytes]:
    """Two files of which about every thousandth row is to be quarantined."""
    customers = [f"{n},Name {n},{('Yes', 'No', '', 'maybe')[3 if n % 1009 == 0 else n % 3]}" for n in range(1, CUSTOMERS + 1)]
    cents = [n * 104_729 % 5_000_000 for n in range(ACCOUNTS)]
    balances = [f"{each // 100}.{each % 100:02}" if n % 1013 else "x" for n, each in enumerate(cents)]
    accounts = [
        f"ACC{n:08},{1 + n * 7919 % CUSTOMERS},{balance},{'Checking' if n % 5 == 0 else 'Savings'}"
        for n, balance in enumerate(balances)
    ]
    header = "CustomerID,Name,HasLoan\n", "AccountID,CustomerID,Balance,AccountType\n"
    return (header[0] + "\n".join(customers)).encode(), (header[1] + "\n".join(accounts)).encode()


@pytest.mark.usefixtures("logged_in")
def test_a_million_accounts(warehouse: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here, there = tmp_path / "duckdb", tmp_path / "databricks"
    for data in (here, there):
        write_inputs(data, *made_inputs())

    def timed(done: subprocess.CompletedProcess[str], started: float, used: float) -> str:
        assert done.returncode == 0, done.stderr
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return f"{time.monotonic() - started:.1f} s, {usage.ru_utime + usage.ru_stime - used:.1f} s of CPU of the client"

    told = []
    for run, data in ((kedro_run, here), (prod_run, there)):
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        told.append(timed(run(data), started, usage.ru_utime + usage.ru_stime))
    for path in (here / "08_reporting").glob("*.csv"):
        assert path.read_bytes() == (there / "08_reporting" / path.name).read_bytes(), path.name
    with reader() as reading:
        ((rows, quarantined),) = reading.execute(
            "SELECT rows_in, rows_quarantined FROM workspace.default.reconciliation WHERE source = 'accounts'"
        )
    assert rows == ACCOUNTS
    assert quarantined > ACCOUNTS // 1013
    with capsys.disabled():
        print(f"\n{ACCOUNTS:,} accounts: DuckDB {told[0]}; Databricks {told[1]}")
