"""Runs this project and its peers on the same files, in turn, and compares time, memory and results: ``make bench``."""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from compare import compare, differing_outputs
from contestants import FLOOR, OURS, Contestant, available_memory, contestants
from inputs import make_inputs
from measure import GB, Limits, Measurement, measure
from report import Line, machine, markdown, save

_SIZES = [10, 100_000, 1_000_000, 10_000_000]
_FULL = 100_000_000
_MB = 1_000_000


def main() -> int:
    """Run the benchmark; return the exit status."""
    arguments = _arguments()
    directory: Path = arguments.directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    wanted = [each for each in contestants() if not arguments.only or any(part in each.name for part in arguments.only)]
    sizes = arguments.sizes or ([*_SIZES, _FULL] if arguments.full else _SIZES)
    limits = Limits(int(arguments.gigabytes * GB) if arguments.gigabytes else available_memory() * 9 // 10, arguments.minutes)
    print(f"{machine()}\na run may take {limits.memory / GB:.1f} GB and {limits.minutes:g} minutes", flush=True)
    lines: list[Line] = []
    for accounts in sizes:
        repeats = arguments.repeats or (3 if accounts <= 1_000_000 else 2 if accounts <= 10_000_000 else 1)
        lines += _bench(wanted, accounts, repeats, limits, directory)
        save(lines, directory)
    print(f"\n{markdown(lines)}\n\nsaved in {directory}: results.csv, results.md, results.png, results.svg")
    return 0


def _arguments() -> argparse.Namespace:
    def size(text: str) -> int:
        return int(text.replace("_", "").replace("k", "000").replace("M", "000000"))

    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    default = Path(tempfile.gettempdir()) / "lending-club-bench"
    parser.add_argument("--directory", type=Path, default=default, help=f"for inputs, outputs and results; {default}")
    parser.add_argument("--full", action="store_true", help="100 million accounts, too: 60 GB of disk")
    parser.add_argument("--sizes", type=size, nargs="+", help="numbers of accounts, such as 10 100k 1M")
    parser.add_argument("--repeats", type=int, help="runs of each; 3, and fewer from 10 M accounts")
    parser.add_argument("--minutes", type=float, default=60, help="a run that takes longer is killed; 60")
    parser.add_argument("--gigabytes", type=float, help="a run that holds more memory is killed; 90 %% of what there is")
    parser.add_argument("--only", nargs="+", help="parts of names of those to run")
    return parser.parse_args()


def _bench(wanted: list[Contestant], accounts: int, repeats: int, limits: Limits, directory: Path) -> list[Line]:
    """Run all of them on files of one size; every round starts with another one, so that none is always the first.

    One that fails is not run again.
    """
    inputs = make_inputs(directory, accounts)
    for path in inputs.iterdir():  # into the page cache, for all alike
        with path.open("rb") as file:
            while file.read(1 << 22):
                pass
    outputs = directory / "outputs"
    shutil.rmtree(outputs, ignore_errors=True)
    running = [each for each in wanted if not each.absent]
    found: dict[str, list[Measurement]] = {each.name: [] for each in running}
    results: dict[str, str] = {}
    for number in range(repeats):
        shift = number * len(running) // repeats
        for each in running[shift:] + running[:shift]:
            output = outputs / each.name.replace(" ", "_").replace(",", "")
            measured = _run(each, inputs, output, limits)
            cells = f"{measured.wall:8.2f} s {measured.cpu:8.2f} s CPU {measured.peak / _MB:8,.0f} MB"
            print(f"{accounts:>11,}  {each.name:<22} {cells}  {measured.failure}".rstrip(), flush=True)
            if measured.failure:
                results[each.name] = measured.failure
                running.remove(each)
            else:
                found[each.name].append(measured)
                if number == 0:
                    results[each.name] = _compared(each, output, outputs)
            if each.name != OURS:
                shutil.rmtree(output)
    shutil.rmtree(outputs)
    medians = {name: _medians(measured) for name, measured in found.items() if measured}
    return [_line(each, accounts, medians, found, results) for each in wanted]


def _run(contestant: Contestant, inputs: Path, output: Path, limits: Limits) -> Measurement:
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    contestant.prepare(inputs, output)
    command = contestant.command(inputs, output)
    measured = measure(command, contestant.at or output, contestant.environment(output), output / "log.txt", limits)
    shutil.rmtree(output / "02_intermediate", ignore_errors=True)  # of no use to anybody, and large
    return measured


def _compared(contestant: Contestant, output: Path, outputs: Path) -> str:
    if contestant.name == OURS:
        return ""
    ours = outputs / OURS.replace(" ", "_").replace(",", "") / "08_reporting"
    if not ours.exists():
        return "not compared"
    difference = str(compare(ours / "account_summary.csv", output / contestant.summary, outputs))
    if contestant.name == FLOOR:
        differing = differing_outputs(ours, output, outputs)
        difference = f"differs in {', '.join(differing)}" if differing else "all outputs the same"
    return difference


def _medians(measured: list[Measurement]) -> tuple[float, float, float]:
    return (
        statistics.median(each.wall for each in measured),
        statistics.median(each.cpu for each in measured),
        statistics.median(each.peak for each in measured) / _MB,
    )


def _line(
    contestant: Contestant,
    accounts: int,
    medians: dict[str, tuple[float, float, float]],
    found: dict[str, list[Measurement]],
    results: dict[str, str],
) -> Line:
    name = contestant.name
    if name not in medians:
        return Line(accounts, name, result=f"skipped: {contestant.absent}" if contestant.absent else results[name])
    wall, cpu, peak = medians[name]
    floor = medians.get(FLOOR)
    ratios = (wall / floor[0], cpu / floor[1]) if floor else (None, None)
    return Line(accounts, name, len(found[name]), wall, cpu, peak, *ratios, result=results.get(name, ""))


if __name__ == "__main__":
    sys.exit(main())
