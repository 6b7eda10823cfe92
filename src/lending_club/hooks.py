"""What happens around a run: parameters checked, one run at a time, progress by step, the figures at the end."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from lending_club.errors import ParameterError, told_error
from lending_club.parameters import Parameters, read_parameters
from lending_club.publication import discard_staged
from lending_club.run_lock import RunLock
from lending_club.run_status import STATUS_DIRECTORY, RunStatus
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
    _status: RunStatus
    _intermediate: Path
    _connection: dict[str, Any]
    _catalog: DataCatalog
    _step_count: int
    _steps_done: int
    _run_started: float
    _step_started: float

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Check all parameters, before any work."""
        self._parameters = read_parameters(context.config_loader["parameters"])
        if context.env in ALWAYS_CHECKED and not self._parameters.quality.checks:
            raise ParameterError(f"quality.checks is false, and nothing is published unchecked in {context.env}. Leave it true.")
        data = context.project_path / context.config_loader["globals"]["data"]
        self._intermediate = Path(data) / "02_intermediate"
        self._lock = RunLock(self._intermediate / "run.lock")
        self._connection = context.config_loader["globals"]["warehouse"]

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Take the lock, and see that the warehouse is there."""
        if re.search("Thread|Parallel", run_params["runner"]):
            raise ParameterError("Steps share one connection to the warehouse, which has its own threads. Leave --runner away.")
        self._run_started = time.perf_counter()
        self._catalog, self._step_count, self._steps_done = catalog, len(pipeline.nodes), 0
        if "run_id" in pipeline.inputs():
            catalog["run_id"].save(run_params["run_id"])
        self._lock.acquire(self._parameters.run.lock_wait_seconds)
        self._status = RunStatus(self._intermediate / STATUS_DIRECTORY)
        for _, connect in open_warehouse(self._connection).connection_steps():
            connect()

    @hook_impl
    def before_node_run(self) -> None:
        """Start the clock of a step."""
        self._step_started = time.perf_counter()

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Say what a step made, how much and how fast."""
        self._steps_done += 1
        seconds = time.perf_counter() - self._step_started
        dataset = self._catalog.get(dataset_name)
        row_count = getattr(dataset, "row_count", None)
        self._status.step_done(node, dataset_name, seconds, row_count, getattr(dataset, "byte_count", None))
        rows = "" if row_count is None else f"{row_count:,} rows"
        logger.info("%2d/%d  %-28s %16s %8.2f s", self._steps_done, self._step_count, node.name, rows, seconds)

    @hook_impl
    def after_pipeline_run(self, run_result: dict[str, Any]) -> None:
        """Close what is open and print the figures, where the run has any."""
        self._end()
        self._status.write_success()
        if "run_summary" in run_result:
            print(f"\n{run_result['run_summary'].load()}\n")
        logger.info("done in %.2f s", time.perf_counter() - self._run_started)

    @hook_impl
    def on_node_error(self, node: Node) -> None:
        """Remember which step it was."""
        self._status.step_failed(node)

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Close what is open and forget what is staged."""
        self._end()
        self._status.write_failure(str(told_error(error) or error))

    def _end(self) -> None:
        try:
            close_warehouses()
        finally:
            discard_staged()
            self._lock.release()
