-- What each eligible account earns in a year. Contract, "The interest".
WITH rated AS (
  SELECT
    a.customer_id,
    a.account_id,
    a.balance AS original_balance,
    CAST(t.rate + CASE WHEN c.has_loan THEN :loan_bonus ELSE 0 END AS DECIMAL(5, 4)) AS interest_rate
  FROM accounts AS a
  JOIN customers AS c ON c.customer_id = a.customer_id
  -- Each balance has its one tier; told that a join on ranges drops rows, DuckDB would expect few and join the rest badly.
  LEFT JOIN rate_tiers AS t ON a.balance >= t.at_least AND (t.below IS NULL OR a.balance < t.below)
  WHERE a.account_type IN (:eligible_account_types)
), earned AS (
  SELECT
    *,
    interest_of(original_balance, interest_rate) AS annual_interest
  FROM rated
)
SELECT
  customer_id,
  account_id,
  original_balance,
  interest_rate,
  annual_interest,
  CAST(original_balance + annual_interest AS DECIMAL(18, 2)) AS new_balance
FROM earned
ORDER BY account_id
