/* The records of accounts.csv that need cleaning, read value by value. `reasons` are those of the contract's value table, in the */
/* order of the file's columns. `refused_balance` is a balance that is a number but not a valid one: sign, whole digits, '.', decimals. */
WITH texts AS (
  SELECT
    line,
    malformed,
    (
      CASE
        WHEN NOT LOWER(
          (
            CASE
              WHEN REGEXP_LIKE(account_id, '^[!-~]([ -~]*[!-~])?\\z')
              THEN account_id
              ELSE REGEXP_EXTRACT(
                account_id,
                '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
                0
              )
            END
          )
        ) IN ('', 'null', 'n/a', 'na', 'nan', 'none')
        THEN (
          CASE
            WHEN REGEXP_LIKE(account_id, '^[!-~]([ -~]*[!-~])?\\z')
            THEN account_id
            ELSE REGEXP_EXTRACT(
              account_id,
              '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
              0
            )
          END
        )
      END
    ) AS account_id,
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
        WHEN NOT LOWER(
          (
            CASE
              WHEN REGEXP_LIKE(COALESCE(balance_text, CAST(balance AS STRING)), '^[!-~]([ -~]*[!-~])?\\z')
              THEN COALESCE(balance_text, CAST(balance AS STRING))
              ELSE REGEXP_EXTRACT(
                COALESCE(balance_text, CAST(balance AS STRING)),
                '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
                0
              )
            END
          )
        ) IN ('', 'null', 'n/a', 'na', 'nan', 'none')
        THEN (
          CASE
            WHEN REGEXP_LIKE(COALESCE(balance_text, CAST(balance AS STRING)), '^[!-~]([ -~]*[!-~])?\\z')
            THEN COALESCE(balance_text, CAST(balance AS STRING))
            ELSE REGEXP_EXTRACT(
              COALESCE(balance_text, CAST(balance AS STRING)),
              '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
              0
            )
          END
        )
      END
    ) AS balance_text,
    (
      CASE
        WHEN NOT LOWER(
          (
            CASE
              WHEN REGEXP_LIKE(account_type, '^[!-~]([ -~]*[!-~])?\\z')
              THEN account_type
              ELSE REGEXP_EXTRACT(
                account_type,
                '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
                0
              )
            END
          )
        ) IN ('', 'null', 'n/a', 'na', 'nan', 'none')
        THEN (
          CASE
            WHEN REGEXP_LIKE(account_type, '^[!-~]([ -~]*[!-~])?\\z')
            THEN account_type
            ELSE REGEXP_EXTRACT(
              account_type,
              '(?s)[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}](.*[^\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}])?',
              0
            )
          END
        )
      END
    ) AS type_text
  FROM `workspace`.`lending_club_raw`.`accounts` AS raw_accounts
  WHERE
    NOT is_clean
), digits AS (
  SELECT
    *,
    CASE
      WHEN (
        REGEXP_LIKE(
          balance_text,
          '^[+-]?[$]?(([0-9]{1,3}(,[0-9]{3})+|[0-9]+)([.][0-9]*)?|[.][0-9]+)\\z'
        )
      )
      THEN (
        TRIM(LEADING '0' FROM SPLIT_PART(REGEXP_REPLACE(balance_text, '[-+$,]', ''), '.', 1))
      )
    END AS whole,
    CASE
      WHEN (
        REGEXP_LIKE(
          balance_text,
          '^[+-]?[$]?(([0-9]{1,3}(,[0-9]{3})+|[0-9]+)([.][0-9]*)?|[.][0-9]+)\\z'
        )
      )
      THEN (
        TRIM(TRAILING '0' FROM SPLIT_PART(balance_text, '.', 2))
      )
    END AS decimals
  FROM texts
), parsed AS (
  SELECT
    *,
    CASE
      WHEN (
        REGEXP_LIKE(customer_text, '^0*[1-9][0-9]{0,17}\\z')
      )
      THEN CAST(customer_text AS BIGINT)
    END AS customer_id,
    CASE (
        CASE WHEN REGEXP_LIKE(type_text, '^[A-Za-z0-9]+\\z') THEN LOWER(type_text) END
      )
      WHEN 'savings'
      THEN 'Savings'
      WHEN 'checking'
      THEN 'Checking'
    END AS account_type,
    CASE
      WHEN balance_text IS NULL
      THEN 'missing_balance'
      WHEN whole IS NULL
      THEN 'invalid_balance'
      WHEN LENGTH(decimals) > 2
      THEN 'balance_precision'
      WHEN STARTSWITH(balance_text, '-')
      AND CONCAT(COALESCE(whole, ''), COALESCE(decimals, '')) <> ''
      THEN 'negative_balance'
      WHEN LENGTH(whole) > 13
      THEN 'balance_out_of_range'
    END AS balance_reason
  FROM digits
)
SELECT
  line,
  account_id,
  customer_id,
  CASE
    WHEN balance_reason IS NULL
    THEN CAST(CONCAT('0', COALESCE(whole, ''), '.', COALESCE(decimals, ''), '0') AS DECIMAL(18, 2))
  END AS balance,
  CASE
    WHEN NOT balance_reason IS NULL AND NOT whole IS NULL
    THEN CONCAT(
      COALESCE(CASE WHEN STARTSWITH(balance_text, '-') THEN '-' ELSE '' END, ''),
      COALESCE(whole, ''),
      '.',
      COALESCE(decimals, '')
    )
  END AS refused_balance,
  account_type,
  CASE
    WHEN NOT malformed IS NULL
    THEN 'malformed_row'
    ELSE NULLIF(
      CONCAT_WS(
        ',',
        CASE WHEN account_id IS NULL THEN 'missing_account_id' END,
        CASE
          WHEN customer_text IS NULL
          THEN 'missing_customer_id'
          WHEN customer_id IS NULL
          THEN 'invalid_customer_id'
        END,
        balance_reason,
        CASE
          WHEN type_text IS NULL
          THEN 'missing_account_type'
          WHEN account_type IS NULL
          THEN 'unknown_account_type'
        END
      ),
      ''
    )
  END AS reasons
FROM parsed
