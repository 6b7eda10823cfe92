"""Who is compared: this project, and what one might use instead."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parent
_PEERS = HERE / "peers"
_KEDRO = [str(PROJECT / ".venv" / "bin" / "kedro"), "run", "--force", "--params"]
_PROJECTS_PYTHON = PROJECT / ".venv" / "bin" / "python"
_SPARKS_PYTHON = PROJECT / ".venv-warehouse" / "bin" / "python"

OURS, FLOOR = "kedro run, unchecked", "floor"


def _nothing(inputs: Path, output: Path) -> None:
    del inputs, output


@dataclass(frozen=True)
class Contestant:
    """Something that makes an account summary.

    Attributes:
        name: Name in the table.
        command: Its command, from the directory of the inputs and an empty one for the outputs, where it also runs.
        prepare: What is done before, unmeasured.
        at: Directory to run it in, None for that of the outputs.
        variables: Environment variables, where ``{output}`` is the directory of the outputs.
        summary: Where its account summary is, below the directory of the outputs.
        absent: Why it cannot run here; empty when it can.
    """

    name: str
    command: Callable[[Path, Path], list[str]]
    prepare: Callable[[Path, Path], None] = _nothing
    at: Path | None = None
    variables: dict[str, str] = field(default_factory=dict)
    summary: str = "account_summary.csv"
    absent: str = ""

    def environment(self, output: Path) -> dict[str, str]:
        """All its environment variables."""
        variables = {name: value.format(output=output) for name, value in self.variables.items()}
        return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | variables


def _script(name: str, python: Path | str = sys.executable) -> Callable[[Path, Path], list[str]]:
    return lambda inputs, output: [str(python), str(_PEERS / name), str(inputs), str(output)]


def _link_inputs(inputs: Path, output: Path) -> None:
    (output / "01_raw").symlink_to(inputs)


def _kedro(name: str, parameters: str) -> Contestant:
    return Contestant(
        name,
        lambda _inputs, _output: [*_KEDRO, f"{parameters}quality.max_quarantined_share=1"],
        _link_inputs,
        at=PROJECT,
        variables={"LENDING_CLUB_DATA": "{output}"},
        summary="08_reporting/account_summary.csv",
    )


def _make_dbt_project(_inputs: Path, output: Path) -> None:
    generate = _PEERS / "dbt_duckdb" / "generate.py"
    subprocess.run([str(_PROJECTS_PYTHON), str(generate), str(output / "project")], check=True)


def _dbt(inputs: Path, output: Path) -> list[str]:
    project = str(output / "project")
    variables = f"{{inputs: '{inputs}', output: '{output}'}}"
    dbt = str(Path(sys.executable).with_name("dbt"))
    return [dbt, "--quiet", "build", "--project-dir", project, "--profiles-dir", project, "--vars", variables]


def _without(module: str, what: str) -> str:
    return "" if find_spec(module) else f"{what} is not installed"


def _without_spark() -> str:
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        return "there is no Java"
    return "" if _SPARKS_PYTHON.exists() else "there is no Spark: make warehouse-env"


def available_memory() -> int:
    """Bytes of memory that there are for a contestant, as this project finds them: in a container, what that allows."""
    found = "from lending_club.warehouse.memory import available_memory; print(available_memory())"
    return int(subprocess.run([_PROJECTS_PYTHON, "-c", found], stdout=subprocess.PIPE, check=True).stdout)


def contestants() -> list[Contestant]:
    """All of them, this project first: what the others make is compared with it."""
    dbt_variables = {"BENCH_OUTPUT": "{output}", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    return [
        _kedro(OURS, "quality.checks=false,"),
        _kedro("kedro run", ""),
        Contestant(FLOOR, _script("floor.py")),
        Contestant("naive DuckDB", _script("naive_duckdb.py")),
        Contestant("Polars", _script("polars_peer.py")),
        Contestant("pandas", _script("pandas_peer.py")),
        Contestant(
            "dbt build", _dbt, _make_dbt_project, variables=dbt_variables, absent=_without("dbt.adapters.duckdb", "dbt-duckdb")
        ),
        Contestant(
            "Spark",
            _script("spark_peer.py", _SPARKS_PYTHON),
            variables={"SPARK_LOCAL_DIRS": "{output}"},  # what does not fit into memory, and would stay if it is killed
            absent=_without_spark(),
        ),
    ]
