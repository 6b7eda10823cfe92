-- The records of accounts.csv that need cleaning, read value by value. `reasons` are those of the contract's value table, in the
-- order of the file's columns. `refused_balance` is a balance that is a number but not a valid one: sign, whole digits, '.', decimals.
WITH texts AS (
  SELECT
    line,
    malformed,
    present(trimmed(account_id)) AS account_id,
    present(trimmed(coalesce(customer_text, CAST(customer_id AS VARCHAR)))) AS customer_text,
    present(trimmed(coalesce(balance_text, CAST(balance AS VARCHAR)))) AS balance_text,
    present(trimmed(account_type)) AS type_text
  FROM raw_accounts
  WHERE NOT is_clean
), digits AS (
  SELECT
    *,
    CASE WHEN is_number(balance_text) THEN whole_digits(balance_text) END AS whole,
    CASE WHEN is_number(balance_text) THEN decimal_digits(balance_text) END AS decimals
  FROM texts
), parsed AS (
  SELECT
    *,
    CASE WHEN is_customer_id(customer_text) THEN CAST(customer_text AS BIGINT) END AS customer_id,
    CASE word(type_text) WHEN 'savings' THEN 'Savings' WHEN 'checking' THEN 'Checking' END AS account_type,
    CASE
      WHEN balance_text IS NULL THEN 'missing_balance'
      WHEN whole IS NULL THEN 'invalid_balance'
      WHEN length(decimals) > 2 THEN 'balance_precision'
      WHEN starts_with(balance_text, '-') AND concat(whole, decimals) <> '' THEN 'negative_balance'
      WHEN length(whole) > 13 THEN 'balance_out_of_range'
    END AS balance_reason
  FROM digits
)
SELECT
  line,
  account_id,
  customer_id,
  CASE WHEN balance_reason IS NULL THEN CAST(concat('0', whole, '.', decimals, '0') AS DECIMAL(18, 2)) END AS balance,
  CASE
    WHEN balance_reason IS NOT NULL AND whole IS NOT NULL
      THEN concat(CASE WHEN starts_with(balance_text, '-') THEN '-' ELSE '' END, whole, '.', decimals)
  END AS refused_balance,
  account_type,
  CASE
    WHEN malformed IS NOT NULL THEN 'malformed_row'
    ELSE nullif(concat_ws(
      ',',
      CASE WHEN account_id IS NULL THEN 'missing_account_id' END,
      CASE WHEN customer_text IS NULL THEN 'missing_customer_id' WHEN customer_id IS NULL THEN 'invalid_customer_id' END,
      balance_reason,
      CASE WHEN type_text IS NULL THEN 'missing_account_type' WHEN account_type IS NULL THEN 'unknown_account_type' END
    ), '')
  END AS reasons
FROM parsed
