/* Each record of accounts.csv, cleaned, and the reasons for which it is refused, if any. */
SELECT
  line,
  account_id,
  customer_id,
  balance,
  CAST(NULL AS STRING) AS refused_balance,
  account_type,
  CAST(NULL AS STRING) AS reasons
FROM `workspace`.`lending_club_raw`.`accounts` AS raw_accounts
WHERE
  is_clean
UNION ALL
SELECT
  line,
  account_id,
  customer_id,
  balance,
  refused_balance,
  account_type,
  reasons
FROM `workspace`.`lending_club_staging`.`dirty_accounts` AS dirty_accounts
