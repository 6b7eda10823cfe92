"""The errors a user can act on. Each message says what is wrong, where, and what to do; each class has its exit code."""

from __future__ import annotations

import re
from enum import IntEnum


class ExitCode(IntEnum):
    """With what status a command ends."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    CONFIGURATION = 3
    INPUT = 4
    NOT_AS_EXPECTED = 5
    WAREHOUSE = 6
    DATA_DIRECTORY = 7
    IN_PROGRESS = 8


class LendingClubError(Exception):
    """A fault of the data, the configuration or the machine, told in one message without a traceback.

    Args:
        message: What is wrong, where, and what to do.
        found: What was found out before, for the record of the run.
    """

    exit_code = ExitCode.UNEXPECTED

    def __init__(self, message: str = "", found: object = None) -> None:
        super().__init__(message)
        self.found = found

    def _render_traceback_(self) -> list[str]:
        """What IPython and notebooks show."""
        return [f"{type(self).__name__}: {self}"]


class InputFileError(LendingClubError):
    """An input file cannot be read as the data contract asks."""

    exit_code = ExitCode.INPUT


class ParameterError(LendingClubError):
    """A parameter is missing, unknown or outside what the data contract allows."""

    exit_code = ExitCode.CONFIGURATION


class RunInProgressError(LendingClubError):
    """Another run holds the data directory."""

    exit_code = ExitCode.IN_PROGRESS


class DataDirectoryError(LendingClubError):
    """The data directory cannot be written."""

    exit_code = ExitCode.DATA_DIRECTORY


class WarehouseError(LendingClubError):
    """The warehouse refused a statement or could not be opened."""

    exit_code = ExitCode.WAREHOUSE


class WarehouseBusyError(WarehouseError):
    """A run is writing to the database that was to be read."""


class QueryError(LendingClubError):
    """A question to the warehouse is not one that it can answer, or asks for more than fits."""

    exit_code = ExitCode.WAREHOUSE


class HistoryError(LendingClubError):
    """There is no such run in the history."""

    exit_code = ExitCode.USAGE


class ReconciliationError(LendingClubError):
    """Rows or money went missing, or too much of a source is quarantined: nothing may be published."""

    exit_code = ExitCode.NOT_AS_EXPECTED


class CheckError(LendingClubError):
    """A result does not meet its expectations."""

    exit_code = ExitCode.NOT_AS_EXPECTED


class PublicationError(LendingClubError):
    """The published set could not be replaced; what was published before is unchanged."""

    exit_code = ExitCode.DATA_DIRECTORY


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


def exit_code(error: BaseException) -> ExitCode:
    """With what status a command ends that this error has stopped, whatever Kedro has wrapped it in."""
    told = told_error(error)
    if told is not None:
        return told.exit_code
    if isinstance(error, ValueError) and re.match("Failed to find the pipeline|Pipeline does not contain", str(error)):
        return ExitCode.USAGE
    return ExitCode.CONFIGURATION if _is_of_the_configuration(error) else ExitCode.UNEXPECTED


def _is_of_the_configuration(error: BaseException) -> bool:
    from kedro.config import BadConfigException, MissingConfigException
    from kedro.io import DatasetError
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    if isinstance(error, DatasetError):  # Kedro has no class of its own for an entry of the catalog that makes no sense
        return re.search("parsing config|instantiate|arguments valid|not a valid dataset configuration", str(error)) is not None
    return isinstance(error, BadConfigException | MissingConfigException | OmegaConfBaseException | YAMLError)
