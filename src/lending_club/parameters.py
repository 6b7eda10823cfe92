"""The parameters of a run as typed, frozen models; rules from the data contract, section "The interest"."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from lending_club.errors import ParameterError


def _exact(value: object) -> Decimal:
    """Read a number exactly; one that YAML or the command line made binary is taken by its shortest decimal text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise ValueError("must be a number")
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise ValueError("must be a number") from None
    if not number.is_finite():
        raise ValueError("must be a finite number")
    return number


def _not_empty(values: tuple[object, ...]) -> tuple[object, ...]:
    if not values:
        raise ValueError("must have at least one entry")
    return values


Rate = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=1, decimal_places=4)]
Share = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=1)]
Amount = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, lt=Decimal(10) ** 16, decimal_places=2)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


def _day(value: object) -> date | None:
    if value is None or type(value) is date:
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError("must be a day, such as 2026-01-30") from None


AsOfDate = Annotated[date | None, BeforeValidator(_day)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RateTier(_Frozen):
    """The base rate of some balances.

    Attributes:
        at_least: The smallest of these balances.
        below: They are smaller than this; the tier that goes without has no upper end.
        rate: Share of the balance that it earns in a year: 0.0150 is 1.5 %.
    """

    at_least: Amount
    below: Amount | None = None
    rate: Rate


class Interest(_Frozen):
    """What a savings account earns in a year.

    Attributes:
        tiers: Base rates by balance: sorted, from zero up, without gap or overlap, the last one without an upper end.
        loan_bonus: Added to the base rate of a customer with a loan.
        eligible_account_types: Account types that earn interest; valid accounts of other types are counted as excluded.
    """

    tiers: Annotated[tuple[RateTier, ...], AfterValidator(_not_empty)]
    loan_bonus: Rate
    eligible_account_types: Annotated[tuple[Literal["Savings", "Checking"], ...], AfterValidator(_not_empty)]

    @model_validator(mode="after")
    def _tiers_cover_all_balances_once(self) -> Self:
        if self.tiers[0].at_least != 0:
            raise ValueError("tiers[0].at_least: must be 0, so that every balance has a rate")
        for index, (lower, upper) in enumerate(pairwise(self.tiers), start=1):
            if lower.below is None:
                raise ValueError(f"tiers[{index - 1}].below: only the last tier may go without it")
            if upper.at_least < lower.at_least:
                raise ValueError(f"tiers[{index}].at_least: tiers must be sorted, {upper.at_least} is below {lower.at_least}")
            if upper.at_least != lower.below:
                fault = "a gap" if upper.at_least > lower.below else "an overlap"
                raise ValueError(
                    f"tiers[{index}].at_least: {fault}, it must be {lower.below}, where the tier before it ends,"
                    f" and is {upper.at_least}"
                )
        for index, tier in enumerate(self.tiers):
            if tier.below is not None and tier.below <= tier.at_least:
                raise ValueError(f"tiers[{index}].below: must be above at_least ({tier.at_least}), is {tier.below}")
        if self.tiers[-1].below is not None:
            raise ValueError(f"tiers[{len(self.tiers) - 1}].below: the last tier must go without it")
        return self


class Quality(_Frozen):
    """When a result may be published.

    Attributes:
        max_quarantined_share: Largest share of a source's rows, 0 to 1, that may be quarantined.
        checks: Whether the expectations are checked at all.
        max_age_hours: How long ago the files may have been read that a result was made from.
        kept_results: Of how many runs the results of the checks are kept and shown.
    """

    max_quarantined_share: Share
    checks: bool
    max_age_hours: Annotated[Decimal, BeforeValidator(_exact), Field(gt=0)]
    kept_results: Annotated[int, Field(ge=1, le=1000)]


class Expectation(_Frozen):
    """One expectation of a suite: a query whose rows should not be there, or any type that Great Expectations knows.

    Attributes:
        says: What is expected, in words.
        severity: ``error`` stops a run, ``warn`` is reported.
        query: SQL with ``{batch}`` for the table and ``:name`` for parameters.
        type: Name of an expectation of Great Expectations, with ``kwargs``, instead of ``query``.
    """

    says: str
    severity: Literal["error", "warn"] = "error"
    query: str | None = None
    type: str | None = None
    kwargs: dict[str, Any] = {}

    @model_validator(mode="after")
    def _is_a_query_or_a_type(self) -> Self:
        if (self.query is None) == (self.type is None):
            raise ValueError("must have either query or type")
        if self.query is not None and "{batch}" not in self.query:
            raise ValueError("query must read {batch}")
        return self


Suites = dict[str, dict[str, Expectation]]


class Run(_Frozen):
    """How a run behaves.

    Attributes:
        lock_wait_seconds: How long to wait for another run on the same data before giving up.
        as_of_date: The day that the data is of, such as 2026-01-30, for the history of runs; when null, the day on which the
            files are read, in UTC.
    """

    lock_wait_seconds: Seconds
    as_of_date: AsOfDate = None


class Parameters(_Frozen):
    """All parameters of a run."""

    interest: Interest
    quality: Quality
    run: Run
    expectations: Suites


def read_parameters(values: dict[str, Any]) -> Parameters:
    """Check all parameters of a run.

    Args:
        values: The parameters as Kedro's configuration loader gives them.

    Raises:
        ParameterError: One is missing, unknown or outside its range; the message names each of them.
    """
    try:
        return Parameters.model_validate(values)
    except ValidationError as error:
        told = "Parameters are wrong. Correct them in conf/base/parameters.yml or --params."
        raise ParameterError(f"{told}\n{_faults(error)}") from None


def read_interest(values: Interest | dict[str, Any]) -> Interest:
    """Check the parameters of the interest alone, by the same rules.

    Args:
        values: The parameters as text and numbers, or read already, as Kedro's catalog gives them.

    Raises:
        ParameterError: One is missing, unknown or outside its range; the message names each of them.
    """
    try:
        return Interest.model_validate(values)
    except ValidationError as error:
        raise ParameterError(f"These rates are wrong.\n{_faults(error)}") from None


def _faults(error: ValidationError) -> str:
    faults = []
    for fault in error.errors(include_url=False, include_context=False):
        name = ""
        for part in fault["loc"]:
            name += f"[{part}]" if isinstance(part, int) else f".{part}"
        match fault["type"]:
            case "extra_forbidden":
                text = "there is no such parameter"
            case "missing":
                text = "is missing"
            case "value_error":
                text = fault["msg"].removeprefix("Value error, ")
            case _:
                text = f"{fault['msg'][0].lower()}{fault['msg'][1:]}, not {fault['input']!r}"
        faults.append(f"{name.lstrip('.')}.{text}" if text.startswith("tiers[") else f"{name.lstrip('.')}: {text}")
    return "\n".join(f"  - {fault}" for fault in faults)
