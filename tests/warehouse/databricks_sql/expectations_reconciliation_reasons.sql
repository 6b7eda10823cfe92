-- counts_are_those_of_the_quarantine: Each reason is counted as often as it stands in the quarantine.
SELECT
  COALESCE(r.source, q.source) AS source,
  COALESCE(r.reason, q.reason) AS reason
FROM `workspace`.`lending_club_staging`.`reconciliation_reasons` AS r
FULL JOIN (
  SELECT
    source,
    reason,
    COUNT(*) AS times
  FROM (
    SELECT
      source,
      EXPLODE(reasons) AS reason
    FROM `workspace`.`lending_club_staging`.`quarantine` AS quarantine
  ) AS u
  GROUP BY
    source,
    reason
) AS q
  ON q.source = r.source AND q.reason = r.reason
WHERE
  r.source IS NULL OR q.source IS NULL OR r.`rows` <> q.times
