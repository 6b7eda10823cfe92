"""What a run tells a lineage server, or a file: OpenLineage events of the run and of its steps. Only where a setting asks for it.

Nothing that goes wrong here changes what becomes of the run: it is one warning in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline

    from lending_club.lineage.reporter import Reporter
    from lending_club.run_record import RunRecord, Step

logger = logging.getLogger(__name__)


class Lineage:
    """The lineage of a run; without an address it does nothing, and imports nothing.

    Args:
        settings: ``to``, ``namespace``, ``column_statistics`` and ``wait_seconds``, as in ``globals.yml``.
        record: The run.
        pipeline: Its steps.
        catalog: Its datasets.
    """

    def __init__(self, settings: Mapping[str, Any], record: RunRecord, pipeline: Pipeline, catalog: DataCatalog) -> None:
        self._reporter: Reporter | None = None
        self._has_warned = False
        if settings.get("to"):
            self._try(lambda: self._open(settings, record, pipeline, catalog))

    def _open(self, settings: Mapping[str, Any], record: RunRecord, pipeline: Pipeline, catalog: DataCatalog) -> None:
        from lending_club.lineage.receivers import receiver
        from lending_club.lineage.reporter import Reporter

        to = receiver(str(settings["to"]), settings.get("wait_seconds", 5))
        self._reporter = Reporter(settings, record, pipeline, catalog, to)

    def run_starts(self) -> None:
        """The run has begun its work."""
        if reporter := self._reporter:
            self._try(reporter.run_starts)

    def step_done(self, step: Step, data: Any) -> None:
        """A step is done; what it makes is saved, the warehouse still open.

        Args:
            step: The step.
            data: What its node gave: a query, a table, a result.
        """
        if reporter := self._reporter:
            self._try(lambda: reporter.step_done(step, data))

    def run_ends(self, killed: Sequence[Mapping[str, Any]]) -> None:
        """The run has ended. This waits for what is still to be sent, but not for long.

        Args:
            killed: The records of other runs that were found to have been killed.
        """
        if reporter := self._reporter:
            self._try(lambda: reporter.run_ends(killed))

    def _try(self, do: Callable[[], None]) -> None:
        """Do it, or warn. Of an unexpected error only the type is told: its text might hold an address with a password."""
        try:
            do()
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            self._warn(f"{where}{error.strerror.lower() if error.strerror else error}")
        except Exception as error:
            self._warn(type(error).__name__)
            logger.debug("Where it comes from:", exc_info=True)

    def _warn(self, why: str) -> None:
        if not self._has_warned:
            logger.warning("The lineage of this run is not told, or not whole: %s", why)
        self._has_warned = True
