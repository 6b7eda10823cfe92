-- The published interest of a year.
SELECT CAST(coalesce(sum(annual_interest), 0) AS DECIMAL(38, 2)) AS total_interest FROM account_summary
