/* The quarantined records of accounts.csv with their final reasons. */
WITH repeated AS (
  SELECT
    account_id
  FROM `workspace`.`lending_club_staging`.`stg_accounts` AS stg_accounts
  WHERE
    reasons IS NULL
  GROUP BY
    account_id
  HAVING
    COUNT(*) > 1
), duplicates AS (
  SELECT
    a.account_id,
    MIN(a.line) AS first_line,
    MIN(a.customer_id) <> MAX(a.customer_id)
    OR MIN(a.balance) <> MAX(a.balance)
    OR MIN(a.account_type) <> MAX(a.account_type) AS is_conflict
  FROM `workspace`.`lending_club_staging`.`stg_accounts` AS a
  JOIN repeated AS r
    ON r.account_id = a.account_id
  WHERE
    a.reasons IS NULL
  GROUP BY
    a.account_id
), without_customer AS (
  SELECT
    a.line,
    a.account_id,
    a.customer_id
  FROM `workspace`.`lending_club_staging`.`stg_accounts` AS a
  WHERE
    a.reasons IS NULL
    AND NOT EXISTS(
      SELECT
        1
      FROM `workspace`.`lending_club_staging`.`customers` AS c
      WHERE
        c.customer_id = a.customer_id
    )
)
SELECT
  line,
  reasons
FROM `workspace`.`lending_club_staging`.`stg_accounts` AS stg_accounts
WHERE
  NOT reasons IS NULL
UNION ALL
SELECT
  a.line,
  CASE WHEN d.is_conflict THEN 'conflicting_duplicate' ELSE 'duplicate_row' END AS reasons
FROM `workspace`.`lending_club_staging`.`stg_accounts` AS a
JOIN duplicates AS d
  ON d.account_id = a.account_id
WHERE
  a.reasons IS NULL AND (
    d.is_conflict OR a.line > d.first_line
  )
UNION ALL
SELECT
  a.line,
  CASE
    WHEN EXISTS(
      SELECT
        1
      FROM `workspace`.`lending_club_staging`.`customer_reasons` AS r
      WHERE
        r.customer_id = a.customer_id
    )
    THEN 'customer_quarantined'
    ELSE 'unknown_customer'
  END AS reasons
FROM without_customer AS a
LEFT JOIN duplicates AS d
  ON d.account_id = a.account_id
WHERE
  d.account_id IS NULL OR (
    NOT d.is_conflict AND a.line = d.first_line
  )
