"""Fails where the project has become slower: ``make test-speed``.

Seconds say little on a machine that others use, too. So each run is compared with a yardstick that does not change with the
project, right before and after it: a start with the import of the libraries it needs, a hundred thousand accounts with the
floor. Instructions are counted where Linux lets ``perf`` do so, and repeat to a part in a hundred; else it is CPU time.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from inputs import make_inputs

# What was measured when somebody last looked, and how much worse makes this fail. Where a change is worth its price, or made a
# run faster, write the new numbers here.
EXPECTED = {
    # Instructions of the report and the record of a run are in proportion to their CPU time: measured where Linux told none.
    "instructions": {"start-up": 3.86, "100,000 accounts": 3.02},
    "CPU time": {"start-up": 3.6, "100,000 accounts": 3.5},
}
WORSE = 1.20

_HERE = Path(__file__).parent
_PYTHON = sys.executable
_KEDRO = [str(Path(_PYTHON).with_name("kedro")), "run", "--force", "--params"]
_LIBRARIES = "import kedro.framework.cli.cli, kedro.framework.session, kedro.runner, duckdb, sqlglot, pydantic, omegaconf"

Counter = Callable[[list[str], dict[str, str]], float]


def main() -> int:
    """Measure and compare; return the exit status."""
    counter, unit, repeats = (_instructions, "instructions", 2) if _perf_works() else (_cpu_time, "CPU time", 7)
    status = 0
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        for name, (ours, yardstick) in {
            "start-up": (_run(place, 10), lambda: [_PYTHON, "-c", _LIBRARIES]),
            "100,000 accounts": (_run(place, 100_000), _floor(place, 100_000)),
        }.items():
            environment = _environment(place)
            counts = [(counter(ours(), environment), counter(yardstick(), environment)) for _ in range(repeats + 1)][1:]
            found = min(count for count, _ in counts) / min(count for _, count in counts)
            expected = EXPECTED[unit][name]
            print(f"{name}: {found:.2f} times the {unit} of its yardstick, {found / expected - 1:+.0%} of what is expected")
            if found > WORSE * expected:
                print(f"That is worse by more than {WORSE - 1:.0%}. See {Path(__file__).name}.", file=sys.stderr)
                status = 1
    return status


def _run(place: Path, accounts: int) -> Callable[[], list[str]]:
    """The project's command, on a data directory of its own."""
    data = place / "data"

    def command() -> list[str]:
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        (data / "01_raw").symlink_to(make_inputs(place, accounts))
        return [*_KEDRO, "quality.checks=false,quality.max_quarantined_share=1"]

    return command


def _floor(place: Path, accounts: int) -> Callable[[], list[str]]:
    output = place / "floor"

    def command() -> list[str]:
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir()
        return [_PYTHON, str(_HERE / "peers" / "floor.py"), str(make_inputs(place, accounts)), str(output)]

    return command


def _environment(place: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "LENDING_CLUB_DATA": str(place / "data")}


def _perf_works() -> bool:
    if shutil.which("perf") is None:
        return False
    probe = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", "true"], capture_output=True, text=True, check=False)
    return probe.returncode == 0 and probe.stderr.split(",")[0].isdigit()


def _instructions(command: list[str], environment: dict[str, str]) -> float:
    with tempfile.NamedTemporaryFile("r") as counted:
        _must_work([*"perf stat -x, -e instructions:u -o".split(), counted.name, *command], environment)
        (line,) = (line for line in counted.read().splitlines() if "instructions" in line)
    return float(line.split(",")[0])


def _cpu_time(command: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _must_work(command, environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _must_work(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=_HERE.parent, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
