"""What Dagster has to know of the project, and a run of it: one Kedro session in this process, with all of its hooks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project

from lending_club import run_record
from lending_club.csv_file import CsvFile
from lending_club.datasets import CsvSource
from lending_club.errors import InputFileError, ParameterError
from lending_club.parameters import Parameters, read_parameters
from lending_club.run_history import RunHistory
from lending_club.unchanged import SkipUnchangedRunner
from lending_club.warehouse import close_warehouses


@dataclass(frozen=True)
class Project:
    """The project in or above the working directory, in the environment ``KEDRO_ENV``.

    Attributes:
        pipeline: All of the job.
        catalog: Where its data is; opening nothing.
        parameters: Those of a run.
        history: What became of the runs.
    """

    pipeline: Pipeline
    catalog: DataCatalog
    parameters: Parameters
    history: RunHistory

    @classmethod
    def load(cls) -> Project:
        """Read the configuration and the pipelines.

        Raises:
            LendingClubError: The configuration or a parameter is not one to run with.
        """
        with _session() as session:
            context = cast(KedroSession, session).load_context()
            directory = context.project_path / context.config_loader["globals"]["history"]["directory"]
            parameters = read_parameters(context.config_loader["parameters"])
            return cls(pipelines["__default__"], cast(DataCatalog, context.catalog), parameters, RunHistory(Path(directory)))

    def settings(self, dataset: str) -> dict[str, Any]:
        """The entry of the catalog for a dataset, with its pattern filled in."""
        return dict(self.catalog.config_resolver.resolve_pattern(dataset))

    @property
    def inputs(self) -> dict[str, CsvFile]:
        """The files that somebody else delivers, by their names in the catalog."""
        datasets = {name: self.catalog[name] for name in sorted(self.pipeline.inputs())}
        return {name: each.load() for name, each in datasets.items() if isinstance(each, CsvSource)}

    def has_made(self, files: dict[str, CsvFile]) -> bool:
        """Whether what is published was made from files of just these contents."""
        published = (record for record in self.history.runs() if record["outcome"] == "published")
        last = {each["name"]: each["sha256"] for each in next(published, {}).get("inputs", [])}
        try:
            return last == {name: file.sha256 for name, file in files.items()}
        except InputFileError:  # it will be told by the run
            return False


def run_project(force: bool) -> None:
    """Run the whole job as ``kedro run`` does; ``run_record.current()`` tells what became of it.

    Args:
        force: Run even if nothing has changed since the last run.
    """
    try:
        with _session() as session:
            cast(KedroSession, session).run(runner=SkipUnchangedRunner(force=force))
    finally:
        close_warehouses()  # after an interruption, too, which Kedro tells no hook of


def last_record() -> dict[str, Any] | None:
    """The record of this process's last run, None where there was none."""
    record = run_record.current()
    return None if record is None else record.as_json()


def _session() -> KedroSession:
    project = find_kedro_project(Path.cwd())
    if project is None:
        raise ParameterError(f"{Path.cwd()}: there is no Kedro project here. Start Dagster in the project's directory.")
    bootstrap_project(project)
    return KedroSession.create(project_path=project)
