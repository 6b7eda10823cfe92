-- Customers with a loan, without one, and those of whom it is not known, with their accounts.
SELECT
  has_loan,
  count(*) AS customer_count,
  CAST(sum(account_count) AS BIGINT) AS account_count,
  CAST(sum(total_balance) AS DECIMAL(38, 2)) AS total_balance,
  CAST(sum(total_annual_interest) AS DECIMAL(38, 2)) AS total_annual_interest
FROM customer_profile
GROUP BY has_loan
ORDER BY has_loan NULLS LAST
