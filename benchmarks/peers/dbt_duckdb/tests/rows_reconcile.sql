SELECT * FROM {{ ref('reconciliation_counts') }} WHERE rows_in <> rows_published + rows_excluded + rows_quarantined
