-- values_are_clean: Ids are there, balances from zero to below 10^13, types Savings or Checking.
SELECT
  line,
  account_id,
  balance,
  account_type
FROM `workspace`.`lending_club_staging`.`accounts` AS __batch__
WHERE
  account_id IS NULL
  OR account_id = ''
  OR customer_id IS NULL
  OR balance IS NULL
  OR balance < 0
  OR balance >= 10000000000000
  OR account_type IS NULL
  OR NOT account_type IN ('Savings', 'Checking')
