"""The image, built and run as compose.yaml does: ``make image-test``. Needs Docker with BuildKit, and tens of seconds.

``tests/engine.py`` tells of the environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import yaml
from benchmarks.inputs import make_inputs

from lending_club.errors import ExitCode
from tests.conftest import PROJECT, SAMPLE, write_inputs
from tests.engine import GROUP, USER, base_image, build, docker, owned
from tests.oracle import expected
from tests.published import assert_published

_IMAGE = "lending-club-test"
_SECRET = "planted-1f0c7a"
_MEMORY = "1g"
_MANY = 3_000_000


def main() -> int:
    """Build and try the image; return the exit status."""
    with ExitStack() as places:
        place = Path(places.enter_context(tempfile.TemporaryDirectory(prefix="lending-club-image-")))
        place.chmod(0o755)
        _build(_copy_with_secrets(place / "project"))
        places.callback(docker, "image", "rm", "--force", _IMAGE)
        _nothing_secret_is_inside(place)
        _runs_confined(place / "sample")
        _compose_runs_it(place / "composed")
        _stops_at_once(place / "stopped")
        _keeps_within_its_memory(place / "many")
    print("--- the image does the job, confined, and within its memory; everything that was made is removed again")
    return 0


def _told(what: str) -> None:
    print(f"--- {what}", flush=True)


def _copy_with_secrets(project: Path) -> Path:
    """The project as somebody has it who has also put credentials wherever they may be."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / name, project / name)
    for name in (".env", "conf/local/credentials.yml", "conf/.env", "src/.env", "data/01_raw/more.csv"):
        (project / name).write_text(_SECRET)
    return project


def _build(project: Path) -> None:
    base = base_image()
    start = time.monotonic()
    build(_IMAGE, project)
    size = int(docker("image", "inspect", "--format", "{{.Size}}", _IMAGE).stdout)
    of_base = int(docker("image", "inspect", "--format", "{{.Size}}", base).stdout) if base else 0
    of_what = f", {of_base / 1e6:.0f} of it {base}" if base else ""
    _told(f"built in {time.monotonic() - start:.0f} s: {size / 1e6:.0f} MB{of_what}")


def _nothing_secret_is_inside(place: Path) -> None:
    saved = place / "image.tar"
    docker("save", "--output", str(saved), _IMAGE)
    found = subprocess.run(["grep", "--quiet", "--binary-files=text", _SECRET, str(saved)]).returncode
    assert found == 1, "a secret of the machine that built the image is in one of its layers"
    assert (
        subprocess.run(["grep", "--quiet", "--binary-files=text", "annual_interest", str(saved)]).returncode == 0
    )  # it can be found
    saved.unlink()
    assert docker("image", "inspect", "--format", "{{.Config.User}}", _IMAGE).stdout.strip() == "1000:1000"
    _told("no planted secret is in a layer; it runs as 1000:1000")


def _sample(data: Path) -> Path:
    write_inputs(data, (SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes())
    return owned(data)


def _generated(data: Path, accounts: int) -> Path:
    data.mkdir()
    make_inputs(data.parent, accounts).rename(data / "01_raw")
    return owned(data)


def _run(data: Path, *options: str, command: tuple[str, ...] = (), check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a container as compose.yaml confines it."""
    confined = [
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges:true",
        "--tmpfs=/tmp",
        f"--user={USER}:{GROUP}",
    ]
    mount = f"--volume={data}:/home/kedro_docker/data"
    return docker("run", "--network=none", *confined, mount, *options, _IMAGE, *command, check=check)


def _runs_confined(data: Path) -> None:
    customers, accounts = (SAMPLE / "Customer.csv").read_bytes(), (SAMPLE / "accounts.csv").read_bytes()
    start = time.monotonic()
    done = _run(_sample(data), "--rm")
    _told(f"the job on the sample took {time.monotonic() - start:.1f} s, container included")
    assert "telemetry" not in done.stderr.lower() and "usage data" not in done.stderr, done.stderr
    assert_published(data, expected(customers, accounts))
    assert {path.lstat().st_uid for path in data.rglob("*")} == {USER}
    for command in (("kedro", "validate"), ("kedro", "doctor"), ("python", "-m", "lending_club")):
        _run(data, "--rm", command=command)
    refused = _run(data, "--rm", command=("kedro", "run", "--env", "prod"), check=False)
    assert refused.returncode == ExitCode.CONFIGURATION and "DATABRICKS_HOST" in refused.stderr, refused.stderr
    written = _run(data, "--rm", command=("touch", "/home/kedro_docker/conf/base/x"), check=False)
    assert written.returncode and "Read-only file system" in written.stderr
    data.chmod(0)
    refused = _run(data, "--rm", check=False)
    data.chmod(0o700)
    assert refused.returncode == ExitCode.DATA_DIRECTORY and "ermission denied" in refused.stderr, refused
    _told("files and tables hold what the data contract asks, owned by who ran it; what is refused says why")


def _compose_runs_it(data: Path) -> None:
    """With a network that any Docker has; the file's own is made by Compose."""
    (data.parent / "network.yaml").write_text(yaml.safe_dump({"services": {"pipeline": {"network_mode": "none"}}}))
    (data.parent / "token").write_text("secret")
    (data.parent / "token").chmod(0o644)
    docker("tag", _IMAGE, "lending-club:image-test")
    try:
        command = [
            "docker-compose",
            "--file",
            "compose.yaml",
            "--file",
            str(data.parent / "network.yaml"),
            "run",
            "--rm",
            "pipeline",
        ]
        settings = {
            "LENDING_CLUB_TAG": "image-test",
            "LENDING_CLUB_DATA": str(_sample(data)),
            "LENDING_CLUB_USER": f"{USER}:{GROUP}",
            "DATABRICKS_TOKEN_FILE": str(data.parent / "token"),
        }
        place = {**os.environ, **settings, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        done = subprocess.run(command, cwd=PROJECT, env=place, capture_output=True, text=True)
        assert done.returncode == 0 and "5,102.37" in done.stdout, done.stdout + done.stderr
        # The token has come, as a file; host and path have not.
        refused = subprocess.run([*command, "--env", "prod"], cwd=PROJECT, env=place, capture_output=True, text=True)
        told = refused.stdout + refused.stderr
        assert refused.returncode == ExitCode.CONFIGURATION and "DATABRICKS_HOST" in told and "DATABRICKS_TOKEN" not in told, told
    finally:
        docker("image", "rm", "lending-club:image-test")
    _told("docker compose run --rm pipeline does the job; with --env prod it takes the token from a file and asks for the rest")


def _stops_at_once(data: Path) -> None:
    _generated(data, 1_000_000)
    container = _run(data, "--detach").stdout.strip()
    try:
        while not (data / "02_intermediate" / "lending_club.duckdb").exists():
            time.sleep(0.1)
        start = time.monotonic()
        docker("stop", "--time", "60", container)
        seconds = time.monotonic() - start
        status = int(docker("inspect", "--format", "{{.State.ExitCode}}", container).stdout)
        assert seconds < 60 and status not in (0, 137), f"ended with {status} after {seconds:.0f} s"
    finally:
        docker("rm", "--force", container)
    assert not (data / "08_reporting" / ".current").exists()
    _told(f"docker stop ends a run in {seconds:.1f} s with status {status} and nothing published")


def _keeps_within_its_memory(data: Path) -> None:
    _generated(data, _MANY)
    limits = [f"--memory={_MEMORY}", f"--memory-swap={_MEMORY}", "--cpus=1"]
    start = time.monotonic()
    _run(data, "--rm", *limits)
    _told(f"{_MANY:,} accounts in {_MEMORY} of memory and one CPU took {time.monotonic() - start:.0f} s")
    reconciliation = (data / "08_reporting" / "reconciliation.csv").read_text().splitlines()
    source, rows_in, *rest = reconciliation[1].split(",")
    assert source == "accounts" and int(rows_in) == _MANY == sum(map(int, rest[:3]))
    assert Fraction(rest[3]) == sum(map(Fraction, rest[4:]))  # exact, however many digits


if __name__ == "__main__":
    sys.exit(main())
