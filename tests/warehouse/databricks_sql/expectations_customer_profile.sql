-- types: The columns have the contract's types.
SELECT
  TYPEOF(customer_id) AS customer_id,
  TYPEOF(name) AS name,
  TYPEOF(has_loan) AS has_loan,
  TYPEOF(account_count) AS account_count,
  TYPEOF(total_balance) AS total_balance,
  TYPEOF(total_annual_interest) AS total_annual_interest,
  TYPEOF(total_new_balance) AS total_new_balance
FROM (
  SELECT
    MIN(customer_id) AS customer_id,
    MIN(name) AS name,
    MIN(has_loan) AS has_loan,
    MIN(account_count) AS account_count,
    MIN(total_balance) AS total_balance,
    MIN(total_annual_interest) AS total_annual_interest,
    MIN(total_new_balance) AS total_new_balance
  FROM `workspace`.`lending_club_staging`.`customer_profile` AS __batch__
) AS m
WHERE
  LOWER(TYPEOF(customer_id)) <> 'bigint'
  OR NOT LOWER(TYPEOF(name)) IN ('varchar', 'string')
  OR LOWER(TYPEOF(has_loan)) <> 'boolean'
  OR LOWER(TYPEOF(account_count)) <> 'bigint'
  OR LOWER(TYPEOF(total_balance)) <> 'decimal(38,2)'
  OR LOWER(TYPEOF(total_annual_interest)) <> 'decimal(38,2)'
  OR LOWER(TYPEOF(total_new_balance)) <> 'decimal(38,2)';

-- customer_id_is_unique: No customer is there twice.
SELECT
  customer_id,
  COUNT(*) AS times
FROM `workspace`.`lending_club_staging`.`customer_profile` AS __batch__
GROUP BY
  customer_id
HAVING
  COUNT(*) > 1;

-- nothing_is_missing: Every column but has_loan has a value in every row, and every customer has an account.
SELECT
  *
FROM `workspace`.`lending_club_staging`.`customer_profile` AS __batch__
WHERE
  customer_id IS NULL
  OR name IS NULL
  OR account_count IS NULL
  OR account_count < 1
  OR total_balance IS NULL
  OR total_annual_interest IS NULL
  OR total_new_balance IS NULL;

-- totals_are_those_of_the_accounts: Each customer's count, balance and interest are those of the account summary, they add up, and no customer is left out.
SELECT
  COALESCE(p.customer_id, s.customer_id) AS customer_id
FROM `workspace`.`lending_club_staging`.`customer_profile` AS p
FULL JOIN (
  SELECT
    customer_id,
    COUNT(*) AS accounts,
    SUM(original_balance) AS balance,
    SUM(annual_interest) AS interest
  FROM `workspace`.`lending_club_staging`.`account_summary` AS account_summary
  GROUP BY
    customer_id
) AS s
  ON s.customer_id = p.customer_id
WHERE
  p.customer_id IS NULL
  OR s.customer_id IS NULL
  OR p.account_count <> s.accounts
  OR p.total_balance <> s.balance
  OR p.total_annual_interest <> s.interest
  OR p.total_new_balance - p.total_annual_interest <> p.total_balance;

-- customer_is_as_cleaned: Name and loan are those of the valid customer.
SELECT
  p.customer_id,
  p.name,
  p.has_loan
FROM `workspace`.`lending_club_staging`.`customer_profile` AS p
LEFT JOIN `workspace`.`lending_club_staging`.`customers` AS c
  ON c.customer_id = p.customer_id
WHERE
  c.customer_id IS NULL
  OR p.name <> c.name
  OR p.has_loan IS DISTINCT FROM c.has_loan
