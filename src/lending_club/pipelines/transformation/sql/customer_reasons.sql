-- The quarantined records of Customer.csv with their final reasons, and their id where it could be read.
WITH repeated AS (
  SELECT customer_id FROM stg_customers WHERE reasons IS NULL GROUP BY customer_id HAVING count(*) > 1
), duplicates AS (
  SELECT
    c.customer_id,
    min(c.line) AS first_line,
    min(c.name) <> max(c.name) OR count(DISTINCT coalesce(CAST(c.has_loan AS VARCHAR), 'unknown')) > 1 AS is_conflict
  FROM stg_customers AS c
  JOIN repeated AS r ON r.customer_id = c.customer_id
  WHERE c.reasons IS NULL
  GROUP BY c.customer_id
)
SELECT line, customer_id, reasons FROM stg_customers WHERE reasons IS NOT NULL
UNION ALL
SELECT
  c.line,
  c.customer_id,
  CASE WHEN d.is_conflict THEN 'conflicting_duplicate' ELSE 'duplicate_row' END AS reasons
FROM stg_customers AS c
JOIN duplicates AS d ON d.customer_id = c.customer_id
WHERE c.reasons IS NULL AND (d.is_conflict OR c.line > d.first_line)
