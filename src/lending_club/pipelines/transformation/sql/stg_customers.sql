-- Each record of Customer.csv, read. `reasons` are those of the contract's value table, in the order of the file's columns.
-- Most records need no cleaning. They are read on the short way, the others value by value; the result is the same.
WITH texts AS (
  SELECT
    line,
    malformed,
    present(trimmed(customer_id)) AS customer_text,
    folded(present(trimmed(name))) AS name,
    present(trimmed(has_loan)) AS loan_text
  FROM raw_customers
  WHERE NOT coalesce(is_clean_customer(customer_id, name, has_loan), FALSE)
), parsed AS (
  SELECT
    *,
    CASE WHEN is_customer_id(customer_text) THEN CAST(customer_text AS BIGINT) END AS customer_id,
    CASE
      WHEN word(loan_text) IN ('yes', 'y', 'true', 't', '1') THEN TRUE
      WHEN word(loan_text) IN ('no', 'n', 'false', 'f', '0') THEN FALSE
    END AS has_loan
  FROM texts
)
SELECT
  line,
  CAST(customer_id AS BIGINT) AS customer_id,
  name,
  CASE has_loan WHEN 'Yes' THEN TRUE WHEN 'No' THEN FALSE END AS has_loan,
  CAST(NULL AS VARCHAR) AS reasons
FROM raw_customers
WHERE is_clean_customer(customer_id, name, has_loan)
UNION ALL
SELECT
  line,
  customer_id,
  name,
  has_loan,
  CASE
    WHEN malformed IS NOT NULL THEN 'malformed_row'
    ELSE nullif(concat_ws(
      ',',
      CASE WHEN customer_text IS NULL THEN 'missing_customer_id' WHEN customer_id IS NULL THEN 'invalid_customer_id' END,
      CASE WHEN name IS NULL THEN 'missing_name' END,
      CASE WHEN loan_text IS NOT NULL AND has_loan IS NULL THEN 'invalid_has_loan' END
    ), '')
  END AS reasons
FROM parsed
