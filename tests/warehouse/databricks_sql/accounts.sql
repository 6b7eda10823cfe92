/* The valid accounts, cleaned; each id once, each of a valid customer. */
SELECT
  a.line,
  a.account_id,
  a.customer_id,
  a.balance,
  a.account_type
FROM `workspace`.`lending_club_staging`.`stg_accounts` AS a
WHERE
  NOT EXISTS(
    SELECT
      1
    FROM `workspace`.`lending_club_staging`.`account_reasons` AS r
    WHERE
      r.line = a.line
  )
