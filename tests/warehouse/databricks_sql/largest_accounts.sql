/* The accounts with the ten largest balances. */
SELECT
  ROW_NUMBER() OVER (ORDER BY original_balance DESC, account_id NULLS LAST) AS place,
  *
FROM (
  SELECT
    account_id,
    customer_id,
    original_balance,
    interest_rate,
    annual_interest
  FROM `workspace`.`lending_club_staging`.`account_summary` AS account_summary
  ORDER BY
    original_balance DESC,
    account_id NULLS LAST
  LIMIT 10
) AS largest
ORDER BY
  place NULLS LAST
