"""Makes the files to work on: seeded, so the same on every machine, and streamed, so of any size.

A hundredth of the rows is dirty. Balances are lognormal-like and made of integers: a mantissa of ten bits times a power of two
whose exponent is the number of ones in 24 random bits, so nearly normal.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

SEED = 20261101
_FIRST_NAMES = "Amara Benoît Chiara Daniel Emma Farah George Hana Ivan Jonas Kofi Laura Mina Nadia Oscar Paula".split()
_LAST_NAMES = "Okafor Smith Conti Novak Jones Haddad Garcia Suzuki Petrov Lindqvist Brown Rossi Yıldız Miller Singh Lopez".split()


def customer_count(accounts: int) -> int:
    """How many customers so many accounts have."""
    return max(accounts // 2, 5)


def make_inputs(directory: Path, accounts: int) -> Path:
    """The directory with ``Customer.csv`` and ``accounts.csv`` for so many accounts, made unless it is there already."""
    made = directory / f"inputs-{SEED}-{accounts}"
    if not made.is_dir():
        unfinished = directory / f".unfinished-{made.name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        with duckdb.connect(config={"temp_directory": str(unfinished / ".tmp")}) as connection:
            connection.execute(_RANDOM)
            _write(connection, unfinished / "Customer.csv", "CustomerID,Name,HasLoan", _customers(customer_count(accounts)))
            _write(connection, unfinished / "accounts.csv", "AccountID,CustomerID,Balance,AccountType", _accounts(accounts))
        unfinished.rename(made)
    return made


# 60 bits that depend on a number, a purpose and the seed; DuckDB's own hash() may change with its version.
_RANDOM = f"CREATE MACRO random_bits(n, purpose) AS CAST(concat('0x', md5(concat(n, purpose, {SEED}))[1:15]) AS BIGINT)"


def _write(connection: duckdb.DuckDBPyConnection, path: Path, header: str, lines: str) -> None:
    options = "FORMAT csv, HEADER, QUOTE '', ESCAPE '', DELIMITER '\t'"  # the lines come whole
    connection.execute(f"""COPY (SELECT line AS "{header}" FROM ({lines})) TO '{path}' ({options})""")


def _customers(count: int) -> str:
    return f"""
        WITH drawn AS (
            SELECT n, random_bits(n, 'customer') AS bits FROM range(1, {count + 1}) AS t(n)
        ), kinds AS (
            -- a duplicate repeats the row before it
            SELECT CASE WHEN bits % 10000 < 10 AND n > 1 THEN n - 1 ELSE n END AS n, bits, bits % 10000 AS dirt FROM drawn
        ), drawn_values AS (
            SELECT
                dirt, 1000 + n AS id, random_bits(n, 'name') AS bits
            FROM kinds
        ), texts AS (
            SELECT
                dirt, id,
                concat({_FIRST_NAMES}[1 + bits % 16], ' ', {_LAST_NAMES}[1 + (bits >> 4) % 16]) AS name,
                ['Yes', 'No', '', 'None', 'No', 'Yes', 'No', 'No'][1 + (bits >> 8) % 8] AS loan
            FROM drawn_values
        )
        SELECT concat_ws(',',
            CASE
                WHEN dirt BETWEEN 10 AND 14 THEN ''
                WHEN dirt BETWEEN 15 AND 19 THEN concat('C', id)
                WHEN dirt BETWEEN 20 AND 24 THEN concat('00', id)
                ELSE CAST(id AS VARCHAR)
            END,
            CASE
                WHEN dirt BETWEEN 5 AND 9 THEN concat(name, ' II') -- a duplicate that conflicts
                WHEN dirt BETWEEN 25 AND 29 THEN 'n/a'
                WHEN dirt BETWEEN 30 AND 49 THEN concat('  ', name, ' ')
                WHEN dirt BETWEEN 50 AND 69 THEN replace(name, ' ', '  ')
                WHEN dirt BETWEEN 70 AND 89 THEN concat('"', replace(name, ' ', ', '), '"')
                ELSE name
            END,
            CASE WHEN dirt BETWEEN 90 AND 99 THEN 'maybe' ELSE loan END) AS line
        FROM texts"""


def _accounts(count: int) -> str:
    customers = customer_count(count)
    return f"""
        WITH drawn AS (
            SELECT n, random_bits(n, 'account') AS bits FROM range({count}) AS t(n)
        ), kinds AS (
            SELECT CASE WHEN bits % 10000 < 10 AND n > 0 THEN n - 1 ELSE n END AS n, bits % 10000 AS dirt FROM drawn
        ), drawn_values AS (
            SELECT n, dirt, random_bits(n, 'owner') AS owner, random_bits(n, 'balance') AS bits FROM kinds
        ), numbers AS (
            SELECT
                dirt,
                (n * 7919 + 17) % {count} AS number, -- a file is not in the order of the result
                1001 + owner % {customers} AS customer,
                bits % 5 > 0 AS is_savings,
                ((1024 + (bits >> 8) % 1024) << (7 + bit_count((bits >> 20) & 16777215))) >> 10 AS cents
            FROM drawn_values
        ), texts AS (
            SELECT
                *,
                concat(CASE WHEN is_savings THEN 'SA-' ELSE 'CH-' END, lpad(CAST(number AS VARCHAR), 9, '0')) AS account,
                concat(cents // 100, '.', lpad(CAST(cents % 100 AS VARCHAR), 2, '0')) AS balance,
                CASE WHEN is_savings THEN 'Savings' ELSE 'Checking' END AS type
            FROM numbers
        )
        SELECT concat_ws(',',
            CASE
                WHEN dirt BETWEEN 10 AND 12 THEN 'null'
                WHEN dirt BETWEEN 13 AND 24 THEN concat(' ', account, '  ')
                WHEN dirt BETWEEN 25 AND 27 THEN concat('"', account, '"')
                ELSE account
            END,
            CASE
                WHEN dirt BETWEEN 30 AND 37 THEN CAST(customer + {customers} + 1000 AS VARCHAR) -- unknown
                WHEN dirt BETWEEN 11 AND 12 OR dirt BETWEEN 38 AND 40 THEN ''
                WHEN dirt BETWEEN 41 AND 43 THEN concat('C', customer)
                WHEN dirt BETWEEN 44 AND 46 THEN concat('000', customer)
                ELSE CAST(customer AS VARCHAR)
            END,
            CASE
                WHEN dirt BETWEEN 5 AND 9 THEN concat('1', balance) -- a duplicate that conflicts
                WHEN dirt = 12 OR dirt BETWEEN 47 AND 51 THEN ['ABC', '1e5', '"12,34"', '1.2.3', '.'][1 + number % 5]
                WHEN dirt BETWEEN 52 AND 56 THEN ['', 'N/A', 'none', ' '][1 + number % 4]
                WHEN dirt BETWEEN 57 AND 62 THEN concat('-', balance)
                WHEN dirt BETWEEN 63 AND 67 THEN concat(balance, '5')
                WHEN dirt = 68 THEN concat('98765432109876543210', balance)
                WHEN dirt BETWEEN 70 AND 74 THEN concat('$', balance)
                WHEN dirt BETWEEN 75 AND 79 THEN concat('"', format('{{:,}}', cents // 100), '.50"')
                WHEN dirt BETWEEN 80 AND 84 THEN concat('+', cents // 100, '.5')
                ELSE balance
            END,
            CASE
                WHEN dirt BETWEEN 85 AND 89 THEN concat(upper(type), ' ')
                WHEN dirt BETWEEN 90 AND 93 THEN 'Loan'
                WHEN dirt BETWEEN 94 AND 96 THEN ''
                ELSE type
            END) AS line
        FROM texts"""
