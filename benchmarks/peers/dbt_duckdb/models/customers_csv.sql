{{ config(materialized='view') }}
SELECT
  row_number() OVER () + 1 AS line,
  CAST(NULL AS VARCHAR) AS malformed,
  CustomerID AS customer_id,
  Name AS name,
  HasLoan AS has_loan
FROM read_csv('{{ var("inputs") }}/Customer.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', nullstr = '\n')
