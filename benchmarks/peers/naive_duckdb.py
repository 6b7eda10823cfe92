"""DuckDB as one writes it in ten minutes: read, clean a little, join, work out, write."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

inputs, output = map(Path, sys.argv[1:])
connection = duckdb.connect()
connection.execute(f"""
    CREATE TABLE account_summary AS
    WITH customers AS (
        SELECT TRY_CAST(trim(CustomerID) AS BIGINT) AS customer_id, lower(trim(HasLoan)) = 'yes' AS has_loan
        FROM (SELECT DISTINCT * FROM read_csv('{inputs}/Customer.csv', all_varchar = true))
    ), accounts AS (
        SELECT trim(AccountID) AS account_id, TRY_CAST(trim(CustomerID) AS BIGINT) AS customer_id,
            TRY_CAST(replace(replace(trim(Balance), ',', ''), '$', '') AS DECIMAL(18, 2)) AS balance
        FROM (SELECT DISTINCT * FROM read_csv('{inputs}/accounts.csv', all_varchar = true))
        WHERE lower(trim(AccountType)) = 'savings'
    ), rated AS (
        SELECT a.customer_id, a.account_id, a.balance AS original_balance,
            CAST(CASE WHEN balance < 10000 THEN 0.01 WHEN balance < 20000 THEN 0.015 ELSE 0.02 END
                + CASE WHEN has_loan THEN 0.005 ELSE 0 END AS DECIMAL(5, 4)) AS interest_rate
        FROM accounts AS a JOIN customers AS c ON c.customer_id = a.customer_id
        WHERE a.balance >= 0 AND a.account_id IS NOT NULL
    )
    SELECT *, CAST(round(original_balance * interest_rate, 2) AS DECIMAL(18, 2)) AS annual_interest,
        original_balance + annual_interest AS new_balance
    FROM rated ORDER BY account_id""")
connection.execute(f"COPY account_summary TO '{output}/account_summary.csv' (HEADER)")
connection.execute(f"COPY account_summary TO '{output}/account_summary.parquet'")
