{{ config(materialized='table') }}
SELECT CAST(at_least AS DECIMAL(18, 2)) AS at_least, CAST(below AS DECIMAL(18, 2)) AS below, CAST(rate AS DECIMAL(5, 4)) AS rate
FROM (VALUES ('0', '10000', '0.0100'), ('10000', '20000', '0.0150'), ('20000', NULL, '0.0200')) AS t(at_least, below, rate)
