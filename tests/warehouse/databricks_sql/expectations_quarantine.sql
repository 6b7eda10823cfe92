-- row_is_unique: No row of a file is there twice.
SELECT
  source,
  line,
  COUNT(*) AS times
FROM `workspace`.`lending_club_staging`.`quarantine` AS __batch__
GROUP BY
  source,
  line
HAVING
  COUNT(*) > 1;

-- row_is_whole: Every row has a known source, a line after the header, at least one reason and the values that were read.
SELECT
  source,
  line
FROM `workspace`.`lending_club_staging`.`quarantine` AS __batch__
WHERE
  source IS NULL
  OR NOT source IN ('accounts', 'customers')
  OR line IS NULL
  OR line < 2
  OR reasons IS NULL
  OR SIZE(reasons) = 0
  OR values_read IS NULL
  OR NOT STARTSWITH(values_read, '{"');

-- reasons_are_known: Every reason is one of the contract's.
SELECT
  source,
  line,
  reason
FROM (
  SELECT
    source,
    line,
    EXPLODE(reasons) AS reason
  FROM `workspace`.`lending_club_staging`.`quarantine` AS __batch__
) AS r
WHERE
  NOT reason IN (
    'malformed_row',
    'missing_account_id',
    'missing_customer_id',
    'invalid_customer_id',
    'missing_name',
    'invalid_has_loan',
    'missing_balance',
    'invalid_balance',
    'balance_precision',
    'negative_balance',
    'balance_out_of_range',
    'missing_account_type',
    'unknown_account_type',
    'duplicate_row',
    'conflicting_duplicate',
    'unknown_customer',
    'customer_quarantined'
  )
