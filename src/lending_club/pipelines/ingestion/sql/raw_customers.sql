-- Each record of Customer.csv, every value as it came. An id that is a number is kept as that number, and as text, too, where the
-- number is not written so. `is_clean` says that no value needs cleaning: each is already what it becomes.
WITH seen AS (
  SELECT *, is_written_customer_id(customer_id) AS is_written_id FROM customers_csv
), judged AS (
  SELECT *, CASE WHEN is_written_id THEN TRUE ELSE coalesce(is_customer_id(customer_id), FALSE) END AS is_id FROM seen
)
SELECT
  line,
  malformed,
  is_id AND coalesce(is_tidy(name) AND has_loan IN ('Yes', 'No', 'None', ''), FALSE) AS is_clean,
  CASE WHEN is_id THEN CAST(customer_id AS BIGINT) END AS customer_id,
  CASE WHEN NOT is_written_id THEN customer_id END AS customer_text,
  name,
  has_loan
FROM judged
