-- Every quarantined row of both files, whole, with all its reasons.
SELECT
  'accounts' AS source,
  r.line,
  string_split(q.reasons, ',') AS reasons,
  CAST(CASE
    WHEN r.malformed IS NOT NULL THEN to_json({'text': r.malformed})
    ELSE to_json({
      'AccountID': r.account_id,
      'CustomerID': coalesce(r.customer_text, CAST(r.customer_id AS VARCHAR)),
      'Balance': coalesce(r.balance_text, CAST(r.balance AS VARCHAR)),
      'AccountType': r.account_type
    })
  END AS VARCHAR) AS values_read
FROM account_reasons AS q
JOIN raw_accounts AS r ON r.line = q.line
UNION ALL
SELECT
  'customers' AS source,
  r.line,
  string_split(q.reasons, ',') AS reasons,
  CAST(CASE
    WHEN r.malformed IS NOT NULL THEN to_json({'text': r.malformed})
    ELSE to_json({
      'CustomerID': coalesce(r.customer_text, CAST(r.customer_id AS VARCHAR)), 'Name': r.name, 'HasLoan': r.has_loan
    })
  END AS VARCHAR) AS values_read
FROM customer_reasons AS q
JOIN raw_customers AS r ON r.line = q.line
ORDER BY source, line
