-- The account summary in few rows, read once: what other models of the report add up further.
WITH sized AS (
  SELECT original_balance, interest_rate, annual_interest, CAST(balance_size(original_balance) AS DECIMAL(18, 2)) AS size
  FROM account_summary
)
SELECT
  t.at_least AS tier,
  s.interest_rate,
  s.size,
  count(*) AS account_count,
  CAST(sum(s.original_balance) AS DECIMAL(30, 2)) AS total_balance,
  CAST(sum(s.annual_interest) AS DECIMAL(30, 2)) AS total_annual_interest
FROM sized AS s
JOIN rate_tiers AS t ON s.original_balance >= t.at_least AND (t.below IS NULL OR s.original_balance < t.below)
GROUP BY t.at_least, s.interest_rate, s.size
