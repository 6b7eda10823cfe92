"""Pandas as a competent user writes it, with the usual floats."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

inputs, output = map(Path, sys.argv[1:])


def read(name: str) -> pd.DataFrame:
    """Every value as trimmed text, the customer's id as a number."""
    frame = pd.read_csv(inputs / name, dtype=str).apply(lambda column: column.str.strip())
    return frame.assign(CustomerID=pd.to_numeric(frame["CustomerID"], errors="coerce")).dropna(subset="CustomerID")


customers = read("Customer.csv").drop_duplicates("CustomerID")
customers["has_loan"] = customers["HasLoan"].str.lower() == "yes"
accounts = read("accounts.csv")
accounts["original_balance"] = pd.to_numeric(accounts["Balance"].str.replace(r"[$,]", "", regex=True), errors="coerce")
is_eligible = (accounts["AccountType"].str.lower() == "savings") & (accounts["original_balance"] >= 0)
accounts = accounts[is_eligible].dropna(subset="AccountID").drop_duplicates("AccountID")
summary = accounts.merge(customers[["CustomerID", "has_loan"]], on="CustomerID").sort_values("AccountID")
balance = summary["original_balance"]
summary["interest_rate"] = np.select([balance < 10_000, balance < 20_000], [0.01, 0.015], 0.02) + summary["has_loan"] * 0.005
summary["annual_interest"] = (balance * summary["interest_rate"]).round(2)
summary["new_balance"] = balance + summary["annual_interest"]
summary = summary.rename(columns={"CustomerID": "customer_id", "AccountID": "account_id"}).astype({"customer_id": "int64"})
summary = summary[["customer_id", "account_id", "original_balance", "interest_rate", "annual_interest", "new_balance"]]
summary.to_csv(output / "account_summary.csv", index=False)
summary.to_parquet(output / "account_summary.parquet", index=False)
