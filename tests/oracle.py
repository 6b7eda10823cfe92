"""The data contract read a second time, with nothing but Python's own text and decimals: what the tests hold the job against.

It shares no code with the project and takes one character at a time. It is slow and plain on purpose.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

EXACT = Context(prec=300_000)
CENT = Decimal("0.01")
SPACE = [
    *range(0x9, 0xE),
    0x20,
    0x85,
    0xA0,
    0x1680,
    *range(0x2000, 0x200B),
    0x2028,
    0x2029,
    0x202F,
    0x205F,
    0x3000,
]
SPACES = "".join(map(chr, SPACE))
DIGITS = "0123456789"
CUSTOMER_COLUMNS = ["CustomerID", "Name", "HasLoan"]
ACCOUNT_COLUMNS = ["AccountID", "CustomerID", "Balance", "AccountType"]


class FileFaultError(Exception):
    """The file stops the run. ``faults`` holds every fault that a reader may name, as (words, line)."""

    def __init__(self, faults: list[tuple[str, int | None]]) -> None:
        super().__init__(str(faults))
        self.faults = faults


@dataclass
class Row:
    line: int
    text: str
    fields: list[str]
    is_malformed: bool
    raw: dict[str, str] = field(default_factory=dict)
    clean: dict[str, Any] = field(default_factory=dict)
    number: Decimal | None = None
    reasons: list[str] = field(default_factory=list)


def records(text: str) -> list[Row]:
    """Cut a text into records."""
    faults: list[tuple[str, int | None]] = []
    rows: list[Row] = []
    line, at = 1, 0
    while at < len(text):
        if text[at] == "\n" or text[at : at + 2] == "\r\n":
            at += 1 if text[at] == "\n" else 2
            line += 1
            continue
        row = Row(line, "", [], False)
        start, is_open = at, True
        while is_open:
            value, at, breaks, is_junk, is_open = one_field(text, at, line, faults)
            row.fields.append(value)
            row.is_malformed |= is_junk
            line += breaks
        row.text = text[start:at]
        rows.append(row)
        if text[at : at + 2] == "\r\n":
            at += 2
        elif at < len(text):
            at += 1
        line += 1
    if faults:
        raise FileFaultError(faults)
    return rows


def one_field(text: str, at: int, line: int, faults: list[tuple[str, int | None]]) -> tuple[str, int, int, bool, bool]:
    """Read a field; return it, where it ends, its line breaks, whether junk follows its quote, whether more fields follow."""
    start, breaks, is_junk = at, 0, False
    value: str | None = None
    while at < len(text) and text[at] in SPACES and text[at] not in "\r\n":
        at += 1
    if at < len(text) and text[at] == '"':
        opened_on = line
        at += 1
        value = ""
        while True:
            if at >= len(text):
                faults.append(("never closed", opened_on))
                return value, at, breaks, is_junk, False
            if text[at] == '"' and text[at : at + 2] != '""':
                at += 1
                break
            breaks += text[at] == "\n"
            value += text[at]
            at += 2 if text[at] == '"' else 1
    else:
        at = start
    rest = ""
    while at < len(text) and text[at] not in ",\n" and text[at : at + 2] != "\r\n":
        if text[at] == "\r":
            faults.append(("CR without LF", line + breaks))
        rest += text[at]
        at += 1
    if value is None:
        value = rest
    else:
        is_junk = bool(rest.strip(SPACES))
    if at < len(text) and text[at] == ",":
        return value, at + 1, breaks, is_junk, True
    return value, at, breaks, is_junk, False


def ascii_lower(text: str) -> str:
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def read(data: bytes, columns: list[str]) -> list[Row]:
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileFaultError([("not UTF-8", data[: data.index(error.object[error.start :])].count(b"\n") + 1)]) from None
    faults: list[tuple[str, int | None]] = []
    try:
        rows = records(text)
    except FileFaultError as fault:
        faults = fault.faults
        rows = []
    if not faults and not rows:
        raise FileFaultError([("is empty", None)])
    if rows:
        header = rows[0]
        if header.is_malformed:
            faults.append(("the header has text after a closing quote", header.line))
        names = [ascii_lower(name.strip(SPACES)) for name in header.fields]
        for column in columns:
            if names.count(column.lower()) == 0:
                faults.append((f"column {column} is missing", header.line))
            if names.count(column.lower()) > 1:
                faults.append((f"column {column} is given twice", header.line))
        if len(rows) == 1:
            faults.append(("no rows", None))
    if faults:
        raise FileFaultError(faults)
    for row in rows[1:]:
        row.is_malformed |= len(row.fields) != len(names)
        if not row.is_malformed:
            row.raw = {column: row.fields[names.index(column.lower())] for column in columns}
    return rows[1:]


def present(value: str) -> str | None:
    text = value.strip(SPACES)
    return None if ascii_lower(text) in ("", "null", "n/a", "na", "nan", "none") else text


def customer_id(text: str) -> int | None:
    if any(c not in DIGITS for c in text):
        return None
    number = int(text.lstrip("0")[:19] or "0")
    return number if 1 <= number <= 10**18 - 1 else None


def balance(text: str) -> Decimal | None:
    """The exact number that a balance's text means, None where it is no number."""
    body = text[1:] if text[:1] in ("+", "-") and text else text
    body = body.removeprefix("$")
    whole, _, decimals = body.partition(".")
    if "," in whole:
        first, *groups = whole.split(",")
        if not 1 <= len(first) <= 3 or any(len(group) != 3 for group in groups):
            return None
        whole = whole.replace(",", "")
    digits = whole + decimals
    if not digits or any(c not in DIGITS for c in digits):
        return None
    return Decimal((1 if text.startswith("-") else 0, tuple(map(int, digits)), -len(decimals)))


def judge_customer(row: Row) -> None:
    text = present(row.raw["CustomerID"])
    if text is None:
        row.reasons.append("missing_customer_id")
    elif customer_id(text) is None:
        row.reasons.append("invalid_customer_id")
    else:
        row.clean["customer_id"] = customer_id(text)
    name = present(row.raw["Name"])
    if name is None:
        row.reasons.append("missing_name")
    else:
        for space in SPACES:
            name = name.replace(space, " ")
        row.clean["name"] = " ".join(part for part in name.split(" ") if part)
    loan = present(row.raw["HasLoan"])
    row.clean["has_loan"] = None
    if loan is not None:
        if ascii_lower(loan) in ("yes", "y", "true", "t", "1"):
            row.clean["has_loan"] = True
        elif ascii_lower(loan) in ("no", "n", "false", "f", "0"):
            row.clean["has_loan"] = False
        else:
            row.reasons.append("invalid_has_loan")


def judge_account(row: Row) -> None:
    row.clean["account_id"] = present(row.raw["AccountID"])
    if row.clean["account_id"] is None:
        row.reasons.append("missing_account_id")
    text = present(row.raw["CustomerID"])
    if text is None:
        row.reasons.append("missing_customer_id")
    elif customer_id(text) is None:
        row.reasons.append("invalid_customer_id")
    else:
        row.clean["customer_id"] = customer_id(text)
    amount = present(row.raw["Balance"])
    if amount is None:
        row.reasons.append("missing_balance")
    else:
        row.number = balance(amount)
        if row.number is None:
            row.reasons.append("invalid_balance")
        elif row.number != row.number.quantize(CENT, context=EXACT):
            row.reasons.append("balance_precision")
        elif row.number < 0:
            row.reasons.append("negative_balance")
        elif row.number >= 10**13:
            row.reasons.append("balance_out_of_range")
        else:
            row.clean["balance"] = abs(row.number.quantize(CENT, context=EXACT))
    kind = present(row.raw["AccountType"])
    if kind is None:
        row.reasons.append("missing_account_type")
    elif ascii_lower(kind) not in ("savings", "checking"):
        row.reasons.append("unknown_account_type")
    else:
        row.clean["account_type"] = ascii_lower(kind).capitalize()


def judge_keys(rows: list[Row], key: str) -> None:
    groups = defaultdict(list)
    for row in rows:
        if not row.reasons:
            groups[row.clean[key]].append(row)
    for group in groups.values():
        if any(row.clean != group[0].clean for row in group):
            for row in group:
                row.reasons.append("conflicting_duplicate")
        else:
            for row in group[1:]:
                row.reasons.append("duplicate_row")


@dataclass
class Expected:
    account_summary: list[tuple[Any, ...]]
    customer_profile: list[tuple[Any, ...]]
    quarantine: list[tuple[str, int, list[str], dict[str, str]]]
    reconciliation: list[tuple[Any, ...]]
    reconciliation_reasons: list[tuple[str, str, int]]


TIERS = [(Decimal(0), Decimal("0.0100")), (Decimal(10_000), Decimal("0.0150")), (Decimal(20_000), Decimal("0.0200"))]
BONUS = Decimal("0.0050")


def expected(
    customers_csv: bytes,
    accounts_csv: bytes,
    tiers: list[tuple[Decimal, Decimal]] = TIERS,
    bonus: Decimal = BONUS,
    eligible: tuple[str, ...] = ("Savings",),
) -> Expected:
    """What the job must publish for two files.

    Raises:
        FileFaultError: A file stops the run.
    """
    faults: list[tuple[str, int | None]] = []
    files = []
    for data, columns in ((customers_csv, CUSTOMER_COLUMNS), (accounts_csv, ACCOUNT_COLUMNS)):
        try:
            files.append(read(data, columns))
        except FileFaultError as fault:
            faults += fault.faults
    if faults:
        raise FileFaultError(faults)
    customers, accounts = files
    for rows, judge, key in ((customers, judge_customer, "customer_id"), (accounts, judge_account, "account_id")):
        for row in rows:
            if row.is_malformed:
                row.reasons.append("malformed_row")
            else:
                judge(row)
        judge_keys(rows, key)
    valid = {row.clean["customer_id"]: row for row in customers if not row.reasons}
    known = {row.clean["customer_id"] for row in customers if "customer_id" in row.clean}
    for row in accounts:
        if not row.reasons and row.clean["customer_id"] not in valid:
            row.reasons.append("customer_quarantined" if row.clean["customer_id"] in known else "unknown_customer")

    summary: list[tuple[Any, ...]] = []
    profile: dict[int, list[Any]] = {}
    good = [row for row in accounts if not row.reasons]
    for row in sorted(good, key=lambda row: row.clean["account_id"]):
        if row.clean["account_type"] not in eligible:
            continue
        owner = valid[row.clean["customer_id"]].clean
        amount = row.clean["balance"]
        rate = [rate for start, rate in tiers if amount >= start][-1] + (bonus if owner["has_loan"] else 0)
        interest = (amount * rate).quantize(CENT, rounding=ROUND_HALF_UP, context=EXACT)
        summary.append(
            (owner["customer_id"], row.clean["account_id"], amount, rate.quantize(Decimal("0.0001")), interest, amount + interest)
        )
        totals = profile.setdefault(
            owner["customer_id"], [owner["name"], owner["has_loan"], 0, Decimal(0), Decimal(0), Decimal(0)]
        )
        for place, value in enumerate((1, amount, interest, amount + interest), start=2):
            totals[place] += value

    quarantine = [
        (
            source,
            row.line,
            row.reasons,
            {"text": row.text} if row.is_malformed else row.raw,
        )
        for source, rows in (("accounts", accounts), ("customers", customers))
        for row in rows
        if row.reasons
    ]
    bad = [row for row in accounts if row.reasons]
    out = [row for row in good if row.clean["account_type"] not in eligible]
    reconciliation = [
        (
            "accounts",
            len(accounts),
            len(summary),
            len(out),
            len(bad),
            exact_sum([row.number for row in accounts]),
            exact_sum([row[2] for row in summary]),
            exact_sum([row.number for row in out]),
            exact_sum([row.number for row in bad]),
        ),
        ("customers", len(customers), len(valid), 0, len(customers) - len(valid), None, None, None, None),
    ]
    reasons = Counter((source, reason) for source, _, found, _ in quarantine for reason in found)
    return Expected(
        summary,
        [(key, *values) for key, values in sorted(profile.items())],
        quarantine,
        reconciliation,
        [(source, reason, count) for (source, reason), count in sorted(reasons.items())],
    )


def exact_sum(numbers: list[Decimal | None]) -> Decimal:
    total = Decimal("0.00")
    for number in numbers:
        if number is not None:
            total = EXACT.add(total, number)
    while total != total.quantize(CENT, context=EXACT) and str(total)[-1] == "0":
        total = total.quantize(Decimal(1).scaleb(int(total.as_tuple().exponent) + 1, EXACT), context=EXACT)
    cents = total.quantize(CENT, context=EXACT)
    return cents if cents == total else total
