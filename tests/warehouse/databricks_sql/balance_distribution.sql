/* How many accounts have a balance of which size; every size, also one that no account has. The sizes are those of the macro */
/* balance_size. */
SELECT
  CAST(z.at_least AS DECIMAL(18, 2)) AS at_least,
  CAST(z.below AS DECIMAL(18, 2)) AS below,
  CAST(COALESCE(SUM(g.account_count), 0) AS BIGINT) AS account_count,
  CAST(COALESCE(SUM(g.total_balance), 0) AS DECIMAL(38, 2)) AS total_balance,
  CAST(COALESCE(SUM(g.total_annual_interest), 0) AS DECIMAL(38, 2)) AS total_annual_interest
FROM VALUES
  (0, 100),
  (100, 500),
  (500, 1000),
  (1000, 5000),
  (5000, 10000),
  (10000, 50000),
  (50000, 100000),
  (100000, 500000),
  (500000, 1000000),
  (1000000, 5000000),
  (5000000, 10000000),
  (10000000, 50000000),
  (50000000, 100000000),
  (100000000, 1000000000),
  (1000000000, NULL) AS z(at_least, below)
LEFT JOIN `workspace`.`lending_club_staging`.`account_groups` AS g
  ON g.size = z.at_least
GROUP BY
  z.at_least,
  z.below
ORDER BY
  at_least NULLS LAST
