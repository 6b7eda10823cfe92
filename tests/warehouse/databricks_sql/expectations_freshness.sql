-- is_recent: What is checked was made from files that were read within quality.max_age_hours.
SELECT
  subject,
  hours_ago
FROM `workspace`.`lending_club_staging`.`freshness` AS __batch__
WHERE
  hours_ago IS NULL OR hours_ago > CAST('24' AS DECIMAL(18, 0))
