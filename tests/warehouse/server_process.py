"""Starts the test warehouse for tests, in its own environment and process, and controls it."""

import json
import os
import re
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_ROOT = Path(__file__).resolve().parents[2]
_PYTHON = _ROOT / ".venv-warehouse" / "bin" / "python"
_READY = _ROOT / ".venv-warehouse" / ".ready"
_SERVER = _ROOT / "tests" / "warehouse" / "server"
_OLDEST_JAVA = 17


class ServerProcess:
    """A test warehouse that runs; as a context manager, it is stopped at the end.

    Attributes:
        host: Name and port.
        http_path: The warehouse's HTTP path.
        token: The access token.
        ca_file: The certificate authority to trust.
        root: The directory of its files.
        context: A TLS context that trusts it.
    """

    def __init__(self, process: subprocess.Popen[str], where: dict[str, str]) -> None:
        self.host = where["host"]
        self.http_path = where["http_path"]
        self.token = where["token"]
        self.ca_file = where["ca_file"]
        self.root = Path(where["root"])
        self._process = process
        self.context = ssl.create_default_context(cafile=self.ca_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """The variables by which a client's process finds the warehouse."""
        return {
            "DATABRICKS_HOST": self.host,
            "DATABRICKS_HTTP_PATH": self.http_path,
            "DATABRICKS_TOKEN": self.token,
            "SSL_CERT_FILE": self.ca_file,
            "REQUESTS_CA_BUNDLE": self.ca_file,
        }

    def faults(self, rules: Sequence[dict[str, Any]]) -> None:
        """Replace the rules by which requests go wrong; see server/README.md.

        Raises:
            ValueError: A rule is none.
        """
        self._control("POST", "faults", list(rules))

    def applied_faults(self) -> list[int]:
        """How often each rule has been applied."""
        return [rule["applied"] for rule in self._control("GET", "faults")]

    def deny(self, patterns: Sequence[str]) -> None:
        """Replace the regular expressions of the statements that are not permitted."""
        self._control("POST", "denied", list(patterns))

    def cloud_fetch(self, threshold: int, rows: int | None = None) -> None:
        """Give results of more bytes than the threshold as links, each of at most so many rows."""
        self._control("POST", "cloudfetch", {"threshold": threshold, "rows": rows})

    def statements(self) -> list[str]:
        """The statements that reached the warehouse, oldest first."""
        return [record["statement"] for record in self.statement_records()]

    def statement_records(self) -> list[dict[str, Any]]:
        """The statements with session, state, seconds and error."""
        found: list[dict[str, Any]] = self._control("GET", "statements")
        return found

    def requests(self) -> dict[str, int]:
        """How many requests of each Thrift method, and of put, get, remove, cloudfetch and token, there were."""
        counts: dict[str, int] = self._control("GET", "requests")["counts"]
        return counts

    def clear(self) -> None:
        """Forget the statements and requests, and let all go well again."""
        self._control("POST", "clear")

    def stop(self) -> None:
        """End the server and its Java process."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _control(self, method: str, name: str, content: object = None) -> Any:
        request = urllib.request.Request(
            f"https://{self.host}/_test/{name}",
            method=method,
            headers={"Authorization": f"Bearer {self.token}"},
            data=None if method == "GET" else json.dumps(content).encode(),
        )
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise ValueError(error.read().decode()) from error


def start(*options: str) -> ServerProcess:
    """Start a test warehouse and wait until it is ready; it ends with this process.

    Args:
        options: More options of its command line.

    Raises:
        RuntimeError: It cannot be started.
    """
    if reason := why_unavailable():
        raise RuntimeError(reason)
    process = subprocess.Popen(
        [_PYTHON, _SERVER, "--end-with-parent", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "JAVA_HOME": str(_java_home())},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"The test warehouse did not start; it ended with {process.wait()}")
    return ServerProcess(process, json.loads(line))


def why_unavailable() -> str | None:
    """Why no test warehouse can be started here; None when one can."""
    if not _READY.exists():
        return "there is no environment for the test warehouse: run make warehouse-env first"
    if _java_home() is None:
        return f"no Java {_OLDEST_JAVA} or newer was found, neither in JAVA_HOME nor as java on the PATH"
    return None


def _java_home() -> Path | None:
    """The home of a Java that is new enough."""
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    if found := shutil.which("java"):
        homes.append(Path(found).resolve().parents[1])
    return next((home for home in homes if _java_version(home) >= _OLDEST_JAVA), None)


def _java_version(home: Path) -> int:
    try:
        said = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.search(r'version "(\d+)', said.stderr)
    return int(match[1]) if match else 0
