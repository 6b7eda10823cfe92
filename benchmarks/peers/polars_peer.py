"""Polars as a competent user writes it, with the usual floats."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

inputs, output = map(Path, sys.argv[1:])
missing = ["", "null", "n/a", "N/A", "na", "NA", "nan", "NaN", "none", "None"]


def read(name: str) -> pl.LazyFrame:
    """Every value as trimmed text."""
    frame = pl.scan_csv(inputs / name, infer_schema=False, null_values=missing)
    return frame.with_columns(pl.all().str.strip_chars()).with_columns(pl.col("CustomerID").cast(pl.Int64, strict=False))


customers = read("Customer.csv").select("CustomerID", has_loan=pl.col("HasLoan").str.to_lowercase() == "yes")
balance = pl.col("Balance").str.replace_all(r"[$,]", "").cast(pl.Float64, strict=False)
accounts = (
    read("accounts.csv")
    .with_columns(original_balance=balance)
    .filter(pl.col("AccountType").str.to_lowercase() == "savings", pl.col("original_balance") >= 0)
    .drop_nulls(["AccountID", "CustomerID"])
    .unique("AccountID")
)
base = (
    pl.when(pl.col("original_balance") < 10_000).then(0.01).when(pl.col("original_balance") < 20_000).then(0.015).otherwise(0.02)
)
summary = (
    accounts.join(customers.drop_nulls("CustomerID").unique("CustomerID"), on="CustomerID")
    .with_columns(interest_rate=base + pl.when("has_loan").then(0.005).otherwise(0.0))
    .with_columns(annual_interest=(pl.col("original_balance") * pl.col("interest_rate")).round(2))
    .with_columns(new_balance=pl.col("original_balance") + pl.col("annual_interest"))
    .rename({"CustomerID": "customer_id", "AccountID": "account_id"})
    .select("customer_id", "account_id", "original_balance", "interest_rate", "annual_interest", "new_balance")
    .sort("account_id")
    .collect()
)
summary.write_csv(output / "account_summary.csv")
summary.write_parquet(output / "account_summary.parquet")
