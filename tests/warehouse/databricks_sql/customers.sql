/* The valid customers, cleaned; each id once. */
SELECT
  c.line,
  c.customer_id,
  c.name,
  c.has_loan
FROM `workspace`.`lending_club_staging`.`stg_customers` AS c
LEFT JOIN `workspace`.`lending_club_staging`.`customer_reasons` AS r
  ON r.line = c.line
WHERE
  r.line IS NULL
