"""What an event tells of the datasets that a step reads and makes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lending_club.datasets import CsvSource, PublishedFile, PublishedPage, PublishedTable, TableDataset
from lending_club.errors import LendingClubError
from lending_club.lineage.facets import facets, known
from lending_club.lineage.names import Name, dataset_name, sources
from lending_club.lineage.tables import metrics, schema
from lending_club.run_record import RunRecord, Step
from lending_club.warehouse import FileQuery, Table

logger = logging.getLogger(__name__)

CHECKS = "checks"

Fields = dict[str, Any]


class Datasets:
    """The datasets of a run.

    Args:
        record: The run.
        pipeline: Its steps.
        catalog: Its datasets.
        are_measured: Whether to measure the columns of tables that are published.
    """

    def __init__(self, record: RunRecord, pipeline: Pipeline, catalog: DataCatalog, are_measured: bool) -> None:
        self._record = record
        self._pipeline = pipeline
        self._catalog = catalog
        self._are_measured = are_measured
        self._columns: dict[str, dict[str, str]] = {}
        self._metrics: dict[str, Fields] = {}
        self._staged = {name for name in pipeline.all_outputs() if self.is_staged(name)}
        self._exported = {name for node in pipeline.nodes if node.outputs[0] in self._staged for name in node.inputs}

    def is_staged(self, name: str) -> bool:
        """Whether a dataset is published with others, and is nowhere before."""
        return isinstance(self._catalog[name], PublishedFile | PublishedPage | PublishedTable)

    def name(self, name: str) -> Name | None:
        """By what name OpenLineage knows a dataset of the catalog; None where it is in memory."""
        return dataset_name(self._catalog[name])

    def inputs(self, node: Node) -> list[Fields]:
        """What a step has read. What is staged has no name yet, and is not told of."""
        return list(self._inputs(node))

    def _inputs(self, node: Node) -> Iterator[Fields]:
        for source in sources(node, self._pipeline, self._catalog):
            name = self.name(source)
            if name is None or source in self._staged:
                continue
            dataset = self._catalog[source]
            if isinstance(dataset, CsvSource):
                yield told(name, **self._file_read(dataset, node))
            elif node.outputs[0] == CHECKS:
                yield told(name, inputFacets=self._assertions(source))
            else:
                yield told(name)

    def output(self, step: Step, data: Any) -> Fields | None:
        """What a step has made; None where that is in memory.

        Args:
            step: The step, done.
            data: What its node gave.
        """
        key = str(step.dataset)
        name, dataset = self.name(key), self._catalog[key]
        if name is None:
            return None
        table = key if isinstance(dataset, TableDataset) else next(iter(step.node.inputs))
        rows = step.rows
        if rows is None and isinstance(dataset, PublishedTable):
            rows = next((each.rows for each in self._record.steps if each.dataset == table), None)
        is_file = not isinstance(dataset, TableDataset | PublishedTable)
        statistics = known({"rowCount": rows, "size": step.bytes, "fileCount": 1 if is_file else None})
        holds_rows = isinstance(dataset, TableDataset) or isinstance(data, Table)
        return told(
            name,
            facets=self._table(table, step.node, data) if holds_rows else {},
            outputFacets=facets(outputStatistics=statistics or None),
        )

    def _table(self, name: str, node: Node, data: Any) -> Fields:
        table: Table = self._catalog[name].load()
        try:
            columns = self._columns_of(name)
            if self._are_measured and name in self._exported and name not in self._metrics:
                self._metrics[name] = metrics(table, columns)
        except LendingClubError as error:
            logger.warning("The lineage does not tell all of %s: %s", table.name, error)
            columns = self._columns.get(name, {})
        return facets(
            schema=schema(columns, table.column_comments) if columns else None,
            documentation={"description": table.comment} if table.comment else None,
            dataQualityMetrics=self._metrics.get(name),
            columnLineage=self._column_lineage(name, node, data),
        )

    def _columns_of(self, name: str) -> dict[str, str]:
        if name not in self._columns:
            table: Table = self._catalog[name].load()
            self._columns[name] = table.warehouse.columns(table)
        return self._columns[name]

    def _column_lineage(self, name: str, node: Node, data: Any) -> Fields | None:
        """Of a column the columns that it was made of, where SQL says so; Python does not."""
        try:
            if isinstance(data, Table):
                source = self.name(name)
                found = {column: [(source, column)] for column in self._columns.get(name, {})}
            else:
                found = self._read_columns(node, data)
        except (SqlglotError, LendingClubError) as error:
            logger.debug("Nothing is told of where the columns of %s come from: %s", name, error)
            return None
        fields = {
            column: {"inputFields": [{"namespace": each[0], "name": each[1], "field": field} for each, field in read if each]}
            for column, read in found.items()
            if read
        }
        return {"fields": fields} if fields else None

    def _read_columns(self, node: Node, data: FileQuery | exp.Query) -> dict[str, list[tuple[Name | None, str]]]:
        from lending_club.lineage.columns import made_of

        if isinstance(data, FileQuery):
            file = data.columns
            found = made_of(data.query, {data.name: ["line", "malformed", *file]})
            name = self.name(node.inputs[0])
            return {column: [(name, file[each]) for _, each in read if each in file] for column, read in found.items()}
        tables = {each: self._catalog[each] for each in node.inputs if isinstance(self._catalog[each], TableDataset)}
        names = {dataset.load().name: self.name(each) for each, dataset in tables.items()}
        columns = {dataset.load().name: self._columns_of(each) for each, dataset in tables.items()}
        found = made_of(data, columns)
        return {column: [(names[table], each) for table, each in read] for column, read in found.items()}

    def _file_read(self, source: CsvSource, node: Node) -> Fields:
        """Of a file that a step has read: its columns, its checksum as its version, and how much was read of it."""
        step = next((step for step in self._record.steps if step.node.name == node.name and step.dataset), None)
        state = source.file.state
        if step is None or state is None:
            return {}
        rows = step.rows if len(node.inputs) == 1 else None
        columns = [{"name": column} for column in source.file.columns]
        return {
            "facets": facets(schema={"fields": columns}, version={"datasetVersion": f"sha256:{source.file.sha256}"}),
            "inputFacets": facets(inputStatistics=known({"rowCount": rows, "size": state.size, "fileCount": 1})),
        }

    def _assertions(self, table: str) -> Fields:
        parameters = self._record.parameters
        suite = parameters.expectations.get(table, {}) if parameters else {}
        checks = [check for check in self._record.checks if check["table"] == table]
        assertions = [
            known(
                {
                    "assertion": suite[check["name"]].type or "expect_no_rows",
                    "success": check["is_met"],
                    "column": suite[check["name"]].kwargs.get("column"),
                    "severity": check["severity"],
                    "name": check["name"],
                    "description": suite[check["name"]].says,
                    "actual": check["found"] or None,
                    "content": suite[check["name"]].query,
                    "contentType": "sql" if suite[check["name"]].query else None,
                }
            )
            for check in checks
        ]
        return facets(dataQualityAssertions={"assertions": assertions} if assertions else None)


def told(name: Name, **facets_by_kind: Fields) -> Fields:
    """A dataset of an event.

    Args:
        name: Its namespace and name.
        facets_by_kind: ``facets``, ``inputFacets``, ``outputFacets``.
    """
    return {"namespace": name[0], "name": name[1], **{kind: each for kind, each in facets_by_kind.items() if each}}
