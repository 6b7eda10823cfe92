-- Shared by the models of this folder and expanded into them. \z is the end of the text.

-- 1 to 10^18 - 1, leading zeros allowed; then, without them, as the number is written.
CREATE MACRO is_customer_id(v) AS regexp_matches(v, '^0*[1-9][0-9]{0,17}\z');
CREATE MACRO is_written_customer_id(v) AS regexp_matches(v, '^[1-9][0-9]{0,17}\z');

-- White space only as single spaces between other characters. A text of five characters cannot mean "missing". The letters are
-- those from U+00A1 up to the first white space outside Latin-1, U+1680, with no white space among them.
CREATE MACRO is_tidy(v) AS
  regexp_matches(v, '^[!-~\x{A1}-\x{167F}][ -~\x{A1}-\x{167F}]{3,}[!-~\x{A1}-\x{167F}]\z') AND NOT contains(v, '  ');

CREATE MACRO is_tidy_id(v) AS regexp_matches(v, '^[!-~]{5,}\z');

-- A number of DECIMAL(18, 2) below 10^13 that is nothing but digits and a point; then, as such a number is written.
CREATE MACRO is_balance(v) AS regexp_matches(v, '^[0-9]{1,13}([.][0-9]{1,2})?\z');
CREATE MACRO is_written_balance(v) AS regexp_matches(v, '^(0|[1-9][0-9]{0,12})[.][0-9][0-9]\z');
