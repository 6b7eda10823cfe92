-- Each record of accounts.csv, cleaned, and the reasons for which it is refused, if any.
SELECT
  line,
  account_id,
  customer_id,
  balance,
  CAST(NULL AS VARCHAR) AS refused_balance,
  account_type,
  CAST(NULL AS VARCHAR) AS reasons
FROM raw_accounts
WHERE is_clean
UNION ALL
SELECT line, account_id, customer_id, balance, refused_balance, account_type, reasons
FROM dirty_accounts
