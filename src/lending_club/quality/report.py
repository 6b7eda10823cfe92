"""What the checks found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Failure:
    """An expectation that is not met.

    Attributes:
        table: The table that was checked.
        name: Name of the expectation in its suite.
        says: What is expected, in words.
        severity: ``error`` or ``warn``.
        found: How many rows, or what, was found instead; or why it could not be checked.
        examples: Up to five of the rows.
    """

    table: str
    name: str
    says: str
    severity: str
    found: str
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        """What a person reads: the expectation, what was found, and a line for each example."""
        return "\n      ".join([f"{self.table}: {self.says} {self.found}", *self.examples])


@dataclass(frozen=True)
class Report:
    """What was checked and what was found; ``page`` shows it."""

    expectation_count: int
    failures: tuple[Failure, ...]
    page: Path

    @property
    def errors(self) -> list[Failure]:
        """The failures that stop a run."""
        return [failure for failure in self.failures if failure.severity == "error"]

    @property
    def warnings(self) -> list[Failure]:
        """The failures that are only reported."""
        return [failure for failure in self.failures if failure.severity == "warn"]

    def __str__(self) -> str:
        """What a person reads of failed checks."""
        failures = "\n".join(f"  - {failure}" for failure in self.errors)
        return (
            f"{len(self.errors)} of {self.expectation_count} expectations are not met.\n{failures}\n  Page: {self.page.as_uri()}"
        )
