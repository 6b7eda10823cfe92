/* How often each reason was found; a row counts under each of its reasons. */
SELECT
  source,
  reason,
  COUNT(*) AS `rows`
FROM (
  SELECT
    source,
    EXPLODE(reasons) AS reason
  FROM `workspace`.`lending_club_staging`.`quarantine` AS quarantine
) AS found
GROUP BY
  source,
  reason
ORDER BY
  source NULLS LAST,
  reason NULLS LAST
