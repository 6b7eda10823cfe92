-- One row a customer with at least one eligible account.
WITH totals AS (
  SELECT
    customer_id,
    count(*) AS account_count,
    CAST(sum(original_balance) AS DECIMAL(38, 2)) AS total_balance,
    CAST(sum(annual_interest) AS DECIMAL(38, 2)) AS total_annual_interest,
    CAST(sum(new_balance) AS DECIMAL(38, 2)) AS total_new_balance
  FROM account_summary
  GROUP BY customer_id
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
JOIN customers AS c ON c.customer_id = t.customer_id
ORDER BY t.customer_id
