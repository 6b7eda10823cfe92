/* What each eligible account earns in a year. Contract, "The interest". */
WITH rated AS (
  SELECT
    a.customer_id,
    a.account_id,
    a.balance AS original_balance,
    CAST(t.rate + CASE WHEN c.has_loan THEN CAST('0.0050' AS DECIMAL(18, 4)) ELSE 0 END AS DECIMAL(5, 4)) AS interest_rate
  FROM `workspace`.`lending_club_staging`.`accounts` AS a
  JOIN `workspace`.`lending_club_staging`.`customers` AS c
    ON c.customer_id = a.customer_id
  /* Each balance has its one tier; told that a join on ranges drops rows, DuckDB would expect few and join the rest badly. */
  LEFT JOIN `workspace`.`lending_club_staging`.`rate_tiers` AS t
    ON a.balance >= t.at_least AND (
      t.below IS NULL OR a.balance < t.below
    )
  WHERE
    a.account_type IN ('Savings')
), earned AS (
  SELECT
    *,
    (
      CAST(ROUND(
        CASE
          WHEN original_balance < 100000000000
          THEN original_balance * interest_rate
          ELSE CAST(original_balance AS DECIMAL(20, 2)) * interest_rate
        END,
        2
      ) AS DECIMAL(18, 2))
    ) AS annual_interest
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
ORDER BY
  account_id NULLS LAST
