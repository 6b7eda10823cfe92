/* Customers with a loan, without one, and those of whom it is not known, with their accounts. */
SELECT
  has_loan,
  COUNT(*) AS customer_count,
  CAST(SUM(account_count) AS BIGINT) AS account_count,
  CAST(SUM(total_balance) AS DECIMAL(38, 2)) AS total_balance,
  CAST(SUM(total_annual_interest) AS DECIMAL(38, 2)) AS total_annual_interest
FROM `workspace`.`lending_club_staging`.`customer_profile` AS customer_profile
GROUP BY
  has_loan
ORDER BY
  has_loan NULLS LAST
