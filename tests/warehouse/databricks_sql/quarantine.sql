/* Every quarantined row of both files, whole, with all its reasons. */
SELECT
  'accounts' AS source,
  r.line,
  SPLIT(q.reasons, CONCAT('\\Q', ',', '\\E')) AS reasons,
  CAST(CASE
    WHEN NOT r.malformed IS NULL
    THEN TO_JSON(STRUCT(r.malformed AS text))
    ELSE TO_JSON(
      STRUCT(
        r.account_id AS AccountID,
        COALESCE(r.customer_text, CAST(r.customer_id AS STRING)) AS CustomerID,
        COALESCE(r.balance_text, CAST(r.balance AS STRING)) AS Balance,
        r.account_type AS AccountType
      )
    )
  END AS STRING) AS values_read
FROM `workspace`.`lending_club_staging`.`account_reasons` AS q
JOIN `workspace`.`lending_club_raw`.`accounts` AS r
  ON r.line = q.line
UNION ALL
SELECT
  'customers' AS source,
  r.line,
  SPLIT(q.reasons, CONCAT('\\Q', ',', '\\E')) AS reasons,
  CAST(CASE
    WHEN NOT r.malformed IS NULL
    THEN TO_JSON(STRUCT(r.malformed AS text))
    ELSE TO_JSON(
      STRUCT(
        COALESCE(r.customer_text, CAST(r.customer_id AS STRING)) AS CustomerID,
        r.name AS Name,
        r.has_loan AS HasLoan
      )
    )
  END AS STRING) AS values_read
FROM `workspace`.`lending_club_staging`.`customer_reasons` AS q
JOIN `workspace`.`lending_club_raw`.`customers` AS r
  ON r.line = q.line
ORDER BY
  source NULLS LAST,
  line NULLS LAST
