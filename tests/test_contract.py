"""The whole job against the oracle: hostile files until rows, decimals, reasons and line numbers agree."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from lending_club.errors import InputFileError
from lending_club.warehouse import Table
from lending_club.warehouse.duckdb import DuckDBWarehouse
from tests.conftest import run_here, write_inputs
from tests.oracle import ACCOUNT_COLUMNS, CUSTOMER_COLUMNS, SPACES, FileFaultError, expected
from tests.published import COLUMNS, assert_published

MISSING = ["", "null", "N/A", "na", "NaN", "None", " ", "nUlL", "  n/a "]
IDS = "1 2 3 4 05 6 007 999999999999999999 00000000000000000000000000001".split()
BAD_IDS = ["1 2", *"0 000 1000000000000000000 -1 +1 1.0 1e1 ١ 1_0 x".split()]
BALANCES = [
    *"0 0.00 -0.00 9999.99 10000 10000.00 10000.01 19999.99 20000.00 20000.01 0.005 100.50 1234.5 +1,234.50 -$5.00".split(),
    *"007.10 12.500 .5 5. $1,000,000.00 9999999999999.99 9,999,999,999,999.99 12.505 -12.505 0.001 -0.001 -1 -0.0000".split(),
    *"1e5 12,34 1.2.3 ABC . $ - + 1_000 0x1 inf 1,2345 ,123 1,234, --1 $-5 ١٢ 10000000000000 -10000000000000.00".split(),
    *["9" * 40, "-" + "9" * 40, "0." + "0" * 40 + "1", "123456789012345678.123456789012345678901", "0" * 50 + "7.1" + "0" * 50],
]
TYPES = ["Saving s", *"Savings savings SAVINGS Checking cHECKING Savıngs Chec\u212aing Sav\u0130ngs loan".split()]
LOANS = ["t rue", *"Yes no Y n TRUE false T f 1 0 maybe 2 ye\u017f".split()]
NAMES = 'Ada|Ada Li| Ada \t Li|Ada\u00a0\u2003Li|O\'Neil, Jr.|The "Boss"|#1|A\nMaria|A\r\nMaria|İpek|Ada Lovelace|x,\x1f'.split(
    "|"
)
KEYS = 'A1|A2|A3| A1|a1|A 1|#A|A,1|A"1|Ä1|\U0001f600|\ufffd|A1\u2003|\ufeffA1|A\n1|\x1cA1|ACC-01|ACC-02|ACC-01 '.split("|")
SPACE = st.sampled_from([*SPACES.replace("\r", "").replace("\n", ""), " ", "", "", "  "])
ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=6)


def value_of(*pools: list[str]) -> st.SearchStrategy[str]:
    """Mostly a value of the first pool, sometimes of another, sometimes anything; sometimes with white space around it."""
    likely = st.sampled_from(pools[0])
    chosen = st.one_of(likely, likely, likely, likely, *map(st.sampled_from, pools[1:]), ANY_TEXT)
    return st.one_of(chosen, chosen, chosen, st.tuples(SPACE, chosen, SPACE).map("".join))


CUSTOMER = st.tuples(value_of(IDS, BAD_IDS, MISSING), value_of(NAMES, MISSING), value_of(LOANS, MISSING))
ACCOUNT = st.tuples(
    value_of(KEYS, MISSING), value_of(IDS, BAD_IDS, MISSING), value_of(BALANCES, MISSING), value_of(TYPES, MISSING)
)


@st.composite
def encoded(draw: st.DrawFn, value: str, hostile: bool) -> str:
    """A value as it may stand in a file."""
    needs_quotes = any(c in value for c in ',"\r\n')
    style = draw(st.integers(0, 11 if hostile else 9))
    if style == 11:
        return value.replace("\r", "")  # whatever that does to the record
    if needs_quotes or style in (0, 10):
        quoted = '"' + value.replace('"', '""') + '"'
        if style == 10:
            quoted = draw(SPACE) + quoted + draw(st.one_of(SPACE, st.sampled_from(["x", ' "', "'"])))
        return quoted
    return value


@st.composite
def csv_file(draw: st.DrawFn, columns: list[str], row: st.SearchStrategy[tuple[str, ...]], row_count: int = 12) -> bytes:
    """A CSV file: any order of columns, any line ends, blank lines, rows that do not fit."""
    hostile = draw(st.booleans())
    plain = draw(st.integers(0, 3)) == 0  # files that need no care take another way through the reader
    extra = [] if plain else draw(st.lists(st.sampled_from(["Extra", "Note", "", '"a\nb"']), max_size=2))
    order = draw(st.permutations(range(len(columns) + len(extra))))
    names = [draw(st.sampled_from([name, name.upper(), f" {name} ", f'"{name}"' if not plain else name])) for name in columns]
    line_end = st.sampled_from(["\n"]) if plain else st.sampled_from(["\n", "\n", "\r\n"])
    blank = st.just("") if plain else st.sampled_from(["", "", "", "\n", "\r\n"])

    def line(values: list[str]) -> str:
        return ",".join(values[place] for place in order)

    text = draw(blank) + line([*names, *extra]) + draw(line_end)
    rows = draw(st.lists(row, min_size=1, max_size=row_count))
    rows += [rows[draw(st.integers(0, len(rows) - 1))] for _ in range(draw(st.integers(0, 3)))]
    for values in rows:
        if plain:
            cells = [value.translate(dict.fromkeys(map(ord, ',"\r\n'))) for value in values]
        else:
            cells = [draw(encoded(value, hostile)) for value in values]
        text += draw(blank) + line([*cells, *(draw(encoded(draw(ANY_TEXT), hostile)) for _ in extra)])
        if draw(st.integers(0, 25)) == 0:
            text += draw(st.sampled_from([",", ",x", ' "', ",\n"]))
        text += draw(line_end)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    return (b"\xef\xbb\xbf" if draw(st.booleans()) else b"") + text.encode()


@st.composite
def loose_text(draw: st.DrawFn, columns: list[str]) -> bytes:
    """A header and then any sequence of the characters that matter."""
    pieces = draw(st.lists(st.sampled_from([*',,,"""\n\n\n\r 1a5.S', "\r\n", "\u2003", "\x00"]), max_size=60))
    return (",".join(columns) + "\n" + "".join(pieces)).encode()


COMPARED: Counter[str] = Counter()


@pytest.fixture(scope="module")
def workplace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("contract")
    told = ", ".join(f"{count:,} {what}" for what, count in sorted(COMPARED.items()))
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f" held against the oracle: {told}")


def assert_job_agrees(data: Path, customers: bytes, accounts: bytes, checks: bool = False) -> None:
    shutil.rmtree(data / "08_reporting", ignore_errors=True)
    write_inputs(data, customers, accounts)
    note(f"Customer.csv: {customers!r}")
    note(f"accounts.csv: {accounts!r}")
    COMPARED["files"] += 2
    try:
        wanted = expected(customers, accounts)
    except FileFaultError as fault:
        with pytest.raises(InputFileError) as raised:
            run_here(data, quality={"max_quarantined_share": 1})
        message = str(raised.value)
        assert any(words in message and (line is None or f", line {line}:" in message) for words, line in fault.faults), message
        assert not (data / "08_reporting" / ".current").exists()
        COMPARED["refused pairs of files"] += 1
    else:
        run_here(data, quality={"max_quarantined_share": 1, "checks": checks})
        assert_published(data, wanted)
        assert_outputs_read_back_equal(data)
        COMPARED["rows"] += sum(row[1] for row in wanted.reconciliation)
        COMPARED["quarantined rows"] += len(wanted.quarantine)


def assert_outputs_read_back_equal(data: Path) -> None:
    """What the checks go by: each file is found to hold the rows of its table."""
    warehouse = DuckDBWarehouse(data / "02_intermediate" / "lending_club.duckdb")
    for name in COLUMNS:
        table = Table(warehouse, f"marts.{name}")
        found = {warehouse.fingerprint(table)}
        for path in (data / "08_reporting").glob(f"{name}.*"):
            found.add(warehouse.fingerprint(table, path, path.suffix[1:]))
        found.add(warehouse.fingerprint(table, data / "08_reporting" / "lending_club.duckdb", "duckdb"))
        assert len(found) == 1, name
    warehouse.close()


@given(customers=csv_file(CUSTOMER_COLUMNS, CUSTOMER), accounts=csv_file(ACCOUNT_COLUMNS, ACCOUNT))
def test_the_job_agrees_with_the_oracle(workplace: Path, customers: bytes, accounts: bytes) -> None:
    assert_job_agrees(workplace, customers, accounts)


@given(customers=loose_text(CUSTOMER_COLUMNS), accounts=loose_text(ACCOUNT_COLUMNS))
def test_the_job_agrees_with_the_oracle_on_loose_text(workplace: Path, customers: bytes, accounts: bytes) -> None:
    assert_job_agrees(workplace, customers, accounts)


@settings(max_examples=20)
@given(customers=csv_file(CUSTOMER_COLUMNS, CUSTOMER), accounts=csv_file(ACCOUNT_COLUMNS, ACCOUNT))
def test_results_of_hostile_files_meet_their_expectations(workplace: Path, customers: bytes, accounts: bytes) -> None:
    assert_job_agrees(workplace, customers, accounts, checks=True)


def test_the_largest_balances_earn_the_highest_rates(workplace: Path) -> None:
    balances = ["9999999999999.99", "100000000000.00", "99999999999.99", "0.01"]
    accounts = "".join(f"{place},{place % 2 + 1},{balance},Savings\n" for place, balance in enumerate(balances))
    write_inputs(
        workplace,
        b"CustomerID,Name,HasLoan\n1,Ada,Yes\n2,Li,No\n",
        f"AccountID,CustomerID,Balance,AccountType\n{accounts}".encode(),
    )
    interest = {"tiers": [{"at_least": "0", "rate": "1"}], "loan_bonus": "1"}
    run_here(workplace, interest=interest, quality={"checks": True})
    earned = [line.split(",") for line in (workplace / "08_reporting" / "account_summary.csv").read_text().splitlines()[1:]]
    assert [(rate, amount) for _, _, _, rate, amount, _ in earned] == [
        ("2.0000", "19999999999999.98"),
        ("1.0000", "100000000000.00"),
        ("2.0000", "199999999999.98"),
        ("1.0000", "0.01"),
    ]
