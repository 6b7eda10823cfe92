"""The test warehouse, once for all tests that ask for it."""

from collections.abc import Iterator

import pytest

from tests.conftest import missing
from tests.warehouse import server_process
from tests.warehouse.server_process import ServerProcess

CLIENT_ID, CLIENT_SECRET = "service-principal", "its-secret"


@pytest.fixture(scope="session")
def warehouse() -> Iterator[ServerProcess]:
    reason = server_process.why_unavailable()
    if reason is not None:
        missing(reason)
    with server_process.start("--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET) as server:
        yield server


@pytest.fixture
def logged_in(warehouse: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings of the server in the environment, and no faults left over from another test."""
    warehouse.clear()
    for name, value in warehouse.environment().items():
        monkeypatch.setenv(name, value)
    yield
    warehouse.clear()
