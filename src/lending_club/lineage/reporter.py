"""Tells of a run and its steps while it works: each a job of its own, those of the steps with the run as their parent.

A step is told of when it is done, with its start and its end, so that a run that is killed leaves no step behind that seems to
work forever. A step that makes a published output is told of when that is published; if it never is, nothing is.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from lending_club.datasets import TableDataset
from lending_club.errors import ExitCode
from lending_club.lineage.datasets import CHECKS, Datasets, Fields, told
from lending_club.lineage.facets import EVENT_SCHEMA, PRODUCER, facets, to_json
from lending_club.lineage.names import job_name, run_uuid
from lending_club.lineage.receivers import Receiver
from lending_club.monitoring.notifications import what_broke
from lending_club.run_record import RunRecord, Step
from lending_club.warehouse import FileQuery

logger = logging.getLogger(__name__)

_END = {"failed": "FAIL", "killed": "ABORT"}
_PUBLISHED = "published"


class Reporter:
    """Tells a receiver of one run.

    Args:
        settings: ``namespace`` of the jobs; ``column_statistics``, whether the results' columns are measured.
        record: The run.
        pipeline: Its steps.
        catalog: Its datasets.
        to: Who is told.
    """

    def __init__(
        self, settings: Mapping[str, Any], record: RunRecord, pipeline: Pipeline, catalog: DataCatalog, to: Receiver
    ) -> None:
        self._namespace = str(settings.get("namespace") or "lending_club")
        self._datasets = Datasets(record, pipeline, catalog, are_measured=bool(settings.get("column_statistics", True)))
        self._record = record
        self._begun = record.as_json()
        self._catalog = catalog
        self._to = to
        self._has_started = False
        self._engine: Fields | None = None
        self._held: list[tuple[Step, Fields]] = []

    def run_starts(self) -> None:
        """The run has begun its work."""
        self._has_started = True
        record = self._record.as_json()
        logger.info("Lineage goes to %s as run %s", self._to.name, run_uuid(self._namespace, record))
        self._tell("START", self._record.started_at, record)

    def step_done(self, step: Step, data: Any) -> None:
        """A step is done.

        Args:
            step: The step.
            data: What its node gave.
        """
        name = str(step.dataset)
        if name == _PUBLISHED:
            for each, made in self._held:
                self._tell_step(each, "COMPLETE", datetime.now(UTC), outputs=[made])
            self._held.clear()
        elif name == CHECKS:
            if self._record.checks:
                self._tell_step(step, "COMPLETE")
        elif output := self._datasets.output(step, data):
            if self._datasets.is_staged(name):
                self._held.append((step, output))
            else:
                self._tell_step(step, "COMPLETE", outputs=[output], sql=self._sql(name, data))

    def run_ends(self, killed: Sequence[Mapping[str, Any]]) -> None:
        """The run has ended.

        Args:
            killed: The records of other runs, which were killed.

        Raises:
            OSError: The receiver has not taken all.
        """
        try:
            record = self._record.as_json()
            if record["exit_code"] == ExitCode.IN_PROGRESS:  # the other run tells
                return
            for other in killed:
                self._tell("ABORT", datetime.now(UTC), other)
            if not self._has_started:
                self._tell("START", self._record.started_at, record)
            if self._record.error is not None and self._record.step is not None:
                self._tell_failed(self._record.steps[-1], record)
            self._tell(_END.get(record["outcome"], "COMPLETE"), datetime.now(UTC), record)
        finally:
            self._to.close()

    def _tell(self, kind: str, time: datetime, record: Mapping[str, Any]) -> None:
        """Tell of this run, or of another one."""
        has_ended = kind != "START"
        tags = {"environment": record["environment"], "as_of_date": record["as_of_date"]}
        if has_ended:
            tags |= {"outcome": record["outcome"], "is_published": json.dumps(record["is_published"])}
        run = facets(
            processing_engine=_engine(f"Kedro {record['versions']['Kedro']}", record["versions"]["lending_club"]),
            nominalTime={"nominalStartTime": f"{record['as_of_date']}T00:00:00Z"},
            executionParameters={"parameters": list(_parameters(record["parameters"]))},
            tags={"tags": [{"key": key, "value": value, "source": "lending_club"} for key, value in tags.items()]},
            errorMessage=_error(record) if has_ended and record["error"] else None,
        )
        job = facets(jobType=_job_type("PIPELINE"))
        run_id, name = run_uuid(self._namespace, record), job_name(record["pipelines"])
        self._send(kind, time, {"runId": run_id, "facets": run}, name, job)

    def _tell_failed(self, step: Step, record: Mapping[str, Any]) -> None:
        name = self._datasets.name(step.node.outputs[0])
        outputs = [] if name is None else [told(name)]
        if outputs or step.node.outputs[0] == CHECKS:
            self._tell_step(step, "FAIL", outputs=outputs, error=_error(record))

    def _tell_step(
        self,
        step: Step,
        kind: str,
        ended_at: datetime | None = None,
        outputs: Sequence[Fields] = (),
        sql: Fields | None = None,
        error: Fields | None = None,
    ) -> None:
        parent = {
            "run": {"runId": run_uuid(self._namespace, self._begun)},
            "job": {"namespace": self._namespace, "name": job_name(self._begun["pipelines"])},
        }
        run_id, name = run_uuid(self._namespace, self._begun, step.node.name), f"lending_club.{step.node.name}"
        job = facets(jobType=_job_type("NODE"), sql=sql)
        engine = self._engine if sql else None
        start, end = (facets(parent=parent, processing_engine=engine, errorMessage=each) for each in (None, error))
        self._send("START", step.started_at, {"runId": run_id, "facets": start}, name, job)
        ended_at = ended_at or step.started_at + timedelta(seconds=step.seconds)
        inputs = self._datasets.inputs(step.node)
        self._send(kind, ended_at, {"runId": run_id, "facets": end}, name, job, inputs=inputs, outputs=list(outputs))

    def _send(self, kind: str, time: datetime, run: Fields, name: str, job: Fields, **datasets: list[Fields]) -> None:
        event = {
            "eventType": kind,
            "eventTime": f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z",
            "run": run,
            "job": {"namespace": self._namespace, "name": name, "facets": job},
            **datasets,
            "producer": PRODUCER,
            "schemaURL": EVENT_SCHEMA,
        }
        self._to.take(to_json(event))

    def _sql(self, name: str, data: Any) -> Fields | None:
        """What the engine was told to select."""
        dataset = self._catalog[name]
        if not isinstance(dataset, TableDataset):
            return None
        warehouse = dataset.load().warehouse
        self._engine = self._engine or _engine(warehouse.version(), self._begun["versions"]["lending_club"])
        scheme = warehouse.source_and_name(dataset.load())[0].partition(":")[0]
        return {"query": warehouse.sql(data.query if isinstance(data, FileQuery) else data), "dialect": scheme}


def _job_type(kind: str) -> Fields:
    return {"processingType": "BATCH", "integration": "KEDRO", "jobType": kind}


def _engine(engine: str, adapter_version: str) -> Fields:
    """The fields of the facet ``processing_engine``, of a text such as ``DuckDB 2.0.0``."""
    name, *number = re.split(r" (?=\d)", engine, maxsplit=1)
    return {"name": name, "version": "".join(number) or "unknown", "openlineageAdapterVersion": adapter_version}


def _error(record: Mapping[str, Any]) -> Fields:
    """The fields of the facet ``errorMessage``; rows of customers, which a failed check shows on the machine, are not told."""
    return {"message": what_broke(record), "programmingLanguage": "PYTHON"}


def _parameters(values: Mapping[str, Any], prefix: str = "") -> Iterator[Fields]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _parameters(value, f"{prefix}{name}.")
        else:
            yield {"key": f"{prefix}{name}", "value": value if isinstance(value, str) else json.dumps(value)}
