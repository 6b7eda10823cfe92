"""The least that the data contract can cost: its work as one script of plain DuckDB, as fast as it can be made.

It makes all five outputs in all their forms, what the project makes to the byte, and checks nothing. It is simpler where the
inputs of the benchmark allow it: a record is a line that fits the header, white space is the space, no published text starts with
'#', which DuckDB would quote, and the rates are no parameters.
"""

from __future__ import annotations

import sys
from decimal import Decimal, localcontext
from pathlib import Path

import duckdb

inputs, output = map(Path, sys.argv[1:])
connection = duckdb.connect()


def run(sql: str) -> list[tuple]:
    """Run a statement."""
    return connection.execute(sql).fetchall()


def values_of(name: str, columns: str) -> str:
    """The values of a file as text as they came. The table that is made of them has its line numbers in rowid, less 2."""
    types = ", ".join(f"{column}: 'VARCHAR'" for column in columns.split())
    return f"""read_csv('{inputs}/{name}', columns = {{{types}}}, header = true, auto_detect = false, delim = ',', quote = '"',
        escape = '"', comment = '', nullstr = '\n', strict_mode = true)"""


run(f"ATTACH '{output}/lending_club.duckdb' AS published; CREATE SCHEMA published.marts")
run("CREATE MACRO present(v) AS CASE WHEN lower(trim(v)) NOT IN ('', 'null', 'n/a', 'na', 'nan', 'none') THEN trim(v) END")
run("CREATE MACRO customer_id_of(v) AS CASE WHEN regexp_full_match(v, '0*[1-9][0-9]{0,17}') THEN CAST(v AS BIGINT) END")

# Customers. A clean row is kept as what it becomes, from which its text can be made again; of the others the text is kept.
run(f"""
    CREATE TABLE customers_read AS
    SELECT
        is_clean,
        CASE WHEN is_clean THEN CAST(id_text AS BIGINT) END AS customer_id,
        CASE WHEN NOT is_clean THEN id_text END AS id_text,
        name,
        loan_text
    FROM (
        SELECT *, regexp_full_match(id_text, '[1-9][0-9]{{0,17}}') AND regexp_full_match(name, '[!-~][ -~]{{3,}}[!-~]')
            AND NOT contains(name, '  ') AND loan_text IN ('Yes', 'No', 'None', '') AS is_clean
        FROM {values_of("Customer.csv", "id_text name loan_text")}
    )""")
run(r"""
    CREATE TABLE customers_odd AS
    WITH texts AS (
        SELECT rowid + 2 AS line, id_text, name AS name_text, loan_text, present(id_text) AS id_present,
            customer_id_of(present(id_text)) AS customer_id, regexp_replace(present(name), ' +', ' ', 'g') AS name,
            lower(present(loan_text)) AS loan
        FROM customers_read WHERE NOT is_clean
    ), parsed AS (
        SELECT *, CASE WHEN loan IN ('yes', 'y', 'true', 't', '1') THEN TRUE
            WHEN loan IN ('no', 'n', 'false', 'f', '0') THEN FALSE END AS has_loan
        FROM texts
    )
    SELECT *, nullif(concat_ws(',',
        CASE WHEN id_present IS NULL THEN 'missing_customer_id' WHEN customer_id IS NULL THEN 'invalid_customer_id' END,
        CASE WHEN name IS NULL THEN 'missing_name' END,
        CASE WHEN loan IS NOT NULL AND has_loan IS NULL THEN 'invalid_has_loan' END), '') AS reasons
    FROM parsed""")
run("""
    CREATE VIEW customers_valid AS
    SELECT rowid + 2 AS line, customer_id, name, CASE loan_text WHEN 'Yes' THEN TRUE WHEN 'No' THEN FALSE END AS has_loan,
        CAST(customer_id AS VARCHAR) AS id_text, name AS name_text, loan_text
    FROM customers_read WHERE is_clean
    UNION ALL
    SELECT line, customer_id, name, has_loan, id_text, name_text, loan_text FROM customers_odd WHERE reasons IS NULL""")
run("""
    CREATE TABLE customer_reasons AS
    WITH repeated AS (
        SELECT customer_id FROM customers_valid GROUP BY customer_id HAVING count(*) > 1
    ), members AS MATERIALIZED (
        SELECT * FROM customers_valid WHERE customer_id IN (FROM repeated)
    ), duplicates AS (
        SELECT customer_id, min(line) AS first_line, count(DISTINCT (name, has_loan)) > 1 AS is_conflict
        FROM members GROUP BY customer_id
    )
    SELECT line, customer_id, reasons, id_text, name_text, loan_text FROM customers_odd WHERE reasons IS NOT NULL
    UNION ALL
    SELECT line, customer_id, CASE WHEN is_conflict THEN 'conflicting_duplicate' ELSE 'duplicate_row' END,
        id_text, name_text, loan_text
    FROM members JOIN duplicates USING (customer_id) WHERE is_conflict OR line > first_line""")
run("""
    CREATE TABLE customers AS
    SELECT customer_id, name, has_loan FROM customers_valid WHERE line NOT IN (SELECT line FROM customer_reasons)""")

# Accounts, in the same way.
run(f"""
    CREATE TABLE accounts_read AS
    SELECT
        is_clean,
        account_id,
        CASE WHEN is_clean THEN CAST(customer_text AS BIGINT) END AS customer_id,
        CASE WHEN is_clean THEN CAST(balance_text AS DECIMAL(18, 2)) END AS balance,
        CASE WHEN is_clean THEN type_text = 'Savings' END AS is_savings,
        CASE WHEN NOT is_clean THEN customer_text END AS customer_text,
        CASE WHEN NOT is_clean THEN balance_text END AS balance_text,
        CASE WHEN NOT is_clean THEN type_text END AS type_text
    FROM (
        SELECT *, regexp_full_match(account_id, '[!-~]{{5,}}') AND regexp_full_match(customer_text, '[1-9][0-9]{{0,17}}')
            AND regexp_full_match(balance_text, '(0|[1-9][0-9]{{0,12}})[.][0-9][0-9]')
            AND type_text IN ('Savings', 'Checking') AS is_clean
        FROM {values_of("accounts.csv", "account_id customer_text balance_text type_text")}
    )""")
run(r"""
    CREATE TABLE accounts_odd AS
    WITH texts AS (
        SELECT rowid + 2 AS line, account_id AS account_text, customer_text, balance_text, type_text,
            present(account_id) AS account_id, present(customer_text) AS customer_present, present(balance_text) AS number,
            present(type_text) AS type_present, customer_id_of(present(customer_text)) AS customer_id,
            CASE lower(present(type_text)) WHEN 'savings' THEN TRUE WHEN 'checking' THEN FALSE END AS is_savings
        FROM accounts_read WHERE NOT is_clean
    ), numbers AS (
        SELECT *, CASE
            WHEN regexp_full_match(number, '[+-]?[$]?(([0-9]{1,3}(,[0-9]{3})+|[0-9]+)([.][0-9]*)?|[.][0-9]+)')
                THEN regexp_replace(number, '[+$,]', '', 'g') END AS digits
        FROM texts
    ), parsed AS (
        SELECT *, CASE
            WHEN number IS NULL THEN 'missing_balance'
            WHEN digits IS NULL THEN 'invalid_balance'
            WHEN regexp_matches(digits, '[.][0-9][0-9][0-9]*[1-9]') THEN 'balance_precision'
            WHEN regexp_matches(digits, '^-.*[1-9]') THEN 'negative_balance'
            WHEN regexp_matches(digits, '^-?0*[1-9][0-9]{13}') THEN 'balance_out_of_range' END AS balance_reason
        FROM numbers
    )
    SELECT *,
        CASE WHEN balance_reason IS NULL THEN CAST(digits AS DECIMAL(18, 2)) END AS balance,
        CASE WHEN balance_reason IS NOT NULL THEN digits END AS refused_balance,
        nullif(concat_ws(',',
            CASE WHEN account_id IS NULL THEN 'missing_account_id' END,
            CASE WHEN customer_present IS NULL THEN 'missing_customer_id' WHEN customer_id IS NULL THEN 'invalid_customer_id' END,
            balance_reason,
            CASE WHEN type_present IS NULL THEN 'missing_account_type' WHEN is_savings IS NULL THEN 'unknown_account_type' END),
        '') AS reasons
    FROM parsed""")
run("""
    CREATE VIEW accounts_valid AS
    SELECT rowid + 2 AS line, account_id, customer_id, balance, is_savings, account_id AS account_text,
        CAST(customer_id AS VARCHAR) AS customer_text, CAST(balance AS VARCHAR) AS balance_text,
        CASE WHEN is_savings THEN 'Savings' ELSE 'Checking' END AS type_text
    FROM accounts_read WHERE is_clean
    UNION ALL
    SELECT line, account_id, customer_id, balance, is_savings, account_text, customer_text, balance_text, type_text
    FROM accounts_odd WHERE reasons IS NULL""")
run("""
    CREATE TABLE account_reasons AS
    WITH repeated AS ( -- grouping numbers is cheaper than grouping texts; what shares a hash by chance is sorted out below
        SELECT hash(account_id) AS key FROM accounts_valid GROUP BY key HAVING count(*) > 1
    ), members AS MATERIALIZED (
        SELECT * FROM accounts_valid WHERE hash(account_id) IN (FROM repeated)
    ), duplicates AS (
        SELECT account_id, min(line) AS first_line, count(DISTINCT (customer_id, balance, is_savings)) > 1 AS is_conflict
        FROM members GROUP BY account_id HAVING count(*) > 1
    ), refused_duplicates AS MATERIALIZED (
        SELECT m.*, CASE WHEN is_conflict THEN 'conflicting_duplicate' ELSE 'duplicate_row' END AS reasons
        FROM members AS m JOIN duplicates USING (account_id) WHERE is_conflict OR line > first_line
    ), without_customer AS (
        SELECT * FROM accounts_valid WHERE customer_id NOT IN (SELECT customer_id FROM customers)
    )
    SELECT line, reasons, balance, is_savings, TRUE AS is_odd, account_text, customer_text, balance_text, type_text
    FROM accounts_odd WHERE reasons IS NOT NULL
    UNION ALL
    SELECT line, reasons, balance, is_savings, FALSE, account_text, customer_text, balance_text, type_text FROM refused_duplicates
    UNION ALL
    SELECT line, CASE WHEN customer_id IN (SELECT customer_id FROM customer_reasons WHERE customer_id IS NOT NULL)
        THEN 'customer_quarantined' ELSE 'unknown_customer' END, balance, is_savings, FALSE,
        account_text, customer_text, balance_text, type_text
    FROM without_customer WHERE line NOT IN (SELECT line FROM refused_duplicates)""")

# Results.
run("""
    CREATE TABLE published.marts.account_summary AS
    WITH rated AS (
        SELECT customer_id, account_id, balance, CAST(balance * 100 AS BIGINT) AS cents,
            CASE WHEN balance < 10000 THEN 100 WHEN balance < 20000 THEN 150 ELSE 200 END
                + CASE WHEN has_loan THEN 50 ELSE 0 END AS rate
        FROM accounts_valid JOIN customers USING (customer_id)
        WHERE is_savings AND line NOT IN (SELECT line FROM account_reasons WHERE NOT is_odd)
    ), earned AS (
        SELECT *, CAST(
            CAST((cents * rate + 5000) // 10000 AS DECIMAL(16, 0)) * CAST(0.01 AS DECIMAL(2, 2)) AS DECIMAL(18, 2)) AS interest
        FROM rated
    )
    SELECT customer_id, account_id, balance AS original_balance,
        CAST(CAST(rate AS DECIMAL(4, 0)) * CAST(0.0001 AS DECIMAL(4, 4)) AS DECIMAL(5, 4)) AS interest_rate,
        interest AS annual_interest, CAST(balance + interest AS DECIMAL(18, 2)) AS new_balance
    FROM earned ORDER BY account_id""")
run("""
    CREATE TABLE published.marts.customer_profile AS
    WITH totals AS (
        SELECT customer_id, count(*) AS account_count, sum(original_balance) AS total_balance,
            sum(annual_interest) AS total_annual_interest, sum(new_balance) AS total_new_balance
        FROM published.marts.account_summary GROUP BY customer_id
    )
    SELECT customer_id, name, has_loan, account_count, total_balance, total_annual_interest, total_new_balance
    FROM totals JOIN customers USING (customer_id) ORDER BY customer_id""")
run("""
    CREATE TABLE published.marts.quarantine AS
    SELECT 'accounts' AS source, line, string_split(reasons, ',') AS reasons, CAST(to_json({
        'AccountID': account_text, 'CustomerID': customer_text, 'Balance': balance_text, 'AccountType': type_text
    }) AS VARCHAR) AS values_read FROM account_reasons
    UNION ALL
    SELECT 'customers', line, string_split(reasons, ','),
        CAST(to_json({'CustomerID': id_text, 'Name': name_text, 'HasLoan': loan_text}) AS VARCHAR) FROM customer_reasons
    ORDER BY source, line""")
run("""
    CREATE TABLE published.marts.reconciliation_reasons AS
    SELECT source, reason, count(*) AS "rows" FROM (SELECT source, unnest(reasons) AS reason FROM published.marts.quarantine)
    GROUP BY ALL ORDER BY ALL""")

# The reconciliation. A refused balance may have any number of digits, so its sum is Python's.
with localcontext(prec=100_000):
    ((rows_in, customers_in, customers_kept, refused_customers),) = run("""
        SELECT (SELECT count(*) FROM accounts_read), (SELECT count(*) FROM customers_read), (SELECT count(*) FROM customers),
            (SELECT count(*) FROM customer_reasons)""")
    ((published, published_sum),) = run(
        "SELECT count(*), coalesce(sum(original_balance), 0) FROM published.marts.account_summary"
    )
    ((valid_sum, valid_excluded, valid_excluded_sum),) = run("""
        SELECT coalesce(sum(balance), 0), count(*) FILTER (NOT is_savings), coalesce(sum(balance) FILTER (NOT is_savings), 0)
        FROM accounts_valid""")
    ((refused, refused_sum, odd_sum, not_excluded, not_excluded_sum),) = run("""
        SELECT count(*), coalesce(sum(balance), 0), coalesce(sum(balance) FILTER (is_odd), 0),
            count(*) FILTER (NOT is_odd AND NOT is_savings), coalesce(sum(balance) FILTER (NOT is_odd AND NOT is_savings), 0)
        FROM account_reasons""")
    numbers = sum(
        (Decimal(text) for (text,) in run("SELECT refused_balance FROM accounts_odd WHERE refused_balance NOT NULL")), Decimal(0)
    )
    excluded, excluded_sum = valid_excluded - not_excluded, valid_excluded_sum - not_excluded_sum
    balance_in, balance_quarantined = valid_sum + odd_sum + numbers, refused_sum + numbers
    if rows_in != published + excluded + refused or balance_in != published_sum + excluded_sum + balance_quarantined:
        sys.exit("it does not reconcile")

    def text_of(number: Decimal) -> str:
        """A decimal with two decimals, more only where it needs them."""
        whole, _, decimals = f"{number:f}".partition(".")
        return f"{whole}.{decimals.rstrip('0'):0<2}"

    run(f"""
        CREATE TABLE published.marts.reconciliation AS
        SELECT 'accounts' AS source, CAST({rows_in} AS BIGINT) AS rows_in, CAST({published} AS BIGINT) AS rows_published,
            CAST({excluded} AS BIGINT) AS rows_excluded, CAST({refused} AS BIGINT) AS rows_quarantined,
            '{text_of(balance_in)}' AS balance_in, CAST('{published_sum}' AS DECIMAL(38, 2)) AS balance_published,
            CAST('{excluded_sum}' AS DECIMAL(38, 2)) AS balance_excluded, '{text_of(balance_quarantined)}' AS balance_quarantined
        UNION ALL SELECT 'customers', {customers_in}, {customers_kept}, 0, {refused_customers}, NULL, NULL, NULL, NULL""")

for table in ("account_summary", "customer_profile", "quarantine", "reconciliation", "reconciliation_reasons"):
    columns = "* REPLACE (array_to_string(reasons, ',') AS reasons)" if table == "quarantine" else "*"
    run(f"COPY (SELECT {columns} FROM published.marts.{table}) TO '{output}/{table}.csv' (HEADER)")
    if table in ("account_summary", "customer_profile"):
        run(f"COPY published.marts.{table} TO '{output}/{table}.parquet'")
connection.close()
