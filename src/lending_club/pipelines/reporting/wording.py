"""Amounts, rates, counts and times as a person reads them. Decimals stay exact."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal

_CENT = Decimal("0.01")
# The sum of refused balances may have any number of digits; a page shows so many of them.
_LONGEST = 40


def amount(value: Decimal | str) -> str:
    """An amount with all its decimals, two at least; one too long for a page with its first digits and its size."""
    exact = Decimal(value)
    if max(exact.adjusted(), 0) + max(-int(exact.as_tuple().exponent), 0) > _LONGEST:
        return f"about {Context(prec=6).create_decimal(exact):E}"
    whole, _, decimals = f"{exact:,f}".partition(".")
    return f"{whole}.{decimals:0<2}"


def difference(value: Decimal) -> str:
    """An amount by which something has changed, with its sign."""
    return f"+{amount(value)}" if value > 0 else amount(value)


def percent(rate: Decimal) -> str:
    """A rate such as 0.0150 as ``1.50 %``."""
    return f"{rate * 100:.2f} %"


def tier(at_least: Decimal, below: Decimal | None) -> str:
    """The balances of a tier or a size."""
    if below is None:
        return f"{amount(at_least)} and above"
    return f"{amount(at_least)} to below {amount(below)}"


def total(values: list[Decimal]) -> Decimal:
    """The exact sum."""
    context = Context(prec=100)
    found = Decimal(0)
    for value in values:
        found = context.add(found, value)
    return found


def to_cents(value: Decimal) -> Decimal:
    """Rounded half up to cents, as each account's interest is."""
    return value.quantize(_CENT, ROUND_HALF_UP, Context(prec=100))


def shortened(text: str, length: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= length else f"{text[: length - 1]}\N{HORIZONTAL ELLIPSIS}"


def timestamp(moment: datetime) -> str:
    """A moment of UTC to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
