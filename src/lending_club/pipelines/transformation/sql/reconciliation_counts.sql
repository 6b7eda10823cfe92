-- What came in and what became of it, each counted where it ended up. Sums are of the balances that fit DECIMAL(18, 2);
-- the other numbers are in refused_balances.
WITH excluded AS (
  SELECT count(*) AS row_count, sum(balance) AS balance
  FROM accounts
  WHERE NOT account_type IN (:eligible_account_types)
), published AS (
  SELECT count(*) AS row_count, sum(original_balance) AS balance FROM account_summary
), quarantined AS (
  SELECT count(*) AS row_count, sum(a.balance) AS balance
  FROM quarantine AS q
  JOIN stg_accounts AS a ON a.line = q.line
  WHERE q.source = 'accounts'
)
SELECT
  'accounts' AS source,
  (SELECT count(*) FROM raw_accounts) AS rows_in,
  p.row_count AS rows_published,
  e.row_count AS rows_excluded,
  q.row_count AS rows_quarantined,
  CAST(coalesce((SELECT sum(balance) FROM stg_accounts), 0) AS DECIMAL(38, 2)) AS balance_in,
  CAST(coalesce(p.balance, 0) AS DECIMAL(38, 2)) AS balance_published,
  CAST(coalesce(e.balance, 0) AS DECIMAL(38, 2)) AS balance_excluded,
  CAST(coalesce(q.balance, 0) AS DECIMAL(38, 2)) AS balance_quarantined
FROM published AS p
CROSS JOIN excluded AS e
CROSS JOIN quarantined AS q
UNION ALL
SELECT
  'customers' AS source,
  (SELECT count(*) FROM raw_customers) AS rows_in,
  (SELECT count(*) FROM customers) AS rows_published,
  0 AS rows_excluded,
  (SELECT count(*) FROM quarantine WHERE source = 'customers') AS rows_quarantined,
  CAST(NULL AS DECIMAL(38, 2)) AS balance_in,
  CAST(NULL AS DECIMAL(38, 2)) AS balance_published,
  CAST(NULL AS DECIMAL(38, 2)) AS balance_excluded,
  CAST(NULL AS DECIMAL(38, 2)) AS balance_quarantined
ORDER BY source
