-- The accounts that were published before this run beside those of this run, in groups. No tier then: it was not there; no tier
-- now: it is gone. Both balances are seen with the tiers of this run.
WITH then_published AS (
  SELECT s.account_id, s.original_balance, s.annual_interest, t.at_least AS tier
  FROM account_summary_before AS s
  JOIN rate_tiers AS t ON s.original_balance >= t.at_least AND (t.below IS NULL OR s.original_balance < t.below)
), now_published AS (
  SELECT s.account_id, s.original_balance, s.annual_interest, t.at_least AS tier
  FROM account_summary AS s
  JOIN rate_tiers AS t ON s.original_balance >= t.at_least AND (t.below IS NULL OR s.original_balance < t.below)
)
SELECT
  b.tier AS tier_then,
  n.tier AS tier_now,
  coalesce(b.original_balance <> n.original_balance, TRUE) AS is_balance_changed,
  count(*) AS account_count,
  CAST(coalesce(sum(b.original_balance), 0) AS DECIMAL(38, 2)) AS balance_then,
  CAST(coalesce(sum(n.original_balance), 0) AS DECIMAL(38, 2)) AS balance_now,
  CAST(coalesce(sum(b.annual_interest), 0) AS DECIMAL(38, 2)) AS interest_then,
  CAST(coalesce(sum(n.annual_interest), 0) AS DECIMAL(38, 2)) AS interest_now
FROM then_published AS b
FULL JOIN now_published AS n ON n.account_id = b.account_id
GROUP BY b.tier, n.tier, coalesce(b.original_balance <> n.original_balance, TRUE)
ORDER BY tier_then NULLS FIRST, tier_now NULLS LAST, is_balance_changed
