-- Each record of Customer.csv, cleaned, and the reasons for which it is refused, if any.
SELECT
  line,
  customer_id,
  name,
  CASE has_loan WHEN 'Yes' THEN TRUE WHEN 'No' THEN FALSE END AS has_loan,
  CAST(NULL AS VARCHAR) AS reasons
FROM raw_customers
WHERE is_clean
UNION ALL
SELECT line, customer_id, name, has_loan, reasons
FROM dirty_customers
