"""Every reason of the contract at least once, in two files that a person can read; and every edge of every tier."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.conftest import run_here, write_inputs
from tests.oracle import expected
from tests.published import assert_published

DIRTY = Path(__file__).parent / "data" / "dirty"
# The contract's reasons by source.
REASONS = {
    "accounts": {
        "malformed_row",
        "missing_account_id",
        "missing_customer_id",
        "invalid_customer_id",
        "missing_balance",
        "invalid_balance",
        "balance_precision",
        "negative_balance",
        "balance_out_of_range",
        "missing_account_type",
        "unknown_account_type",
        "duplicate_row",
        "conflicting_duplicate",
        "unknown_customer",
        "customer_quarantined",
    },
    "customers": {
        "malformed_row",
        "missing_customer_id",
        "invalid_customer_id",
        "missing_name",
        "invalid_has_loan",
        "duplicate_row",
        "conflicting_duplicate",
    },
}


def test_the_dirty_set_has_every_reason(tmp_path: Path) -> None:
    customers, accounts = (DIRTY / "Customer.csv").read_bytes(), (DIRTY / "accounts.csv").read_bytes()
    wanted = expected(customers, accounts)
    found = {source: {reason for of, reason, _ in wanted.reconciliation_reasons if of == source} for source in REASONS}
    assert found == REASONS
    write_inputs(tmp_path, customers, accounts)
    run_here(tmp_path, quality={"max_quarantined_share": 1})
    assert_published(tmp_path, wanted)


@pytest.mark.parametrize(
    ("balance", "rate", "interest"),
    [
        ("0", "0.0100", "0.00"),
        ("0.49", "0.0100", "0.00"),
        ("0.50", "0.0100", "0.01"),
        ("9999.99", "0.0100", "100.00"),
        ("10000.00", "0.0150", "150.00"),
        ("10000.33", "0.0150", "150.00"),
        ("10000.34", "0.0150", "150.01"),
        ("19999.99", "0.0150", "300.00"),
        ("20000.00", "0.0200", "400.00"),
        ("9999999999999.99", "0.0200", "200000000000.00"),
    ],
)
@pytest.mark.parametrize("loan", ["Yes", "No", ""])
def test_the_edges_of_the_tiers(tmp_path: Path, balance: str, rate: str, interest: str, loan: str) -> None:
    customers = f"CustomerID,Name,HasLoan\n1,Ada,{loan}\n".encode()
    accounts = f"AccountID,CustomerID,Balance,AccountType\nA,1,{balance},Savings\n".encode()
    wanted = expected(customers, accounts)
    ((_, _, _, wanted_rate, wanted_interest, _),) = wanted.account_summary
    if loan == "Yes":
        assert wanted_rate == Decimal(rate) + Decimal("0.0050")
    else:
        assert (wanted_rate, wanted_interest) == (Decimal(rate), Decimal(interest)), "by hand, and by the oracle"
    write_inputs(tmp_path, customers, accounts)
    run_here(tmp_path)
    assert_published(tmp_path, wanted)


def test_balances_of_any_length_are_summed_exactly(tmp_path: Path) -> None:
    """Three numbers of a hundred thousand digits: cut up in a careless way they would fill the memory."""
    customers = b"CustomerID,Name,HasLoan\n1,Ada,Yes\n"
    digits = "1234567890" * 10_000
    accounts = (
        f"AccountID,CustomerID,Balance,AccountType\nA,1,{digits}.5,Savings\nB,1,-{digits},Savings\nC,1,0.{digits},Savings\n"
    )
    write_inputs(tmp_path, customers, accounts.encode())
    run_here(tmp_path, quality={"max_quarantined_share": 1})
    assert_published(tmp_path, expected(customers, accounts.encode()))
