"""Runs the suites, keeps their results, and draws them as a static site (Great Expectations' Data Docs)."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when it is imported: nothing about a run leaves the machine

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.core import RunIdentifier
from great_expectations.data_context.types.base import DataContextConfig
from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lending_club.errors import ParameterError
from lending_club.parameters import Expectation, Suites
from lending_club.quality.checks import BATCH, BATCH_NAME, parse_query
from lending_club.quality.data_source import connected_to
from lending_club.quality.expectation import ROW_COUNT, ExpectNoRows
from lending_club.quality.report import Report, Result
from lending_club.quality.site import EXAMPLES, RESULTS, example_text, finish_site
from lending_club.warehouse import Table
from lending_club.warehouse.models import bind_parameters


def check(tables: Mapping[str, Table], suites: Suites, parameters: Mapping[str, Any], docs: Path, kept_results: int) -> Report:
    """Check tables of a warehouse against their suites.

    Args:
        tables: The tables by the names that the suites have for them, all of one warehouse.
        suites: The expectations of each table by name.
        parameters: Values of the ``:name`` placeholders in queries.
        docs: Directory of the site; it and its results are extended by this check.
        kept_results: Of how many checks the results are kept.

    Raises:
        ParameterError: A suite or an expectation is not one that can be checked; the message names it.
    """
    with connected_to(next(iter(tables.values())).warehouse.sqlalchemy_engine()):
        context = gx.get_context(project_config=_configuration(docs), mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_warehouse(name="warehouse")
        definitions = []
        for table, expectations in suites.items():
            if table not in tables:
                raise ParameterError(f"expectations.{table}: there is no such table here. There are: {', '.join(tables)}.")
            schema_name, table_name = tables[table].name.split(".")[-2:]
            asset = source.add_table_asset(table, schema_name=schema_name, table_name=table_name)
            batch = asset.add_batch_definition_whole_table("all")
            made = [_expectation(f"{table}.{name}", each, tables, parameters) for name, each in expectations.items()]
            suite = context.suites.add(gx.ExpectationSuite(table, expectations=made))
            definitions.append(context.validation_definitions.add(gx.ValidationDefinition(name=table, data=batch, suite=suite)))
        _forget_old_results(docs, kept_results - 1)
        checkpoint = gx.Checkpoint(name="checkpoint", validation_definitions=definitions, result_format="COMPLETE")
        run_id = RunIdentifier(run_name=datetime.now(UTC).strftime("%Y-%m-%dT%H.%M.%S.%fZ"))
        outcome = context.checkpoints.add(checkpoint).run(run_id=run_id)
        pages = [*outcome.run_results, *map(ExpectationSuiteIdentifier, suites)]
        context.build_data_docs(resource_identifiers=pages, build_index=False)
    finish_site(docs)
    results = [_result(suite.suite_name, each) for suite in outcome.run_results.values() for each in suite.results]
    return Report(tuple(results), docs / "index.html")


def _expectation(name: str, expectation: Expectation, tables: Mapping[str, Table], parameters: Mapping[str, Any]) -> Any:
    common = {
        "description": expectation.says,
        "severity": "critical" if expectation.severity == "error" else "warning",
        "meta": {"name": name},
    }
    try:
        if expectation.query is not None:
            query = _bound(expectation.query, tables, parameters)
            return ExpectNoRows(unexpected_rows_query=query, **common)
        class_name = "".join(word.capitalize() for word in str(expectation.type).split("_"))
        return getattr(gxe, class_name)(**expectation.kwargs, **common)
    except (AttributeError, KeyError, SqlglotError, TypeError, ValueError) as error:
        fault = f"there is no parameter :{error.args[0]}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise ParameterError(f"expectations.{name}: {fault}. Correct it in parameters_expectations.yml.") from error


def _bound(text: str, tables: Mapping[str, Table], parameters: Mapping[str, Any]) -> str:
    """A query of a suite as Great Expectations takes it: names and parameters bound, ``{batch}`` kept, other braces doubled."""
    query = parse_query(text)
    for table in list(query.find_all(exp.Table)):
        if table.name == BATCH_NAME:  # Great Expectations puts a subquery with an alias of its own there
            table.replace(exp.select("*").from_(BATCH_NAME).subquery(table.alias or BATCH_NAME))
        elif table.name in tables:
            table.replace(exp.alias_(tables[table.name].expression, table.alias or table.name, table=True))
    warehouse = next(iter(tables.values())).warehouse
    sql = warehouse.examples_sql(bind_parameters(query, parameters), EXAMPLES, ROW_COUNT)
    return re.sub(rf"(?<=FROM)\s+{BATCH_NAME}\s*\)", f" {BATCH})", sql.replace("{", "{{").replace("}", "}}"))


def _result(table: str, result: Any) -> Result:
    configuration = result.expectation_config
    severity = "error" if configuration.severity == "critical" else "warn"
    name, says = configuration.meta["name"].split(".")[-1], configuration.description
    if result.success:
        return Result(table, name, says, severity, is_met=True)
    found, examples = "", []
    observed = result.result.get("observed_value")
    unexpected = result.result.get("unexpected_count")
    if raised := _raised(result.exception_info):
        found = f"It could not be checked: {raised}"
    elif configuration.type == "expect_no_rows":
        found = f"{observed:,} rows do not meet it."
        examples = [example_text(row) for row in result.result["details"]["unexpected_rows"]]
    elif unexpected is not None:
        found = f"{unexpected:,} rows do not meet it."
        examples = [example_text(value) for value in result.result["partial_unexpected_list"][:EXAMPLES]]
    else:
        found = f"Found: {observed}"
    return Result(table, name, says, severity, False, found, tuple(examples))


def _raised(information: Any) -> str | None:
    """The first line of what went wrong while an expectation was checked."""
    nested = information.values() if information and "raised_exception" not in information else [information or {}]
    for each in nested:
        if each.get("raised_exception"):
            return str(each.get("exception_message")).strip().splitlines()[0]
    return None


def _configuration(docs: Path) -> DataContextConfig:
    def store(class_name: str, folder: str | None = None) -> dict[str, Any]:
        backend: dict[str, Any] = {"class_name": "InMemoryStoreBackend"}
        if folder is not None:
            backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs / folder)}
        return {"class_name": class_name, "store_backend": backend}

    return DataContextConfig(
        stores={
            "expectations_store": store("ExpectationsStore"),
            "checkpoint_store": store("CheckpointStore"),
            "validation_definition_store": store("ValidationDefinitionStore"),
            "validation_results_store": store("ValidationResultsStore", RESULTS),
        },
        expectations_store_name="expectations_store",
        checkpoint_store_name="checkpoint_store",
        validation_results_store_name="validation_results_store",
        data_docs_sites={
            "site": {
                "class_name": "SiteBuilder",
                "show_how_to_buttons": False,
                "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)},
            }
        },
        analytics_enabled=False,
    )


def _forget_old_results(docs: Path, kept: int) -> None:
    """Remove the results and pages of all checks but the last ``kept``; both are filed as table/run/time."""
    for folder in (docs / RESULTS, docs / "validations"):
        runs = sorted({path.name for path in folder.glob("*/*") if path.is_dir()})
        for run in runs[: max(len(runs) - kept, 0)]:
            for path in folder.glob(f"*/{run}"):
                shutil.rmtree(path)
