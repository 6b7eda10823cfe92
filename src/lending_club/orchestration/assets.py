"""The datasets of the pipelines as Dagster's assets, and the one step that makes them all.

A run publishes everything or nothing, under one lock, in one process: so Dagster is given one step, not one a node, and told of
what was made when the run has ended.
"""

# No "from __future__ import annotations" here: Dagster reads the types of the step's arguments.
import inspect
import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
from kedro.pipeline import Node

from lending_club.errors import ExitCode, exit_code, told_error
from lending_club.orchestration.project import Project, last_record, run_project
from lending_club.warehouse.models import Model

# What may well succeed the next time: the warehouse out of reach, another run in progress.
_PASSING = {ExitCode.WAREHOUSE, ExitCode.IN_PROGRESS}
_RETRY_SECONDS = (60, 120, 240)

Event = dg.MaterializeResult[None] | dg.AssetCheckResult


class RunConfig(dg.Config):
    """What a person may choose when starting a run.

    Attributes:
        force: Run even if nothing has changed since the last run.
    """

    force: bool = False


def delivered_assets(project: Project) -> list[dg.AssetSpec]:
    """What the pipelines read and others make: the files, and what was published before."""
    names = {name for name in project.pipeline.inputs() if _is_kept(project, name)}
    return [_spec(project, name, None) for name in sorted(names)]


def run_assets(project: Project) -> dg.AssetsDefinition:
    """The step that runs the job, with an asset for each dataset that it makes and a check for each expectation."""
    specs = [_spec(project, node.outputs[0], node) for node in project.pipeline.nodes]
    checks = [
        dg.AssetCheckSpec(name, asset=table, description=expectation.says)
        for table, suite in project.parameters.expectations.items()
        for name, expectation in suite.items()
    ]

    @dg.multi_asset(
        name="kedro_run",
        specs=specs,
        check_specs=checks,
        pool="lending_club",  # of one run at a time, if the instance limits pools
        can_subset=True,
    )
    def kedro_run(context: dg.AssetExecutionContext, config: RunConfig) -> Iterator[Event]:
        """Run the whole job as kedro run does: everything is checked, then published at once, or nothing is."""
        failure = _run(context, config.force)
        record = last_record()
        for seen in observations(record):
            context.log_event(seen)
        yield from check_results(project, record)
        if failure is not None:
            raise dg.Failure(_told(failure), _run_metadata(record)) from None
        if record and record["outcome"] == "left_out":
            context.log.info("Nothing has changed since the last run: left out. What is published is up to date.")
            context.log_event(dg.AssetObservation("published", metadata=_run_metadata(record)))
        yield from materializations(project, record)

    # Made as if it could be split, or Dagster would miss the checks of a run that is left out; and it cannot be split.
    parts = {name: part for name, part in kedro_run.get_attributes_dict().items() if name != "execution_type"}
    return dg.AssetsDefinition(**{**parts, "can_subset": False})


def _run(context: dg.AssetExecutionContext, force: bool) -> Exception | None:
    """Run the job; again, some time later, where it may well succeed then. What has stopped it, None where nothing has.

    Dagster's own way to try a step again would show a traceback each time.
    """
    for seconds in (*_RETRY_SECONDS, None):
        try:
            run_project(force)
        except Exception as error:
            if seconds is None or exit_code(error) not in _PASSING:
                return error
            context.log.warning(f"{_told(error)}\nTries again in {seconds} seconds.")
            time.sleep(seconds)
        else:
            break
    return None


def _told(error: Exception) -> str:
    return str(told_error(error) or f"{type(error).__name__}: {error}")


def observations(record: dict[str, Any] | None) -> Iterator[dg.AssetObservation]:
    """The delivered files that a run has read, as its record tells them."""
    for file in record["inputs"] if record else ():
        if file["sha256"]:
            metadata = {"path": dg.MetadataValue.path(file["path"]), "bytes": file["size_bytes"], "sha256": file["sha256"]}
            yield dg.AssetObservation(file["name"], metadata=metadata)


def check_results(project: Project, record: dict[str, Any] | None) -> Iterator[dg.AssetCheckResult]:
    """What became of each expectation, as a run's record tells it; not of one that is newer than what Dagster has loaded."""
    known = {(table, name) for table, suite in project.parameters.expectations.items() for name in suite}
    for check in record["checks"] if record else ():
        if (check["table"], check["name"]) not in known:
            continue
        yield dg.AssetCheckResult(
            asset_key=check["table"],
            check_name=check["name"],
            passed=check["is_met"],
            severity=dg.AssetCheckSeverity.ERROR if check["severity"] == "error" else dg.AssetCheckSeverity.WARN,
            description=check["found"] or None,
        )


def materializations(project: Project, record: dict[str, Any] | None) -> Iterator[dg.MaterializeResult[None]]:
    """What a run has made, as its record tells it; nothing for one that was left out."""
    for step in record["steps"] if record else ():
        counted = {"dagster/row_count": step["rows"], "bytes": step["bytes"]}
        metadata: dict[str, Any] = {name: value for name, value in counted.items() if value is not None}
        metadata["seconds"] = step["seconds"]
        if page := _page(project, step["dataset"]):
            metadata["page"] = page
        if step["dataset"] == "published":
            metadata |= _run_metadata(record)
        yield dg.MaterializeResult(asset_key=step["dataset"], metadata=metadata)


def _run_metadata(record: dict[str, Any] | None) -> dict[str, Any]:
    """What a run came to: its id, and its figures where it has any; money as text."""
    if record is None:
        return {}
    told = {"run id": record["run_id"], "total annual interest": record["total_interest"]}
    metadata: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    if record["reconciliation"]:
        metadata["reconciliation"] = dg.MetadataValue.table([dg.TableRecord(row) for row in record["reconciliation"]])
    return metadata


def _page(project: Project, dataset: str) -> dg.UrlMetadataValue | None:
    """Where a person reads what was made."""
    if dataset == "report":
        return dg.MetadataValue.url(project.catalog["report"].load().path.absolute().as_uri())
    if dataset == "checks":
        return dg.MetadataValue.url((project.catalog["data_docs"].load() / "index.html").absolute().as_uri())
    return None


def _spec(project: Project, dataset: str, node: Node | None) -> dg.AssetSpec:
    """A dataset as an asset: its name in the catalog, its pipeline, what it is made of, and what the catalog or the code says."""
    settings = project.settings(dataset)
    user = node or next(each for each in project.pipeline.nodes if dataset in each.inputs)
    (pipeline,) = user.tags
    metadata: dict[str, Any] = {}
    if "columns" in settings and isinstance(settings["columns"], dict):
        columns = [dg.TableColumn(name, type="", description=meaning) for name, meaning in settings["columns"].items()]
        metadata["dagster/column_schema"] = dg.TableSchema(columns)
    if "table" in settings:
        metadata["dagster/table_name"] = settings["table"]
    return dg.AssetSpec(
        dataset,
        deps=[name for name in node.inputs if _is_kept(project, name)] if node else [],
        description="\n\n".join(filter(None, [settings.get("comment"), _description(project, dataset, node)])),
        group_name=pipeline,
        kinds=_kinds(settings, node),
        metadata=metadata,
        skippable=node is not None,
    )


def _description(project: Project, dataset: str, node: Node | None) -> str:
    """What a step does: the SQL of a model, what is said of a function; without a step, what it is and where."""
    if node is None:
        what = inspect.getdoc(type(project.catalog[dataset])) or dataset
        what, *_ = what.split("\n\n")
        return f"{what} `{project.settings(dataset)['filepath']}`"
    if isinstance(node.func, Model):
        return f"```sql\n{node.func.text}\n```"
    return (inspect.getdoc(node.func) or node.name).partition("\n\n")[0]


def _kinds(settings: dict[str, Any], node: Node | None) -> set[str]:
    """How it is made and where it is kept."""
    language = {"sql" if isinstance(node.func, Model) else "python"} if node else set()
    if "connection" in settings:
        return {*language, settings["connection"]["type"]}
    forms = {"CsvSource": "csv", "PublishedPage": "html", "JSONDataset": "plotly"}
    form = settings.get("file_format") or forms.get(str(settings["type"]).rpartition(".")[2])
    return {*language, form} if form else language


def _is_kept(project: Project, dataset: str) -> bool:
    """Whether a dataset is one that somebody can look at or another step makes: no parameter, place, nor value of a run."""
    if dataset.startswith("param"):
        return False
    is_made = dataset not in project.pipeline.inputs()
    return is_made or not str(project.settings(dataset)["type"]).endswith(("MemoryDataset", "DirectoryDataset"))
