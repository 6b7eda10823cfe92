"""Parameters are exact, and a wrong one is named."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from lending_club.errors import ParameterError
from lending_club.parameters import read_parameters

TIERS: list[dict[str, Any]] = [
    {"at_least": "0.00", "below": 10_000, "rate": 0.01},
    {"at_least": 10_000.0, "rate": "0.0150"},
]


def parameters(**interest: Any) -> dict[str, Any]:
    return {
        "interest": {"tiers": TIERS, "loan_bonus": 0.005, "eligible_account_types": ["Savings"], **interest},
        "quality": {"max_quarantined_share": 0.1, "checks": True, "max_age_hours": 24, "kept_results": 20},
        "run": {"lock_wait_seconds": 60},
        "expectations": {},
    }


def test_a_binary_number_is_taken_by_its_shortest_text() -> None:
    read = read_parameters(parameters())
    assert read.interest.loan_bonus == Decimal("0.005")
    assert [tier.rate for tier in read.interest.tiers] == [Decimal("0.01"), Decimal("0.0150")]
    assert read.quality.max_quarantined_share == Decimal("0.1")


def test_parameters_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(read_parameters(parameters()).interest, "loan_bonus", Decimal(1))  # noqa: B010


@pytest.mark.parametrize(
    ("interest", "fault"),
    [
        ({"tiers": []}, "interest.tiers: must have at least one entry"),
        ({"tiers": 5}, "interest.tiers: input should be a valid tuple, not 5"),
        ({"tiers": [{"at_least": 1, "rate": 0}]}, "interest.tiers[0].at_least: must be 0, so that every balance has a rate"),
        ({"tiers": [{"rate": 0}]}, "interest.tiers[0].at_least: is missing"),
        (
            {"tiers": [{"at_least": 0, "below": 5, "rate": 0}, {"at_least": 6, "rate": 0}]},
            "interest.tiers[1].at_least: a gap, it must be 5, where the tier before it ends, and is 6",
        ),
        (
            {"tiers": [{"at_least": 0, "below": 5, "rate": 0}, {"at_least": 4, "rate": 0}]},
            "interest.tiers[1].at_least: an overlap, it must be 5, where the tier before it ends, and is 4",
        ),
        (
            {
                "tiers": [
                    {"at_least": 0, "below": 5, "rate": 0},
                    {"at_least": 5, "below": 4, "rate": 0},
                    {"at_least": 4, "rate": 0},
                ]
            },
            "interest.tiers[2].at_least: tiers must be sorted, 4 is below 5",
        ),
        (
            {"tiers": [{"at_least": 0, "rate": 0}, {"at_least": 4, "rate": 0}]},
            "interest.tiers[0].below: only the last tier may go without it",
        ),
        ({"tiers": [{"at_least": 0, "below": 9, "rate": 0}]}, "interest.tiers[0].below: the last tier must go without it"),
        (
            {"tiers": [{"at_least": 0, "below": 0, "rate": 0}, {"at_least": 0, "rate": 0}]},
            "interest.tiers[0].below: must be above at_least (0), is 0",
        ),
        (
            {"tiers": [{"at_least": 0, "rate": -0.01}]},
            "interest.tiers[0].rate: input should be greater than or equal to 0, not -0.01",
        ),
        ({"tiers": [{"at_least": 0, "rate": 1.5}]}, "interest.tiers[0].rate: input should be less than or equal to 1, not 1.5"),
        ({"tiers": [{"at_least": 0, "rate": float("nan")}]}, "interest.tiers[0].rate: must be a finite number"),
        (
            {"tiers": [{"at_least": 0, "rate": 0, "bonus": 1}]},
            "interest.tiers[0].bonus: there is no such parameter",
        ),
        (
            {"loan_bonus": 0.00501},
            "interest.loan_bonus: decimal input should have no more than 4 decimal places, not 0.00501",
        ),
        ({"loan_bonus": True}, "interest.loan_bonus: must be a number"),
        ({"loan_bonus": "half a percent"}, "interest.loan_bonus: must be a number"),
        ({"loan_bonus": None}, "interest.loan_bonus: must be a number"),
        ({"eligible_account_types": []}, "interest.eligible_account_types: must have at least one entry"),
        (
            {"eligible_account_types": ["savings"]},
            "interest.eligible_account_types[0]: input should be 'Savings' or 'Checking', not 'savings'",
        ),
        ({"bonus": 1}, "interest.bonus: there is no such parameter"),
    ],
)
def test_a_wrong_parameter_is_named(interest: dict[str, Any], fault: str) -> None:
    with pytest.raises(ParameterError) as error:
        read_parameters(parameters(**interest))
    assert str(error.value) == f"Parameters are wrong. Correct them in conf/base/parameters.yml or --params.\n  - {fault}"


def test_all_wrong_parameters_are_named_at_once() -> None:
    wrong = parameters(loan_bonus=2) | {"quality": {"max_quarantined_share": -1, "kept_results": 0}, "qualty": {}}
    wrong["expectations"] = {"accounts": {"a": {"says": "x"}, "b": {"says": "x", "query": "SELECT 1"}, "c": {"query": "{batch}"}}}
    del wrong["run"]
    with pytest.raises(ParameterError) as error:
        read_parameters(wrong)
    for fault in (
        "interest.loan_bonus: input should be less than or equal to 1, not 2",
        "quality.max_quarantined_share: input should be greater than or equal to 0, not -1",
        "quality.kept_results: input should be greater than or equal to 1, not 0",
        "quality.checks: is missing",
        "qualty: there is no such parameter",
        "run: is missing",
        "expectations.accounts.a: must have either query or type",
        "expectations.accounts.b: query must read {batch}",
        "expectations.accounts.c.says: is missing",
    ):
        assert f"  - {fault}" in str(error.value)
