"""What the checks found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """What became of an expectation.

    Attributes:
        table: The table that was checked.
        name: Name of the expectation in its suite.
        says: What is expected, in words.
        severity: ``error`` or ``warn``.
        is_met: Whether it is met.
        found: Where it is not met: how many rows, or what, was found instead; or why it could not be checked.
        examples: Up to five of the rows.
    """

    table: str
    name: str
    says: str
    severity: str
    is_met: bool
    found: str = ""
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        """What a person reads: the expectation, what was found, and a line for each example."""
        return "\n      ".join([f"{self.table}: {self.says} {self.found}", *self.examples])


@dataclass(frozen=True)
class Report:
    """What was checked, nothing where the checks are off, and what was found; ``page`` shows it."""

    results: tuple[Result, ...]
    page: Path

    @property
    def expectation_count(self) -> int:
        """How many expectations were checked."""
        return len(self.results)

    @property
    def failures(self) -> list[Result]:
        """The expectations that are not met."""
        return [result for result in self.results if not result.is_met]

    @property
    def errors(self) -> list[Result]:
        """The failures that stop a run."""
        return [failure for failure in self.failures if failure.severity == "error"]

    @property
    def warnings(self) -> list[Result]:
        """The failures that are only reported."""
        return [failure for failure in self.failures if failure.severity == "warn"]

    def __str__(self) -> str:
        """What a person reads of failed checks."""
        failures = "\n".join(f"  - {failure}" for failure in self.errors)
        return (
            f"{len(self.errors)} of {self.expectation_count} expectations are not met.\n{failures}\n  Page: {self.page.as_uri()}"
        )
