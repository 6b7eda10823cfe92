-- The accounts with the ten largest balances.
SELECT row_number() OVER (ORDER BY original_balance DESC, account_id) AS place, *
FROM (
  SELECT account_id, customer_id, original_balance, interest_rate, annual_interest
  FROM account_summary
  ORDER BY original_balance DESC, account_id
  LIMIT 10
) AS largest
ORDER BY place
