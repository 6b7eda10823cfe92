-- customer_id_is_unique: No valid customer is there twice.
SELECT
  customer_id,
  COUNT(*) AS times
FROM `workspace`.`lending_club_staging`.`customers` AS __batch__
GROUP BY
  customer_id
HAVING
  COUNT(*) > 1;

-- values_are_clean: Ids are from 1 to 10^18 - 1 and names are there, without outer spaces.
SELECT
  line,
  customer_id,
  name
FROM `workspace`.`lending_club_staging`.`customers` AS __batch__
WHERE
  customer_id IS NULL
  OR customer_id < 1
  OR customer_id >= 1000000000000000000
  OR name IS NULL
  OR name = ''
  OR STARTSWITH(name, ' ')
  OR ENDSWITH(name, ' ')
