"""By what names OpenLineage knows runs and datasets."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from lending_club.datasets import CsvSource, PublishedFile, PublishedPage, PublishedTable, TableDataset
from lending_club.datasets.published import DatabaseOutput
from lending_club.warehouse import Table

# Handed from step to step as leave to go on: what comes after is not made of them.
_GATES = {"approval", "checks"}

Name = tuple[str, str]


def run_uuid(namespace: str, record: Mapping[str, Any], step: str = "") -> str:
    """The id of a run, or of a step of it: the same whenever it is asked for, so that the next run can tell of a killed one.

    Args:
        namespace: Namespace of the jobs.
        record: The run's record.
        step: Name of the step.
    """
    made_of = (namespace, record["host"], str(record["process"]), record["run_id"], step)
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(made_of)))


def job_name(pipelines: list[str]) -> str:
    """The job that runs these pipelines."""
    return "lending_club" if pipelines == ["__default__"] else f"lending_club:{','.join(pipelines)}"


def dataset_name(dataset: object) -> Name | None:
    """Namespace and name of a dataset; None of one that is in memory, or none of the data."""
    match dataset:
        case CsvSource():
            return _file(dataset.file.path)
        case TableDataset():
            return _table(dataset.load())
        case PublishedTable():
            return _table(dataset.load().table)
        case PublishedFile() | PublishedPage():
            output = dataset.load()
            return _table(output.table) if isinstance(output, DatabaseOutput) else _file(output.path)
    path = getattr(dataset, "_filepath", None)  # of kedro-datasets
    return None if path is None else _file(Path(str(path)))


def _table(table: Table) -> Name:
    return table.warehouse.source_and_name(table)


def _file(path: Path) -> Name:
    return "file", str(path.absolute())  # not where a link leads to: what is published keeps its name


def sources(node: Node, pipeline: Pipeline, catalog: DataCatalog) -> list[str]:
    """The datasets that a step reads, by their names in the catalog; for what is in memory, those that it was made of."""
    makers = {output: maker for maker in pipeline.nodes for output in maker.outputs}

    def of(step: Node) -> Iterator[str]:
        for name in step.inputs:
            if name == "parameters" or name.startswith("params:") or name in _GATES:
                continue
            if not isinstance(catalog[name], MemoryDataset):
                yield name
            elif name in makers:
                yield from of(makers[name])

    return list(dict.fromkeys(of(node)))
