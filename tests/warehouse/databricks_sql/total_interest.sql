/* The published interest of a year. */
SELECT
  CAST(COALESCE(SUM(annual_interest), 0) AS DECIMAL(38, 2)) AS total_interest
FROM `workspace`.`lending_club_staging`.`account_summary` AS account_summary
