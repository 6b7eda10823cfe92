-- has_both_sources: There is one row for accounts and one for customers.
SELECT
  COUNT(*) AS row_count
FROM `workspace`.`lending_club_staging`.`reconciliation` AS __batch__
HAVING
  COUNT(*) <> 2
  OR COUNT(CASE WHEN source = 'accounts' THEN 1 END) <> 1
  OR COUNT(CASE WHEN source = 'customers' THEN 1 END) <> 1;

-- rows_reconcile: Rows in are rows published, excluded and quarantined.
SELECT
  *
FROM `workspace`.`lending_club_staging`.`reconciliation` AS __batch__
WHERE
  rows_in <> rows_published + rows_excluded + rows_quarantined;

-- rows_in_are_those_of_the_files: Rows in are the records that were read from the files.
SELECT
  r.source,
  r.rows_in,
  f.records
FROM `workspace`.`lending_club_staging`.`reconciliation` AS r
JOIN (
  SELECT
    'accounts' AS source,
    COUNT(*) AS records
  FROM `workspace`.`lending_club_raw`.`accounts` AS raw_accounts
  UNION ALL
  SELECT
    'customers',
    COUNT(*)
  FROM `workspace`.`lending_club_raw`.`customers` AS raw_customers
) AS f
  ON f.source = r.source
WHERE
  r.rows_in <> f.records;

-- rows_are_those_of_the_outputs: Rows published and quarantined are those of the account summary and the quarantine.
SELECT
  r.source,
  r.rows_published,
  r.rows_quarantined
FROM `workspace`.`lending_club_staging`.`reconciliation` AS r
WHERE
  r.rows_quarantined <> (
    SELECT
      COUNT(*)
    FROM `workspace`.`lending_club_staging`.`quarantine` AS q
    WHERE
      q.source = r.source
  )
  OR (
    r.source = 'accounts'
    AND r.rows_published <> (
      SELECT
        COUNT(*)
      FROM `workspace`.`lending_club_staging`.`account_summary` AS account_summary
    )
  );

-- balances_reconcile: Balance in is balance published, excluded and quarantined, to the seventh decimal (of sums below 10^28).
SELECT
  source,
  balance_in,
  balance_published,
  balance_excluded,
  balance_quarantined
FROM `workspace`.`lending_club_staging`.`reconciliation` AS __batch__
WHERE
  source = 'accounts'
  AND COALESCE(
    NOT TRY_CAST(balance_in AS DECIMAL(36, 8)) - TRY_CAST(balance_quarantined AS DECIMAL(36, 8)) - TRY_CAST(balance_published + balance_excluded AS DECIMAL(36, 8)) BETWEEN -0.00000001 AND 0.00000001,
    balance_in IS NULL
    OR balance_quarantined IS NULL
    OR balance_published IS NULL
    OR balance_excluded IS NULL
  );

-- balance_is_that_of_the_output: Balance published is the account summary's.
SELECT
  source,
  balance_published
FROM `workspace`.`lending_club_staging`.`reconciliation` AS __batch__
WHERE
  source = 'accounts'
  AND balance_published IS DISTINCT FROM (
    SELECT
      COALESCE(SUM(original_balance), 0)
    FROM `workspace`.`lending_club_staging`.`account_summary` AS account_summary
  );

-- share_is_well_below_the_limit: At most half of the allowed share of a file is quarantined.
SELECT
  source,
  rows_quarantined,
  rows_in
FROM `workspace`.`lending_club_staging`.`reconciliation` AS __batch__
WHERE
  2 * rows_quarantined > CAST('0.10' AS DECIMAL(18, 2)) * CAST(rows_in AS DECIMAL(18, 0))
