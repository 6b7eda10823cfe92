/* Each tier with its accounts. The unrounded interest of accounts that have the same rate is their balance times the rate, so that */
/* no account has to be looked at again. */
SELECT
  t.at_least,
  t.below,
  t.rate,
  CAST(COALESCE(SUM(g.account_count), 0) AS BIGINT) AS account_count,
  CAST(COALESCE(SUM(g.total_balance), 0) AS DECIMAL(38, 2)) AS total_balance,
  CAST(COALESCE(SUM(g.total_annual_interest), 0) AS DECIMAL(38, 2)) AS total_annual_interest,
  CAST(COALESCE(SUM(g.total_balance * g.interest_rate), 0) AS DECIMAL(38, 6)) AS unrounded_interest
FROM `workspace`.`lending_club_staging`.`rate_tiers` AS t
LEFT JOIN `workspace`.`lending_club_staging`.`account_groups` AS g
  ON g.tier = t.at_least
GROUP BY
  t.at_least,
  t.below,
  t.rate
ORDER BY
  t.at_least NULLS LAST
