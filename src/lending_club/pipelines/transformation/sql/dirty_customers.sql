-- The records of Customer.csv that need cleaning, read value by value. `reasons` are those of the contract's value table, in the
-- order of the file's columns.
WITH texts AS (
  SELECT
    line,
    malformed,
    present(trimmed(coalesce(customer_text, CAST(customer_id AS VARCHAR)))) AS customer_text,
    folded(present(trimmed(name))) AS name,
    present(trimmed(has_loan)) AS loan_text
  FROM raw_customers
  WHERE NOT is_clean
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
