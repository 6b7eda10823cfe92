"""The job on the sample, in a place of its own, verified wherever it has written, and cleaned up: ``make smoke [ENV=prod]``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from contextlib import ExitStack
from pathlib import Path

from lending_club.environment import supplement_environment
from lending_club.errors import LendingClubError
from tests.conftest import PROJECT, SAMPLE, kedro_command, write_inputs
from tests.databricks import assert_tables_published, reader
from tests.oracle import expected
from tests.published import assert_files_published, assert_published, assert_report_published


def main(environment: str) -> int:
    """Run the smoke test; return the exit status."""
    customers, accounts = (SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes()
    wanted = expected(customers, accounts)
    supplement_environment(PROJECT / "conf")
    number = uuid.uuid4().hex[:8]
    schemas = {place: f"lending_club_smoke_{number}_{place}" for place in ("raw", "staging", "published", "ops")}
    os.environ |= {f"LENDING_CLUB_{place.upper()}_SCHEMA": schema for place, schema in schemas.items()}
    catalog = os.environ.get("LENDING_CLUB_CATALOG") or "workspace"
    with ExitStack() as places:
        directory = places.enter_context(tempfile.TemporaryDirectory(prefix="lending-club-smoke-"))
        data = Path(directory)
        os.environ["LENDING_CLUB_DATA"] = directory
        write_inputs(data, customers, accounts)
        try:
            if environment == "prod":
                _execute(f"CREATE SCHEMA {catalog}.{schemas['published']}")
                places.callback(_drop, [f"{catalog}.{schema}" for schema in schemas.values()])
            for command in ("doctor", "run", "validate"):
                print(f"--- kedro {command} --env {environment}", flush=True)
                status = subprocess.run(kedro_command(command, "--env", environment), cwd=PROJECT).returncode
                if status:
                    return status
            assert_report_published(data, wanted)
            if environment == "prod":
                assert_files_published(data, wanted)
                with reader() as warehouse:
                    assert_tables_published(warehouse, f"{catalog}.{schemas['published']}", wanted)
            else:
                assert_published(data, wanted)
        except LendingClubError as error:
            print(f"Error: {error}", file=sys.stderr)
            return 1
    print("--- files and tables hold what the data contract asks; everything that was made is removed again")
    return 0


def _drop(schemas: list[str]) -> None:
    for schema in schemas:
        _execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def _execute(statement: str) -> None:
    with reader() as warehouse:
        warehouse.execute(statement)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "base"))
