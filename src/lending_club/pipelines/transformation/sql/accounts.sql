-- The valid accounts, cleaned; each id once, each of a valid customer.
SELECT a.line, a.account_id, a.customer_id, a.balance, a.account_type
FROM stg_accounts AS a
WHERE NOT EXISTS (SELECT 1 FROM account_reasons AS r WHERE r.line = a.line)
