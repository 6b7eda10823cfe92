/* The records of Customer.csv that need cleaning, read value by value. `reasons` are those of the contract's value table, in the */
/* order of the file's columns. */
WITH texts AS (
  SELECT
    line,
    malformed,
    (
      CASE
        WHEN NOT LOWER(
          (
            CASE
              WHEN REGEXP_LIKE(COALESCE(customer_text, CAST(customer_id AS STRING)), '^[!-~]([ -~]*[!-~])?\\z')
              THEN COALESCE(customer_text, CAST(customer_id AS STRING))
              ELSE REGEXP_EXTRACT(
                COALESCE(customer_text, CAST(customer_id AS STRING)),
                '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
                0
              )
            END
          )
        ) IN ('', 'null', 'n/a', 'na', 'nan', 'none')
        THEN (
          CASE
            WHEN REGEXP_LIKE(COALESCE(customer_text, CAST(customer_id AS STRING)), '^[!-~]([ -~]*[!-~])?\\z')
            THEN COALESCE(customer_text, CAST(customer_id AS STRING))
            ELSE REGEXP_EXTRACT(
              COALESCE(customer_text, CAST(customer_id AS STRING)),
              '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
              0
            )
          END
        )
      END
    ) AS customer_text,
    (
      CASE
        WHEN REGEXP_LIKE(
          (
            CASE
              WHEN NOT LOWER(
                (
                  CASE
                    WHEN REGEXP_LIKE(name, '^[!-~]([ -~]*[!-~])?\\z')
                    THEN name
                    ELSE REGEXP_EXTRACT(
                      name,
                      '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
                      0
                    )
                  END
                )
              ) IN ('', 'null', 'n/a', 'na', 'nan', 'none')
              THEN (
                CASE
                  WHEN REGEXP_LIKE(name, '^[!-~]([ -~]*[!-~])?\\z')
                  THEN name
                  ELSE REGEXP_EXTRACT(
                    name,
                    '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
                    0
                  )
                END
              )
            END
          ),
          '^[ -~]*\\z'
        )
        AND NOT CONTAINS(
          (
            CASE
              WHEN NOT LOWER(
                (
                  CASE
                    WHEN REGEXP_LIKE(name, '^[!-~]([ -~]*[!-~])?\\z')
                    THEN name
                    ELSE REGEXP_EXTRACT(
                      name,
                      '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
                      0
                    )
                  END
                )
              ) IN ('', 'null', 'n/a', 'na', 'nan', 'none')
              THEN (
                CASE
                  WHEN REGEXP_LIKE(name, '^[!-~]([ -~]*[!-~])?\\z')
                  THEN name
                  ELSE REGEXP_EXTRACT(
                    name,
                    '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
                    0
                  )
                END
              )
            END
          ),
          '  '
        )
        THEN (
          CASE
            WHEN NOT LOWER(
              (
                CASE
                  WHEN REGEXP_LIKE(name, '^[!-~]([ -~]*[!-~])?\\z')
                  THEN name
                  ELSE REGEXP_EXTRACT(
                    name,
                    '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
                    0
                  )
                END
              )
            ) IN ('', 'null', 'n/a', 'na', 'nan', 'none')
            THEN (
              CASE
                WHEN REGEXP_LIKE(name, '^[!-~]([ -~]*[!-~])?\\z')
                THEN name
                ELSE REGEXP_EXTRACT(
                  name,
                  '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
                  0
                )
              END
            )
          END
        )
        ELSE REGEXP_REPLACE(
          (
            CASE
              WHEN NOT LOWER(
                (
                  CASE
                    WHEN REGEXP_LIKE(name, '^[!-~]([ -~]*[!-~])?\\z')
                    THEN name
                    ELSE REGEXP_EXTRACT(
                      name,
                      '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
                      0
                    )
                  END
                )
              ) IN ('', 'null', 'n/a', 'na', 'nan', 'none')
              THEN (
                CASE
                  WHEN REGEXP_LIKE(name, '^[!-~]([ -~]*[!-~])?\\z')
                  THEN name
                  ELSE REGEXP_EXTRACT(
                    name,
                    '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
                    0
                  )
                END
              )
            END
          ),
          '[\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}]+',
          ' '
        )
      END
    ) AS name,
    (
      CASE
        WHEN NOT LOWER(
          (
            CASE
              WHEN REGEXP_LIKE(has_loan, '^[!-~]([ -~]*[!-~])?\\z')
              THEN has_loan
              ELSE REGEXP_EXTRACT(
                has_loan,
                '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
                0
              )
            END
          )
        ) IN ('', 'null', 'n/a', 'na', 'nan', 'none')
        THEN (
          CASE
            WHEN REGEXP_LIKE(has_loan, '^[!-~]([ -~]*[!-~])?\\z')
            THEN has_loan
            ELSE REGEXP_EXTRACT(
              has_loan,
              '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
              0
            )
          END
        )
      END
    ) AS loan_text
  FROM `workspace`.`lending_club_raw`.`customers` AS raw_customers
  WHERE
    NOT is_clean
), parsed AS (
  SELECT
    *,
    CASE
      WHEN (
        REGEXP_LIKE(customer_text, '^0*[1-9][0-9]{0,17}\\z')
      )
      THEN CAST(customer_text AS BIGINT)
    END AS customer_id,
    CASE
      WHEN (
        CASE WHEN REGEXP_LIKE(loan_text, '^[A-Za-z0-9]+\\z') THEN LOWER(loan_text) END
      ) IN ('yes', 'y', 'true', 't', '1')
      THEN TRUE
      WHEN (
        CASE WHEN REGEXP_LIKE(loan_text, '^[A-Za-z0-9]+\\z') THEN LOWER(loan_text) END
      ) IN ('no', 'n', 'false', 'f', '0')
      THEN FALSE
    END AS has_loan
  FROM texts
)
SELECT
  line,
  customer_id,
  name,
  has_loan,
  CASE
    WHEN NOT malformed IS NULL
    THEN 'malformed_row'
    ELSE NULLIF(
      CONCAT_WS(
        ',',
        CASE
          WHEN customer_text IS NULL
          THEN 'missing_customer_id'
          WHEN customer_id IS NULL
          THEN 'invalid_customer_id'
        END,
        CASE WHEN name IS NULL THEN 'missing_name' END,
        CASE WHEN NOT loan_text IS NULL AND has_loan IS NULL THEN 'invalid_has_loan' END
      ),
      ''
    )
  END AS reasons
FROM parsed
