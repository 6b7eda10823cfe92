/* One row a customer with at least one eligible account. */
WITH totals AS (
  SELECT
    customer_id,
    COUNT(*) AS account_count,
    CAST(SUM(original_balance) AS DECIMAL(38, 2)) AS total_balance,
    CAST(SUM(annual_interest) AS DECIMAL(38, 2)) AS total_annual_interest,
    CAST(SUM(new_balance) AS DECIMAL(38, 2)) AS total_new_balance
  FROM `workspace`.`lending_club_staging`.`account_summary` AS account_summary
  GROUP BY
    customer_id
)
SELECT
  t.customer_id,
  c.name,
  c.has_loan,
  t.account_count,
  t.total_balance,
  t.total_annual_interest,
  t.total_new_balance
FROM totals AS t
JOIN `workspace`.`lending_club_staging`.`customers` AS c
  ON c.customer_id = t.customer_id
ORDER BY
  t.customer_id NULLS LAST
