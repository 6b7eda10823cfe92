{{ config(materialized='view') }}
SELECT
  row_number() OVER () + 1 AS line,
  CAST(NULL AS VARCHAR) AS malformed,
  AccountID AS account_id,
  CustomerID AS customer_id,
  Balance AS balance,
  AccountType AS account_type
FROM read_csv('{{ var("inputs") }}/accounts.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', nullstr = '\n')
