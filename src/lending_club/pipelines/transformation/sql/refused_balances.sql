-- Sums of the refused balances, which may have any number of digits: they are cut into limbs of 15 digits, and limbs of the
-- same place are added up. The whole is the sum of limb_sum x 10^exponent.
WITH signed AS (
  SELECT
    line,
    starts_with(refused_balance, '-') AS is_negative,
    ltrim(split_part(refused_balance, '.', 1), '-') AS whole,
    split_part(refused_balance, '.', 2) AS decimals
  FROM dirty_accounts
  WHERE refused_balance IS NOT NULL
), padded AS (
  SELECT
    line,
    is_negative,
    lpad(whole, CAST(15 * ((length(whole) + 14) // 15) AS INTEGER), '0') AS whole,
    rpad(decimals, CAST(15 * ((length(decimals) + 14) // 15) AS INTEGER), '0') AS decimals
  FROM signed
), cut AS (
  SELECT line, is_negative, length(whole) AS whole_length, regexp_extract_all(concat(whole, decimals), '[0-9]{15}') AS limbs
  FROM padded
), placed AS (
  -- DuckDB counts the places from 1, Databricks from 0.
  SELECT line, is_negative, whole_length, limb, place - min(place) OVER (PARTITION BY line) AS place
  FROM cut
  CROSS JOIN UNNEST(limbs) WITH ORDINALITY AS places(limb, place)
), limbs AS (
  SELECT
    line,
    is_negative,
    CAST(whole_length - 15 * (place + 1) AS BIGINT) AS exponent,
    CAST(limb AS DECIMAL(18, 0)) AS limb
  FROM placed
)
SELECT
  l.exponent,
  q.line IS NOT NULL AS is_quarantined,
  CAST(sum(CASE WHEN l.is_negative THEN -l.limb ELSE l.limb END) AS DECIMAL(38, 0)) AS limb_sum
FROM limbs AS l
LEFT JOIN quarantine AS q ON q.source = 'accounts' AND q.line = l.line
GROUP BY l.exponent, q.line IS NOT NULL
ORDER BY exponent, is_quarantined
