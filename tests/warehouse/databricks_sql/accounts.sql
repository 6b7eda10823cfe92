/* The valid accounts, cleaned; each id once, each of a valid customer. */
SELECT
  a.line,
  a.account_id,
  a.customer_id,
  a.balance,
  a.account_type
FROM `workspace`.`lending_club_staging`.`stg_accounts` AS a
LEFT JOIN `workspace`.`lending_club_staging`.`account_reasons` AS r
  ON r.line = a.line
WHERE
  r.line IS NULL
