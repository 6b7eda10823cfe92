-- The valid customers, cleaned; each id once.
SELECT c.line, c.customer_id, c.name, c.has_loan
FROM stg_customers AS c
LEFT JOIN customer_reasons AS r ON r.line = c.line
WHERE r.line IS NULL
