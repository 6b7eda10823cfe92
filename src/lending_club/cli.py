"""Kedro's ``run`` command, telling a user's errors in one message."""

from __future__ import annotations

import copy
import logging
import warnings
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run

from lending_club.errors import told_error

logger = logging.getLogger("lending_club")


def _run(**options: Any) -> Any:
    warnings.simplefilter("ignore")
    try:
        return kedro_run.callback(**options) if kedro_run.callback else None
    except click.ClickException:
        raise
    except Exception as error:
        logger.debug("The traceback, shown at log level DEBUG:", exc_info=True)
        raise click.ClickException(_message(error)) from error


def _message(error: Exception) -> str:
    told = told_error(error)
    hint = "Set LENDING_CLUB_LOG_LEVEL=DEBUG to see where it comes from."
    return str(told) if told else f"{type(error).__name__}: {error}\n{hint}"


@click.group(name="lending_club")
def cli() -> None:
    """Commands of this project."""


run = copy.copy(kedro_run)
run.callback = _run
cli.add_command(run)
