/* Sums of the refused balances, which may have any number of digits: they are cut into limbs of 15 digits, and limbs of the */
/* same place are added up. The whole is the sum of limb_sum x 10^exponent. */
WITH signed AS (
  SELECT
    line,
    STARTSWITH(refused_balance, '-') AS is_negative,
    TRIM(LEADING '-' FROM SPLIT_PART(refused_balance, '.', 1)) AS whole,
    SPLIT_PART(refused_balance, '.', 2) AS decimals
  FROM `workspace`.`lending_club_staging`.`dirty_accounts` AS dirty_accounts
  WHERE
    NOT refused_balance IS NULL
), padded AS (
  SELECT
    line,
    is_negative,
    LPAD(whole, CAST(15 * (
      (
        LENGTH(whole) + 14
      ) DIV 15
    ) AS INT), '0') AS whole,
    RPAD(decimals, CAST(15 * (
      (
        LENGTH(decimals) + 14
      ) DIV 15
    ) AS INT), '0') AS decimals
  FROM signed
), cut AS (
  SELECT
    line,
    is_negative,
    LENGTH(whole) AS whole_length,
    REGEXP_EXTRACT_ALL(CONCAT(COALESCE(whole, ''), COALESCE(decimals, '')), '[0-9]{15}', 0) AS limbs
  FROM padded
), placed AS (
  /* DuckDB counts the places from 1, Databricks from 0. */
  SELECT
    line,
    is_negative,
    whole_length,
    limb,
    place - MIN(place) OVER (PARTITION BY line) AS place
  FROM cut
  LATERAL VIEW
  POSEXPLODE(limbs) places AS place, limb
), limbs AS (
  SELECT
    line,
    is_negative,
    CAST(whole_length - 15 * (
      place + 1
    ) AS BIGINT) AS exponent,
    CAST(limb AS DECIMAL(18, 0)) AS limb
  FROM placed
)
SELECT
  l.exponent,
  NOT q.line IS NULL AS is_quarantined,
  CAST(SUM(CASE WHEN l.is_negative THEN -l.limb ELSE l.limb END) AS DECIMAL(38, 0)) AS limb_sum
FROM limbs AS l
LEFT JOIN `workspace`.`lending_club_staging`.`quarantine` AS q
  ON q.source = 'accounts' AND q.line = l.line
GROUP BY
  l.exponent,
  NOT q.line IS NULL
ORDER BY
  exponent NULLS LAST,
  is_quarantined NULLS LAST
