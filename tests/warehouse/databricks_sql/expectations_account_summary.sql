-- types: The columns have the contract's types.
SELECT
  TYPEOF(customer_id) AS customer_id,
  TYPEOF(account_id) AS account_id,
  TYPEOF(original_balance) AS original_balance,
  TYPEOF(interest_rate) AS interest_rate,
  TYPEOF(annual_interest) AS annual_interest,
  TYPEOF(new_balance) AS new_balance
FROM (
  SELECT
    MIN(customer_id) AS customer_id,
    MIN(account_id) AS account_id,
    MIN(original_balance) AS original_balance,
    MIN(interest_rate) AS interest_rate,
    MIN(annual_interest) AS annual_interest,
    MIN(new_balance) AS new_balance
  FROM `workspace`.`lending_club_staging`.`account_summary` AS __batch__
) AS m
WHERE
  LOWER(TYPEOF(customer_id)) <> 'bigint'
  OR NOT LOWER(TYPEOF(account_id)) IN ('varchar', 'string')
  OR LOWER(TYPEOF(original_balance)) <> 'decimal(18,2)'
  OR LOWER(TYPEOF(interest_rate)) <> 'decimal(5,4)'
  OR LOWER(TYPEOF(annual_interest)) <> 'decimal(18,2)'
  OR LOWER(TYPEOF(new_balance)) <> 'decimal(18,2)';

-- account_id_is_unique: No account is there twice.
SELECT
  account_id,
  COUNT(*) AS times
FROM `workspace`.`lending_club_staging`.`account_summary` AS __batch__
GROUP BY
  account_id
HAVING
  COUNT(*) > 1;

-- nothing_is_missing: Every column has a value in every row.
SELECT
  *
FROM `workspace`.`lending_club_staging`.`account_summary` AS __batch__
WHERE
  customer_id IS NULL
  OR account_id IS NULL
  OR original_balance IS NULL
  OR interest_rate IS NULL
  OR annual_interest IS NULL
  OR new_balance IS NULL;

-- balance_is_in_range: Balances are from zero to below 10^13.
SELECT
  account_id,
  original_balance
FROM `workspace`.`lending_club_staging`.`account_summary` AS __batch__
WHERE
  original_balance < 0 OR original_balance >= 10000000000000;

-- rate_is_possible: Interest rates are those that tiers and bonus allow.
SELECT
  account_id,
  interest_rate
FROM `workspace`.`lending_club_staging`.`account_summary` AS __batch__
WHERE
  NOT interest_rate IN (
    CAST('0.0100' AS DECIMAL(18, 4)),
    CAST('0.0150' AS DECIMAL(18, 4)),
    CAST('0.0200' AS DECIMAL(18, 4)),
    CAST('0.0250' AS DECIMAL(18, 4))
  );

-- rate_fits_balance_and_customer: Every account belongs to a valid customer, and its rate is its balance's tier's, with the bonus if and only if there is a loan.
SELECT
  s.account_id,
  s.customer_id,
  s.original_balance,
  s.interest_rate
FROM `workspace`.`lending_club_staging`.`account_summary` AS s
LEFT JOIN `workspace`.`lending_club_staging`.`customers` AS c
  ON c.customer_id = s.customer_id
LEFT JOIN `workspace`.`lending_club_staging`.`rate_tiers` AS t
  ON s.original_balance >= t.at_least
  AND (
    t.below IS NULL OR s.original_balance < t.below
  )
WHERE
  c.customer_id IS NULL
  OR s.interest_rate - CASE WHEN c.has_loan THEN CAST('0.0050' AS DECIMAL(18, 4)) ELSE 0 END IS DISTINCT FROM t.rate;

-- interest_is_rounded_half_up: Annual interest is balance times rate, rounded half up to cents; its error is above -0.005 and at most 0.005.
SELECT
  account_id,
  original_balance,
  interest_rate,
  annual_interest
FROM (
  SELECT
    account_id,
    original_balance,
    interest_rate,
    annual_interest,
    annual_interest - CASE
      WHEN original_balance < 100000000000
      THEN original_balance * interest_rate
      ELSE CAST(original_balance AS DECIMAL(20, 2)) * interest_rate
    END AS rounding
  FROM `workspace`.`lending_club_staging`.`account_summary` AS __batch__
) AS s
WHERE
  rounding > 0.005 OR rounding <= -0.005;

-- new_balance_adds_up: The new balance is balance plus interest.
SELECT
  account_id,
  original_balance,
  annual_interest,
  new_balance
FROM `workspace`.`lending_club_staging`.`account_summary` AS __batch__
WHERE
  new_balance - annual_interest <> original_balance;

-- holds_all_eligible_accounts: It has as many accounts as are valid and eligible, with the same total balance.
SELECT
  *
FROM (
  SELECT
    COUNT(*) AS found,
    COALESCE(SUM(original_balance), 0) AS balance
  FROM `workspace`.`lending_club_staging`.`account_summary` AS __batch__
) AS s
CROSS JOIN (
  SELECT
    COUNT(*) AS eligible,
    COALESCE(SUM(balance), 0) AS eligible_balance
  FROM `workspace`.`lending_club_staging`.`accounts` AS accounts
  WHERE
    account_type IN ('Savings')
) AS a
WHERE
  s.found <> a.eligible OR s.balance <> a.eligible_balance
