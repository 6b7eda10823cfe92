-- How often each reason was found; a row counts under each of its reasons.
SELECT source, reason, count(*) AS "rows"
FROM (SELECT source, unnest(reasons) AS reason FROM quarantine) AS found
GROUP BY source, reason
ORDER BY source, reason
