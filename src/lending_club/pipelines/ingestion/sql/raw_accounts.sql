-- Each record of accounts.csv, every value as it came. An id or a balance that is a plain number is kept as that number, and as
-- text, too, where the number is not written so. `is_clean` says that no value needs cleaning: each is already what it becomes.
WITH seen AS (
  SELECT *, is_written_customer_id(customer_id) AS is_written_id, is_written_balance(balance) AS is_written_balance
  FROM accounts_csv
), judged AS (
  SELECT
    *,
    CASE WHEN is_written_id THEN TRUE ELSE coalesce(is_customer_id(customer_id), FALSE) END AS is_id,
    CASE WHEN is_written_balance THEN TRUE ELSE coalesce(is_balance(balance), FALSE) END AS is_number
  FROM seen
)
SELECT
  line,
  malformed,
  is_id AND is_number AND coalesce(is_tidy_id(account_id) AND account_type IN ('Savings', 'Checking'), FALSE) AS is_clean,
  account_id,
  CASE WHEN is_id THEN CAST(customer_id AS BIGINT) END AS customer_id,
  CASE WHEN NOT is_written_id THEN customer_id END AS customer_text,
  CASE WHEN is_number THEN CAST(balance AS DECIMAL(18, 2)) END AS balance,
  CASE WHEN NOT is_written_balance THEN balance END AS balance_text,
  account_type
FROM judged
