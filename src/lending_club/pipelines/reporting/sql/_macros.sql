-- Where the size of a balance begins: from 100.00 up, a size ends at five times or at twice where it begins.
-- balance_distribution.sql names the same sizes.
CREATE MACRO balance_size(balance) AS CASE
  WHEN balance < 100 THEN 0
  WHEN balance < 500 THEN 100
  WHEN balance < 1000 THEN 500
  WHEN balance < 5000 THEN 1000
  WHEN balance < 10000 THEN 5000
  WHEN balance < 50000 THEN 10000
  WHEN balance < 100000 THEN 50000
  WHEN balance < 500000 THEN 100000
  WHEN balance < 1000000 THEN 500000
  WHEN balance < 5000000 THEN 1000000
  WHEN balance < 10000000 THEN 5000000
  WHEN balance < 50000000 THEN 10000000
  WHEN balance < 100000000 THEN 50000000
  WHEN balance < 1000000000 THEN 100000000
  ELSE 1000000000
END;
