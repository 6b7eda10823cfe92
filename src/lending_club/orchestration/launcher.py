"""How Dagster starts runs, and knows of those whose machine has died under them: ``run_launcher`` in ``dagster.yaml``."""

from __future__ import annotations

import socket

from dagster import DagsterRun, DefaultRunLauncher
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's own launcher, whose runs are processes of the code server; that server is asked whether it still has them.

    A code server tells Dagster when a run of its own dies. One that died itself cannot: Dagster alone would take such a run to be
    under way until ``max_runtime_seconds`` are over. It is to be ``dagster api grpc``, or that of ``dagster dev``: ``dagster
    code-server`` on a port forgets which runs it has when it loads the definitions anew.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """It does: ``run_monitoring`` asks it about each run that has started."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the code server that was given a run has a process for it."""
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:  # it has ended by now
            return CheckRunHealthResult(WorkerStatus.SUCCESS)
        if client.socket:  # of dagster dev, which knows only runs of the definitions that were loaded last
            has_it = _is_served(client.socket)
        else:
            try:
                answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=10)
                has_it = deserialize_value(answer, CanCancelExecutionResult).can_cancel
            except DagsterUserCodeUnreachableError:  # it may be busy, or come back: without its runs, which are given up then
                has_it = True
        if has_it:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "its process ended with the code server that had started it")


def _is_served(path: str) -> bool:
    """Whether a process listens on a socket of this machine."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0
