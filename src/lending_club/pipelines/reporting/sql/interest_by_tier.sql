-- Each tier with its accounts. The unrounded interest of accounts that have the same rate is their balance times the rate, so that
-- no account has to be looked at again.
SELECT
  t.at_least,
  t.below,
  t.rate,
  CAST(coalesce(sum(g.account_count), 0) AS BIGINT) AS account_count,
  CAST(coalesce(sum(g.total_balance), 0) AS DECIMAL(38, 2)) AS total_balance,
  CAST(coalesce(sum(g.total_annual_interest), 0) AS DECIMAL(38, 2)) AS total_annual_interest,
  CAST(coalesce(sum(g.total_balance * g.interest_rate), 0) AS DECIMAL(38, 6)) AS unrounded_interest
FROM rate_tiers AS t
LEFT JOIN account_groups AS g ON g.tier = t.at_least
GROUP BY t.at_least, t.below, t.rate
ORDER BY t.at_least
