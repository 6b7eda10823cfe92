"""Kedro's ``run`` command, telling a user's errors in one message; ``validate`` for what is published; ``doctor``; ``runs``."""

from __future__ import annotations

import copy
import gc
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import _split_params as split_params
from kedro.framework.session import KedroSession
from kedro.io.core import generate_timestamp

from lending_club import __version__
from lending_club.environment import environment
from lending_club.errors import CheckError, exit_code, told_error
from lending_club.logs import are_json
from lending_club.monitoring import run_ended
from lending_club.run_history import RUNS_DIRECTORY, Manifest
from lending_club.run_record import RunRecord, current
from lending_club.warehouse import close_warehouses

logger = logging.getLogger("lending_club")

# How many objects are made before Python looks for unreachable ones. A command imports a lot, which is kept, and lives shortly:
# with Python's own threshold a seventh of a checked run's start-up is spent looking in vain.
_GARBAGE_THRESHOLD = 200_000


class _Failure(click.ClickException):
    """What stops a command, as a user is told of it."""

    def __init__(self, error: Exception) -> None:
        told = told_error(error)
        hint = "Set LENDING_CLUB_LOG_LEVEL=DEBUG to see where it comes from."
        super().__init__(str(told) if told else f"{type(error).__name__}: {error}\n{hint}")
        vars(self)["exit_code"] = exit_code(error)

    def show(self, file: IO[Any] | None = None) -> None:
        """Tell it as everything else is told."""
        if are_json():
            logger.error("%s", self.message)
        else:
            super().show(file)


@contextmanager
def _errors_in_one_message() -> Iterator[None]:
    warnings.simplefilter("ignore")
    gc.set_threshold(_GARBAGE_THRESHOLD)
    gc.freeze()  # what is imported by now stays, and need not be looked through when Python ends
    try:
        yield
    except click.ClickException:
        raise
    except Exception as error:
        logger.debug("The traceback, shown at log level DEBUG:", exc_info=True)
        raise _Failure(error) from error
    finally:
        close_warehouses()  # after an interruption, too, which Kedro tells no hook of


def _run(force: bool, **options: Any) -> Any:
    if options["runner"] is None:
        options["runner"] = "lending_club.unchanged.SkipUnchangedRunner"
        options["runner_params"] = {**options["runner_params"], "force": force}
    with _errors_in_one_message():
        try:
            return kedro_run.callback(**options) if kedro_run.callback else None
        except Exception as error:
            if current() is None:
                _record_refusal(error, options)
            raise


def _record_refusal(error: Exception, options: dict[str, Any]) -> None:
    """Leave a record of a run that did not come to its start, such as one with wrong parameters, where runs leave theirs."""
    data = Path(environment("LENDING_CLUB_DATA", "data"))
    if data.is_dir():
        names = tuple(options["pipelines"]) or ("__default__",)
        record = RunRecord(generate_timestamp(), options["env"] or "local", names)
        record.ends(error)
        manifest = Manifest(data / RUNS_DIRECTORY, record)
        manifest.write()
        manifest.close()
        run_ended(record.as_json(), data / RUNS_DIRECTORY)


@click.group(name="lending_club", epilog="Documentation of a command: lending-club COMMAND --help")
@click.version_option(__version__, prog_name="lending-club")
def cli() -> None:
    r"""Work out what each savings account earns in a year, check the result, and publish it.

    Customer.csv and accounts.csv are read from ./data/01_raw, and the result is published in ./data/08_reporting. The environment
    variable LENDING_CLUB_DATA names another directory instead of ./data.

    \b
      lending-club run                the whole job
      lending-club run --env prod     with Databricks as the warehouse
      lending-club doctor             what a run needs, and what is wrong with it

    Each command ends with 0 when all is well, and else with a status that says what kind of fault it was: 2 command line, 3
    configuration, 4 input, 5 failed check, 6 warehouse, 7 data directory, 8 another run in progress, 1 anything else.
    """


run = copy.copy(kedro_run)
run.callback = _run
run.help = "Read, clean, work out, check and publish. Left out where nothing has changed since the last run."
run.params = [*run.params, click.Option(["--force"], is_flag=True, help="Run even if nothing has changed since the last run.")]
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
        from lending_club.pipelines.reporting.pipeline import OUTPUTS
        from lending_club.publication import publication
        from lending_club.quality.checks import check_published, published_tables

        context = cast(KedroSession, session).load_context()
        catalog = context.catalog
        published = publication(catalog.load("published")).current
        tables = published_tables({name: catalog.load(f"{name}_marts") for name in OUTPUTS})
        derived = {name: catalog.load(name).name for name in ("output_fingerprints", "freshness")}
        report = check_published(tables, published, derived, read_parameters(context.params), catalog.load("data_docs"))
        for failure in report.warnings:
            logger.warning("Not as expected: %s", failure)
        if report.errors:
            raise CheckError(str(report))
        click.echo(f"{report.expectation_count} expectations on {published} are met, see {report.page.as_uri()}")


@cli.command()
@click.option("--env", "-e", help="Kedro configuration environment.")
@click.option("--conf-source", help="Directory of the configuration.")
def doctor(env: str | None, conf_source: str | None) -> None:
    """Check whether a run can do its work here, and say what to do about the first thing that is wrong.

    Settings, network, login, permissions and versions, in this order. Nothing that is published is touched.
    """
    with _errors_in_one_message(), KedroSession.create(env=env, conf_source=conf_source) as session:
        from lending_club.doctor import examine

        for what, found in examine(cast(KedroSession, session).load_context()):
            click.echo(f"ok  {what}: {found}")
        click.echo("All is well: kedro run can do its work.")


@cli.group(invoke_without_command=True)
@click.option("--env", "-e", help="Kedro configuration environment.")
@click.option("--conf-source", help="Directory of the configuration.")
@click.option("--limit", "-n", type=click.IntRange(min=1), default=20, show_default=True, help="How many, from the newest on.")
@click.option("--json", "as_json", is_flag=True, help="All that is known of each, for programs.")
@click.pass_context
def runs(context: click.Context, env: str | None, conf_source: str | None, limit: int, as_json: bool) -> None:
    """List the last runs of the data directory, failed and killed ones too, newest first."""
    with _errors_in_one_message():
        session = KedroSession.create(env=env, conf_source=conf_source)
        context.obj = session._project_path / session._get_config_loader()["globals"]["history"]["directory"]
        if context.invoked_subcommand is None:
            from lending_club.runs_command import list_runs

            list_runs(context.obj, limit, as_json)


@runs.command()
@click.argument("run_id")
@click.option("--json", "as_json", is_flag=True, help="The manifest, for programs.")
@click.pass_obj
def show(directory: Path, run_id: str, as_json: bool) -> None:
    """Tell all that is known of a run, given by its id or a part of it that no other has."""
    with _errors_in_one_message():
        from lending_club.runs_command import show_run

        show_run(directory, run_id, as_json)


if "kedro_viz" in sys.modules:  # Kedro has loaded the commands of its plugins before those of the project
    from kedro_viz.launchers.cli.main import viz

    viz.lazy_subcommands |= {"run": "lending_club.viz.run", "build": "lending_club.viz.build"}
