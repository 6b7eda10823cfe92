"""Kedro's ``run`` command, telling a user's errors in one message, and ``validate``, which checks what is published."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import _split_params as split_params
from kedro.framework.session import KedroSession

from lending_club.errors import CheckError, told_error

logger = logging.getLogger("lending_club")


@contextmanager
def _errors_in_one_message() -> Iterator[None]:
    warnings.simplefilter("ignore")
    try:
        yield
    except click.ClickException:
        raise
    except Exception as error:
        logger.debug("The traceback, shown at log level DEBUG:", exc_info=True)
        told = told_error(error)
        hint = "Set LENDING_CLUB_LOG_LEVEL=DEBUG to see where it comes from."
        raise click.ClickException(str(told) if told else f"{type(error).__name__}: {error}\n{hint}") from error


def _run(**options: Any) -> Any:
    with _errors_in_one_message():
        return kedro_run.callback(**options) if kedro_run.callback else None


@click.group(name="lending_club")
def cli() -> None:
    """Commands of this project."""


run = copy.copy(kedro_run)
run.callback = _run
cli.add_command(run)


@cli.command()
@click.option("--env", "-e", help="Kedro configuration environment.")
@click.option("--conf-source", help="Directory of the configuration.")
@click.option("--params", callback=split_params, default="", help="Parameters for this check, as for kedro run.")
def validate(env: str | None, conf_source: str | None, params: dict[str, Any]) -> None:
    """Check what is published now, without running anything.

    The exit status is 0 when it meets all its expectations.
    """
    with _errors_in_one_message(), KedroSession.create(env=env, conf_source=conf_source, runtime_params=params) as session:
        from lending_club.parameters import read_parameters
        from lending_club.publication import publication
        from lending_club.quality.checks import check_published
        from lending_club.warehouse import close_warehouses

        context = cast(KedroSession, session).load_context()
        published = publication(context.catalog.load("published")).current
        try:
            report = check_published(published, read_parameters(context.params), context.catalog.load("data_docs"))
        finally:
            close_warehouses()
        for failure in report.warnings:
            logger.warning("Not as expected: %s", failure)
        if report.errors:
            raise CheckError(str(report))
        click.echo(f"{report.expectation_count} expectations on {published} are met, see {report.page.as_uri()}")
