"""What the gate is asked to check: the tables of a run before they are published, or what is published now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from lending_club.errors import WarehouseError
from lending_club.parameters import Expectation, Parameters, Suites
from lending_club.publication import Output
from lending_club.quality.deferred import HEAVY, NEEDLESS, defer_import, left_out
from lending_club.quality.report import Report
from lending_club.warehouse import Table, TableOutput, open_warehouse
from lending_club.warehouse.models import tables_of, values_query

BATCH = "{batch}"
BATCH_NAME = "__batch__"


def check_tables(tables: Mapping[str, Table], parameters: Parameters, data_docs: Path) -> Report:
    """Check all suites on these tables.

    Args:
        tables: The tables by their names in the catalog.
        parameters: The expectations, and the values that they name.
        data_docs: Directory of the site that shows the results.
    """
    next(iter(tables.values())).warehouse.spare_memory()  # a run that checks needs no more of it than one that does not
    return _check(tables, parameters.expectations, parameters, data_docs)


def check_published(
    tables: Mapping[str, Table], files: Path, derived_names: Mapping[str, str], parameters: Parameters, data_docs: Path
) -> Report:
    """Check the set that is published now, on its own: without the expectations that read tables which are not published.

    Args:
        tables: The published tables.
        files: Directory of the published files.
        derived_names: Where to put ``output_fingerprints`` and ``freshness`` in the warehouse of the tables.
        parameters: The expectations, and the values that they name.
        data_docs: Directory of the site that shows the results.
    """
    outputs: list[tuple[str, Output | TableOutput]] = []
    for name, table in tables.items():
        paths = [path for path in (files / f"{name}.csv", files / f"{name}.parquet") if path.exists()]
        outputs += [(name, Output(path, path, path.suffix[1:])) for path in paths]
        outputs.append((name, TableOutput(table)))
    published_at = datetime.fromtimestamp(files.stat().st_mtime, UTC)
    checked = dict(tables)
    for name, query in {
        "output_fingerprints": fingerprint_query(tables, outputs),
        "freshness": age_query({"published": datetime.now(UTC) - published_at}),
    }.items():
        checked[name] = Table(next(iter(tables.values())).warehouse, derived_names[name])
        checked[name].warehouse.create_table(checked[name], query)
    suites = {
        table: {name: each for name, each in suite.items() if set(_tables_read(each)) <= set(checked)}
        for table, suite in parameters.expectations.items()
        if table in checked
    }
    return _check(checked, suites, parameters, data_docs)


def published_tables(outputs: Mapping[str, Output | TableOutput]) -> dict[str, Table]:
    """The published tables, by the names of their results."""
    tables = {}
    for name, output in outputs.items():
        if isinstance(output, TableOutput):
            tables[name] = output.table
        else:
            database = str(output.path.resolve())
            tables[name] = Table(open_warehouse({"type": "duckdb", "path": database, "read_only": True}), f"marts.{name}")
    return tables


def fingerprint_query(tables: Mapping[str, Table], outputs: Iterable[tuple[str, Output | TableOutput]]) -> exp.Query:
    """The table ``output_fingerprints``: ``table_name``, ``form``, ``row_count``, ``checksum``; equal checksums mean equal rows.

    Args:
        tables: Tables by name.
        outputs: Outputs, each with the name of the table that it was made of.
    """
    known: dict[str, tuple[int, str]] = {}

    def of_table(table: Table) -> tuple[int, str]:
        if table.name not in known:
            known[table.name] = table.warehouse.fingerprint(table)
        return known[table.name]

    found = [(name, "table", of_table(table)) for name, table in tables.items()]
    for name, output in outputs:
        try:
            if isinstance(output, TableOutput):
                read = of_table(output.readable)
            else:
                read = tables[name].warehouse.fingerprint(tables[name], output.readable, output.form)
        except WarehouseError as error:  # not what its table is: an expectation will say so
            read = (-1, str(error))
        found.append((name, output.form, read))
    rows = [
        {"table_name": name, "form": form, "row_count": count, "checksum": checksum} for name, form, (count, checksum) in found
    ]
    return values_query(rows, {"table_name": "VARCHAR", "form": "VARCHAR", "row_count": "BIGINT", "checksum": "VARCHAR"})


def age_query(ages: Mapping[str, timedelta]) -> exp.Query:
    """The table ``freshness``: ``subject`` and ``hours_ago``."""
    rows = [
        {"subject": subject, "hours_ago": (Decimal(round(age.total_seconds())) / 3600).quantize(Decimal("0.01"))}
        for subject, age in ages.items()
    ]
    return values_query(rows, {"subject": "VARCHAR", "hours_ago": "DECIMAL(18, 2)"})


def parse_query(query: str) -> exp.Expr:
    """A query of an expectation, with the table that it is about under the name ``__batch__``."""
    return sqlglot.parse_one(query.replace(BATCH, BATCH_NAME), read="duckdb")


def _tables_read(expectation: Expectation) -> list[str]:
    if expectation.query is None:
        return []
    return [name for name in tables_of(parse_query(expectation.query)) if name not in (BATCH_NAME, "columns")]


def _check(tables: Mapping[str, Table], suites: Suites, parameters: Parameters, data_docs: Path) -> Report:
    for module in HEAVY:
        defer_import(module)
    with left_out(NEEDLESS):
        from lending_club.quality import gate

    return gate.check(tables, suites, query_values(parameters), data_docs, parameters.quality.kept_results)


def query_values(parameters: Parameters) -> dict[str, Any]:
    """The values that a query of an expectation may name, by name."""
    interest, quality = parameters.interest, parameters.quality
    rates = {tier.rate + bonus for tier in interest.tiers for bonus in (Decimal(0), interest.loan_bonus)}
    return {
        "interest_rates": sorted(rates),
        "loan_bonus": interest.loan_bonus,
        "eligible_account_types": interest.eligible_account_types,
        "max_quarantined_share": quality.max_quarantined_share,
        "max_age_hours": quality.max_age_hours,
    }
