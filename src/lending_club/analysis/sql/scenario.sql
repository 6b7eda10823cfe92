-- By tier of the other rates: what is published, and what these rates make of the same accounts.
WITH now_by_tier AS (
  SELECT
    t.at_least,
    count(*) AS account_count,
    sum(s.original_balance) AS balance,
    sum(s.annual_interest) AS interest
  FROM account_summary AS s
  JOIN rate_tiers AS t ON s.original_balance >= t.at_least AND (t.below IS NULL OR s.original_balance < t.below)
  GROUP BY t.at_least
), then_by_tier AS (
  SELECT t.at_least, sum(s.annual_interest) AS interest
  FROM scenario_summary AS s
  JOIN rate_tiers AS t ON s.original_balance >= t.at_least AND (t.below IS NULL OR s.original_balance < t.below)
  GROUP BY t.at_least
), compared AS (
  SELECT
    t.at_least,
    t.below,
    t.rate,
    coalesce(a.account_count, 0) AS account_count,
    CAST(coalesce(a.balance, 0) AS DECIMAL(38, 2)) AS total_balance,
    CAST(coalesce(a.interest, 0) AS DECIMAL(38, 2)) AS interest_now,
    CAST(coalesce(b.interest, 0) AS DECIMAL(38, 2)) AS interest_then
  FROM rate_tiers AS t
  LEFT JOIN now_by_tier AS a ON a.at_least = t.at_least
  LEFT JOIN then_by_tier AS b ON b.at_least = t.at_least
)
SELECT *, CAST(interest_then - interest_now AS DECIMAL(38, 2)) AS difference
FROM compared
ORDER BY at_least
