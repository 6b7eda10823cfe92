/* The account summary in few rows, read once: what other models of the report add up further. */
WITH sized AS (
  SELECT
    original_balance,
    interest_rate,
    annual_interest,
    CAST((
      CASE
        WHEN original_balance < 100
        THEN 0
        WHEN original_balance < 500
        THEN 100
        WHEN original_balance < 1000
        THEN 500
        WHEN original_balance < 5000
        THEN 1000
        WHEN original_balance < 10000
        THEN 5000
        WHEN original_balance < 50000
        THEN 10000
        WHEN original_balance < 100000
        THEN 50000
        WHEN original_balance < 500000
        THEN 100000
        WHEN original_balance < 1000000
        THEN 500000
        WHEN original_balance < 5000000
        THEN 1000000
        WHEN original_balance < 10000000
        THEN 5000000
        WHEN original_balance < 50000000
        THEN 10000000
        WHEN original_balance < 100000000
        THEN 50000000
        WHEN original_balance < 1000000000
        THEN 100000000
        ELSE 1000000000
      END
    ) AS DECIMAL(18, 2)) AS size
  FROM `workspace`.`lending_club_staging`.`account_summary` AS account_summary
)
SELECT
  t.at_least AS tier,
  s.interest_rate,
  s.size,
  COUNT(*) AS account_count,
  CAST(SUM(s.original_balance) AS DECIMAL(30, 2)) AS total_balance,
  CAST(SUM(s.annual_interest) AS DECIMAL(30, 2)) AS total_annual_interest
FROM sized AS s
JOIN `workspace`.`lending_club_staging`.`rate_tiers` AS t
  ON s.original_balance >= t.at_least
  AND (
    t.below IS NULL OR s.original_balance < t.below
  )
GROUP BY
  t.at_least,
  s.interest_rate,
  s.size
