"""A full disk and a read-only directory, really so: in a mount namespace of their own (Linux)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lending_club.errors import ExitCode
from tests.conftest import PROJECT, run_here, unchecked_run
from tests.test_run import assert_result_of_inputs, assert_tidy, contents


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def full_disk(data: Path, layer: str) -> None:
    """A layer on a disk of few megabytes: full, then with room again."""
    (data / layer).mkdir()
    mount("-t", "tmpfs", "-o", "size=16m", "tmpfs", str(data / layer))
    run_here(data)
    before = contents(data)
    filler = data / layer / "filler"
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * 4096)
            except OSError:
                break
    ended = unchecked_run(data)
    assert ended.returncode in (ExitCode.WAREHOUSE, ExitCode.DATA_DIRECTORY)
    assert "no space left on device" in ended.stderr.splitlines()[-1].lower(), ended.stderr
    assert "Traceback" not in ended.stderr
    assert contents(data) == before
    filler.unlink()
    ended = unchecked_run(data)
    assert ended.returncode == 0, ended.stderr
    assert_result_of_inputs(data)
    assert_tidy(data)


def read_only(data: Path, layer: str) -> None:
    """A layer that cannot be written, then can."""
    run_here(data)
    before = contents(data)
    mount("--bind", str(data / layer), str(data / layer))
    mount("-o", "remount,ro,bind", str(data / layer))
    ended = unchecked_run(data)
    assert ended.returncode in (ExitCode.WAREHOUSE, ExitCode.DATA_DIRECTORY)
    assert "read-only file system" in ended.stderr.splitlines()[-1].lower(), ended.stderr
    assert str(data / layer) in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert contents(data) == before
    subprocess.run(["umount", str(data / layer)], check=True)
    assert unchecked_run(data).returncode == 0
    assert_tidy(data)


@pytest.mark.parametrize(
    ("scenario", "layer"),
    [
        *((scenario, layer) for scenario in ("full_disk", "read_only") for layer in ("02_intermediate", "08_reporting")),
        ("read_only", "07_model_output"),  # charts, which a run writes over: on a full disk they find their own room
    ],
)
def test_a_disk_that_refuses(data: Path, scenario: str, layer: str) -> None:
    arguments = ["unshare", "--map-root-user", "--mount", sys.executable, "-m", "tests.test_disk", scenario, str(data), layer]
    ended = subprocess.run(arguments, cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr


if __name__ == "__main__":
    {"full_disk": full_disk, "read_only": read_only}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
