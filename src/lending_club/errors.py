"""The errors a user can act on. Each message says what is wrong, where, and what to do."""

from __future__ import annotations


class LendingClubError(Exception):
    """A fault of the data, the configuration or the machine, told in one message without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """What IPython and notebooks show."""
        return [f"{type(self).__name__}: {self}"]


class InputFileError(LendingClubError):
    """An input file cannot be read as the data contract asks."""


class ParameterError(LendingClubError):
    """A parameter is missing, unknown or outside what the data contract allows."""


class RunInProgressError(LendingClubError):
    """Another run holds the data directory."""


class DataDirectoryError(LendingClubError):
    """The data directory cannot be written."""


class WarehouseError(LendingClubError):
    """The warehouse refused a statement or could not be opened."""


class WarehouseBusyError(WarehouseError):
    """A run is writing to the database that was to be read."""


class QueryError(LendingClubError):
    """A question to the warehouse is not one that it can answer, or asks for more than fits."""


class ReconciliationError(LendingClubError):
    """Rows or money went missing, or too much of a source is quarantined: nothing may be published."""


class CheckError(LendingClubError):
    """A result does not meet its expectations."""


class PublicationError(LendingClubError):
    """The published set could not be replaced; what was published before is unchanged."""


def told_error(error: BaseException) -> LendingClubError | None:
    """The error of this project's that Kedro has wrapped in its own, or None where there is none.

    A file that another library's dataset could not write or read counts as one.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, LendingClubError):
        if isinstance(cause, OSError) and cause.filename and cause.strerror:
            return DataDirectoryError(
                f"{cause.filename}: {cause.strerror.lower()}. A run writes there: LENDING_CLUB_DATA names it."
            )
        cause = cause.__cause__
    return cause
