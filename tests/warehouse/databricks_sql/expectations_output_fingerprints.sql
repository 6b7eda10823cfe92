-- files_and_tables_are_equal: CSV, Parquet file and table of a result hold the same rows.
SELECT
  table_name,
  COUNT(DISTINCT checksum) AS versions
FROM `workspace`.`lending_club_staging`.`output_fingerprints` AS __batch__
GROUP BY
  table_name
HAVING
  COUNT(DISTINCT checksum) > 1 OR COUNT(DISTINCT row_count) > 1;

-- all_outputs_are_there: Every result is there in each of its forms, CSV, Parquet where it has one, and table.
SELECT
  table_name,
  COUNT(*) AS forms
FROM `workspace`.`lending_club_staging`.`output_fingerprints` AS __batch__
WHERE
  form <> 'table'
GROUP BY
  table_name
HAVING
  COUNT(*) <> CASE WHEN table_name IN ('account_summary', 'customer_profile') THEN 3 ELSE 2 END
UNION ALL
SELECT
  'number of results',
  COUNT(DISTINCT table_name)
FROM `workspace`.`lending_club_staging`.`output_fingerprints` AS __batch__
HAVING
  COUNT(DISTINCT table_name) <> 5
