SELECT * FROM {{ ref('account_summary') }}
WHERE annual_interest - original_balance * interest_rate > 0.005 OR annual_interest - original_balance * interest_rate <= -0.005
OR new_balance <> original_balance + annual_interest
