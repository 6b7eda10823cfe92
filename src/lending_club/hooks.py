"""What happens around a run: parameters checked, one run at a time, progress by step, the figures at the end."""

from __future__ import annotations

import logging
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from lending_club.csv_file import CsvFile
from lending_club.errors import ExitCode, ParameterError, exit_code, told_error
from lending_club.lineage import Lineage
from lending_club.logs import are_json, use_format
from lending_club.monitoring import run_ended
from lending_club.parameters import Parameters, read_parameters
from lending_club.pipelines.reporting.facts import Facts
from lending_club.pipelines.reporting.nodes import Approval
from lending_club.publication import discard_staged
from lending_club.quality.report import Report
from lending_club.run_history import Manifest
from lending_club.run_lock import RunLock
from lending_club.run_record import RunRecord, begin
from lending_club.run_status import STATUS_DIRECTORY, write_status
from lending_club.run_tables import catch_up
from lending_club.warehouse import close_warehouses, open_warehouse

logger = logging.getLogger(__name__)

# Environments in which the checks cannot be switched off.
ALWAYS_CHECKED = {"prod"}


class NoHooks:
    """No hooks, under a name.

    Args:
        name: The name, as in the entry points of a plugin.
    """

    def __init__(self, name: str) -> None:
        self.__name__ = name


class RunHooks:
    """The hooks of a Kedro run; one object serves the runs of a process, one after the other."""

    _parameters: Parameters
    _lock: RunLock
    _record: RunRecord
    _manifest: Manifest
    _lineage: Lineage
    _intermediate: Path
    _settings: dict[str, Any]
    _environment: str
    _catalog: DataCatalog
    _step_count: int
    _is_connected: bool

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Check all parameters, before any work."""
        self._settings = context.config_loader["globals"]
        use_format(self._settings.get("log_format", "text"))
        self._parameters = read_parameters(context.config_loader["parameters"])
        if context.env in ALWAYS_CHECKED and not self._parameters.quality.checks:
            raise ParameterError(f"quality.checks is false, and nothing is published unchecked in {context.env}. Leave it true.")
        self._settings["history"]["directory"] = str(context.project_path / self._settings["history"]["directory"])
        self._environment = context.env or "local"
        self._intermediate = context.project_path / self._settings["data"] / "02_intermediate"
        self._lock = RunLock(self._intermediate / "run.lock")

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Open the record, take the lock, and see that the warehouse is there."""
        self._catalog, self._step_count, self._is_connected = catalog, len(pipeline.nodes), False
        names = tuple(run_params["pipeline_names"] or ["__default__"])
        files = {
            name: file
            for name in sorted(pipeline.inputs())
            if isinstance(file := getattr(catalog.get(name), "file", None), CsvFile)
        }
        self._record = begin(RunRecord(run_params["run_id"], self._environment, names, self._parameters, files))
        self._manifest = Manifest(Path(self._settings["history"]["directory"]), self._record)
        self._lineage = Lineage(self._settings.get("lineage", {}), self._record, pipeline, catalog)
        logger.info("Run %s, as of %s", self._record.run_id, self._record.as_of_date)
        self._manifest.write()
        try:
            self._prepare(run_params, pipeline)
        except Exception as error:
            self._end(error)
            raise

    def _prepare(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        if re.search("Thread|Parallel", run_params["runner"]):
            raise ParameterError("Steps share one connection to the warehouse, which has its own threads. Leave --runner away.")
        if "run_id" in pipeline.inputs():
            self._catalog["run_id"].save(run_params["run_id"])
        self._lock.acquire(self._parameters.run.lock_wait_seconds)
        for _, connect in open_warehouse(self._settings["warehouse"]).connection_steps():
            connect()
        self._is_connected = True
        self._record.inputs_are_read_from_now()
        self._lineage.run_starts()

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Start the clock of a step."""
        self._record.step_starts(node)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Say what a step made, how much and how fast."""
        self._note(data)
        dataset = self._catalog.get(dataset_name)
        row_count = getattr(dataset, "row_count", None)
        step = self._record.step_done(dataset_name, node, row_count, getattr(dataset, "byte_count", None))
        rows = "" if row_count is None else f"{row_count:,} rows"
        done = len(self._record.steps)
        logger.info("%2d/%d %15s %7.2f s", done, self._step_count, rows, step.seconds, extra={"step": node.name})
        self._manifest.write_sometimes()
        self._lineage.step_done(step, data)

    def _note(self, found: object) -> None:
        """Keep what the record tells of a result."""
        match found:
            case Approval():
                self._record.figures = asdict(found)
            case Report():
                told = ("table", "name", "severity", "is_met", "found")
                self._record.checks = [{name: getattr(result, name) for name in told} for result in found.results]
            case Facts():
                self._record.versions = dict(found.versions)

    @hook_impl
    def after_pipeline_run(self, run_result: dict[str, Any]) -> None:
        """Close what is open and print the figures, where the run has any."""
        self._end()
        if "run_summary" in run_result:
            summary = run_result["run_summary"].load()
            if are_json():
                logger.info("%s", summary)
            else:
                print(f"\n{summary}\n")
        logger.info("done in %.2f s", self._record.seconds)

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Close what is open and forget what is staged."""
        self._note(getattr(told_error(error), "found", None))
        self._end(error)

    def _end(self, error: Exception | None = None) -> None:
        self._record.ends(error)
        if error is not None:
            logger.info("failed after %.2f s", self._record.seconds)
        ended: list[dict[str, Any]] = []
        try:
            discard_staged()  # first of all, because it makes room
            self._manifest.write()
            if self._is_connected:
                write_status(self._intermediate / STATUS_DIRECTORY, self._record)
                if error is None or exit_code(error) != ExitCode.WAREHOUSE:
                    ended += catch_up(self._settings["history"])
        finally:
            self._manifest.close()
            try:
                close_warehouses()
            finally:
                self._lock.release()
            killed = [run for run in ended if run["outcome"] == "killed"]
            for run in [*killed, self._record.as_json()]:
                run_ended(run, Path(self._settings["history"]["directory"]))
            self._lineage.run_ends(killed)
