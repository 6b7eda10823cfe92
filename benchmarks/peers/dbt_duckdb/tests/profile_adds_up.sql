SELECT customer_id FROM {{ ref('customer_profile') }} AS p
FULL JOIN (
  SELECT customer_id, count(*) AS accounts, sum(annual_interest) AS interest FROM {{ ref('account_summary') }} GROUP BY customer_id
) AS s USING (customer_id)
WHERE p.account_count IS DISTINCT FROM s.accounts OR p.total_annual_interest IS DISTINCT FROM s.interest
