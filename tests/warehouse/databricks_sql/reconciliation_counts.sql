/* What came in and what became of it, each counted where it ended up. Sums are of the balances that fit DECIMAL(18, 2); */
/* the other numbers are in refused_balances. */
WITH excluded AS (
  SELECT
    COUNT(*) AS row_count,
    SUM(balance) AS balance
  FROM `workspace`.`lending_club_staging`.`accounts` AS accounts
  WHERE
    NOT account_type IN ('Savings')
), published AS (
  SELECT
    COUNT(*) AS row_count,
    SUM(original_balance) AS balance
  FROM `workspace`.`lending_club_staging`.`account_summary` AS account_summary
), quarantined AS (
  SELECT
    COUNT(*) AS row_count,
    SUM(a.balance) AS balance
  FROM `workspace`.`lending_club_staging`.`quarantine` AS q
  JOIN `workspace`.`lending_club_staging`.`stg_accounts` AS a
    ON a.line = q.line
  WHERE
    q.source = 'accounts'
)
SELECT
  'accounts' AS source,
  (
    SELECT
      COUNT(*)
    FROM `workspace`.`lending_club_raw`.`accounts` AS raw_accounts
  ) AS rows_in,
  p.row_count AS rows_published,
  e.row_count AS rows_excluded,
  q.row_count AS rows_quarantined,
  CAST(COALESCE(
    (
      SELECT
        SUM(balance)
      FROM `workspace`.`lending_club_staging`.`stg_accounts` AS stg_accounts
    ),
    0
  ) AS DECIMAL(38, 2)) AS balance_in,
  CAST(COALESCE(p.balance, 0) AS DECIMAL(38, 2)) AS balance_published,
  CAST(COALESCE(e.balance, 0) AS DECIMAL(38, 2)) AS balance_excluded,
  CAST(COALESCE(q.balance, 0) AS DECIMAL(38, 2)) AS balance_quarantined
FROM published AS p
CROSS JOIN excluded AS e
CROSS JOIN quarantined AS q
UNION ALL
SELECT
  'customers' AS source,
  (
    SELECT
      COUNT(*)
    FROM `workspace`.`lending_club_raw`.`customers` AS raw_customers
  ) AS rows_in,
  (
    SELECT
      COUNT(*)
    FROM `workspace`.`lending_club_staging`.`customers` AS customers
  ) AS rows_published,
  0 AS rows_excluded,
  (
    SELECT
      COUNT(*)
    FROM `workspace`.`lending_club_staging`.`quarantine` AS quarantine
    WHERE
      source = 'customers'
  ) AS rows_quarantined,
  CAST(NULL AS DECIMAL(38, 2)) AS balance_in,
  CAST(NULL AS DECIMAL(38, 2)) AS balance_published,
  CAST(NULL AS DECIMAL(38, 2)) AS balance_excluded,
  CAST(NULL AS DECIMAL(38, 2)) AS balance_quarantined
ORDER BY
  source NULLS LAST
