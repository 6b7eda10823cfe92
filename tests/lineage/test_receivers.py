from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from lending_club.lineage.receivers import TOKEN, receiver
from tests.lineage.conftest import LineageServer, slow

SECRETS = ("s3cret", "hush")


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN, raising=False)


def post(address: str, *events: str, wait_seconds: float = 5) -> tuple[str, float]:
    """What is wrong, if anything, and how long it took to find that out when all was handed over."""
    to = receiver(address, wait_seconds)
    for event in events:
        to.take(event)
    start = time.monotonic()
    try:
        to.close()
    except OSError as error:
        return str(error), time.monotonic() - start
    return "", time.monotonic() - start


def test_events_arrive_in_their_order(lineage_server: LineageServer) -> None:
    assert post(lineage_server.url, *(f'{{"number": {number}}}' for number in range(200)))[0] == ""
    assert [body for _, _, body in lineage_server.got] == [f'{{"number": {number}}}' for number in range(200)]
    assert {path for path, *_ in lineage_server.got} == {"/api/v1/lineage"}
    assert {authorization for _, authorization, _ in lineage_server.got} == {None}


def test_an_address_with_a_path_is_taken_as_it_is(lineage_server: LineageServer) -> None:
    assert post(f"{lineage_server.url}/openapi/openlineage/api/v1/lineage/", "{}")[0] == ""
    assert lineage_server.got[0][0] == "/openapi/openlineage/api/v1/lineage"


def test_a_token(lineage_server: LineageServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv(TOKEN, "s3cret\n")
    assert post(lineage_server.url, "{}")[0] == ""
    assert lineage_server.got[0][1] == "Bearer s3cret"


def test_user_and_password(lineage_server: LineageServer) -> None:
    assert post(lineage_server.url.replace("//", "//me:hu%73h@"), "{}")[0] == ""
    assert lineage_server.got[0][1] == "Basic bWU6aHVzaA=="


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422, 501])
def test_a_refusal_is_final(lineage_server: LineageServer, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "s3cret")
    lineage_server.answer = lambda number: status if number == 1 else 201
    found, _ = post(lineage_server.url.replace("//", "//me:hush@"), "{}", "{}", "{}")
    assert f"lacks 2 of 3 events: it answers {status}" in found
    assert not any(secret in found for secret in SECRETS)
    assert len(lineage_server.got) == 2


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_borne(lineage_server: LineageServer, status: int) -> None:
    lineage_server.answer = lambda number: status if number in (1, 2) else 201
    assert post(lineage_server.url, '"a"', '"b"', '"c"')[0] == ""
    assert [body for _, _, body in lineage_server.got] == ['"a"', '"b"', '"b"', '"b"', '"c"']


def test_what_does_not_pass_is_not(lineage_server: LineageServer) -> None:
    lineage_server.answer = lambda number: 503
    found, _ = post(lineage_server.url, *["{}"] * 50)
    assert "lacks 50 of 50 events: it answers 503 Service Unavailable" in found
    assert len(lineage_server.got) == 3


def test_nobody_is_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://me:hush@127.0.0.1:{free.getsockname()[1]}"
        found, _ = post(address, *["{}"] * 50)
    assert "lacks 50 of 50 events: connection refused" in found
    assert "hush" not in found


def test_no_such_host() -> None:
    found, _ = post("http://me:hush@lineage.invalid:5000", "{}")
    assert found.startswith("http://lineage.invalid:5000 lacks 1 of 1 events: ")


def test_a_server_that_says_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        found, seconds = post(f"http://127.0.0.1:{silent.getsockname()[1]}", *["{}"] * 50, wait_seconds=1)
    assert "lacks 50 of 50 events" in found
    assert seconds < 10  # 150 would be three attempts each; the margin is for a machine that is busy


def test_a_slow_server_is_given_so_much_time_and_no_more(lineage_server: LineageServer) -> None:
    lineage_server.answer = slow(0.3)
    found, seconds = post(lineage_server.url, *["{}"] * 50, wait_seconds=1)
    assert "it did not take all of them within 1 seconds of the run's end" in found
    assert seconds < 10  # 15 would be all of them
    time.sleep(1)
    taken = len(lineage_server.got)
    time.sleep(1)
    assert len(lineage_server.got) == taken < 50  # the thread has ended, too


@pytest.mark.parametrize("token", ["s3cret\nX-Other: 1", "s3crét"])
def test_a_token_that_no_header_can_have(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, token)
    with pytest.raises(OSError, match=f"^{TOKEN} has characters in it that it cannot have$"):
        receiver("http://127.0.0.1:9", 5)


def test_a_certificate_that_nobody_vouches_for(lineage_server: LineageServer, tmp_path: Path) -> None:
    found, _ = post(lineage_server.url.replace("http:", "https:"), "{}")
    assert "lacks 1 of 1 events: " in found


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_file_is_made_and_added_to(tmp_path: Path, form: str) -> None:
    path = tmp_path / "new" / "lineage.ndjson"
    assert post(form.format(path), '"a"', '"b"')[0] == ""
    assert post(form.format(path), '"c"')[0] == ""
    assert path.read_text() == '"a"\n"b"\n"c"\n'


@pytest.mark.parametrize("address", ["http://", "https:///x", "ftp://host/x", "file://host/x", "httpx://host"])
def test_what_cannot_be_an_address(address: str) -> None:
    with pytest.raises(OSError, match="LENDING_CLUB_LINEAGE"):
        receiver(address, 5)
