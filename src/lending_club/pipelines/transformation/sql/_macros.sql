-- Shared by the models of this folder and expanded into them. \z is the end of the text: in Databricks '$' would also match
-- before a final line break.

-- White space is Unicode's White_Space. Asking first whether there is any to remove is cheaper than removing it. What is left,
-- from the first to the last other character, is extracted: where much white space stands inside, to look for it at the end
-- costs Databricks the square of the length.
CREATE MACRO trimmed(v) AS CASE
  WHEN regexp_matches(v, '^[!-~]([ -~]*[!-~])?\z') THEN v
  ELSE regexp_extract(v, '(?s)[^\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}](.*[^\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}])?')
END;

-- Inner white space as single spaces, for a trimmed text. Two spaces are looked for without a repeated group: Java's stack is too
-- small for thousands of words.
CREATE MACRO folded(v) AS CASE
  WHEN regexp_matches(v, '^[ -~]*\z') AND NOT contains(v, '  ') THEN v
  ELSE regexp_replace(v, '[\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]+', ' ', 'g')
END;

-- A trimmed text, or NULL where it means "missing". No letter outside ASCII becomes one of these words in lower case.
CREATE MACRO present(v) AS CASE WHEN lower(v) NOT IN ('', 'null', 'n/a', 'na', 'nan', 'none') THEN v END;

-- A word of ASCII letters and digits in lower case, else NULL: lower() alone would make a 'k' of the Kelvin sign.
CREATE MACRO word(v) AS CASE WHEN regexp_matches(v, '^[A-Za-z0-9]+\z') THEN lower(v) END;

-- 1 to 10^18 - 1, leading zeros allowed.
CREATE MACRO is_customer_id(v) AS regexp_matches(v, '^0*[1-9][0-9]{0,17}\z');

-- A number by the contract: sign, '$', digits or groups of three, point, decimals; at least one digit.
CREATE MACRO is_number(v) AS
  regexp_matches(v, '^[+-]?[$]?(([0-9]{1,3}(,[0-9]{3})+|[0-9]+)([.][0-9]*)?|[.][0-9]+)\z');

-- Of such a number: the digits before the point without leading zeros, those after it without trailing ones.
CREATE MACRO whole_digits(v) AS ltrim(split_part(regexp_replace(v, '[-+$,]', '', 'g'), '.', 1), '0');
CREATE MACRO decimal_digits(v) AS rtrim(split_part(v, '.', 2), '0');

-- Contract, "The interest". DuckDB multiplies into DECIMAL(18, 6), which the largest balances at rates above 0.1 do not fit; to
-- multiply into a wider type takes 25 times as long.
CREATE MACRO interest_of(balance, rate) AS CAST(ROUND(
  CASE WHEN balance < 100000000000 THEN balance * rate ELSE CAST(balance AS DECIMAL(20, 2)) * rate END, 2
) AS DECIMAL(18, 2));
