/* The accounts that were published before this run beside those of this run, in groups. No tier then: it was not there; no tier */
/* now: it is gone. Both balances are seen with the tiers of this run. */
WITH then_published AS (
  SELECT
    s.account_id,
    s.original_balance,
    s.annual_interest,
    t.at_least AS tier
  FROM `workspace`.`lending_club_staging`.`account_summary_before` AS s
  JOIN `workspace`.`lending_club_staging`.`rate_tiers` AS t
    ON s.original_balance >= t.at_least
    AND (
      t.below IS NULL OR s.original_balance < t.below
    )
), now_published AS (
  SELECT
    s.account_id,
    s.original_balance,
    s.annual_interest,
    t.at_least AS tier
  FROM `workspace`.`lending_club_staging`.`account_summary` AS s
  JOIN `workspace`.`lending_club_staging`.`rate_tiers` AS t
    ON s.original_balance >= t.at_least
    AND (
      t.below IS NULL OR s.original_balance < t.below
    )
)
SELECT
  b.tier AS tier_then,
  n.tier AS tier_now,
  COALESCE(b.original_balance <> n.original_balance, TRUE) AS is_balance_changed,
  COUNT(*) AS account_count,
  CAST(COALESCE(SUM(b.original_balance), 0) AS DECIMAL(38, 2)) AS balance_then,
  CAST(COALESCE(SUM(n.original_balance), 0) AS DECIMAL(38, 2)) AS balance_now,
  CAST(COALESCE(SUM(b.annual_interest), 0) AS DECIMAL(38, 2)) AS interest_then,
  CAST(COALESCE(SUM(n.annual_interest), 0) AS DECIMAL(38, 2)) AS interest_now
FROM then_published AS b
FULL JOIN now_published AS n
  ON n.account_id = b.account_id
GROUP BY
  b.tier,
  n.tier,
  COALESCE(b.original_balance <> n.original_balance, TRUE)
ORDER BY
  tier_then,
  tier_now NULLS LAST,
  is_balance_changed NULLS LAST
