from __future__ import annotations

import builtins
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from lending_club.monitoring.notifications import failure_message, notify, recovery_message
from tests.monitoring.conftest import PASSWORD, Mail, Receiver, check, record


def mailto(mail: Mail, user: str = "job") -> str:
    return f"mailto://{user}:{PASSWORD}@127.0.0.1:{mail.port}?from=job@example.com&to=lending@example.com&mode=insecure"


def webhook(receiver: Receiver) -> str:
    return f"{receiver.url.replace('http', 'json')}/hook?+X-Key={PASSWORD}"


def titles(receiver: Receiver) -> list[str]:
    return [json.loads(body)["title"] for *_, body in receiver.got]


def test_an_email_says_what_broke_where_and_what_to_do(mail: Mail, tmp_path: Path) -> None:
    notify(record(24, "failed"), [mailto(mail)], tmp_path)
    [message] = mail.messages
    assert message["Subject"] == "lending_club failed: InputFileError, 2026-11-24"
    assert message["To"] == "lending@example.com"
    body = message.get_content()
    for told in (
        "data/01_raw/accounts.csv is empty.",
        "What to do: Correct the file, or have it delivered again, and run the job again.",
        "What was published before is unchanged.",
        "run: 2026-11-24T06.15.00.000Z",
        "step: raw_accounts",
        "as-of date: 2026-11-24",
        "lending, process 4711 on etl1",
        f"{tmp_path}/2026-11-24T06.15.00.000Z.json",
    ):
        assert told in body
    notify(record(25), [mailto(mail)], tmp_path)
    assert mail.messages[1]["Subject"] == "lending_club is well again: 2026-11-25"
    assert "2026-11-24T06.15.00.000Z" in mail.messages[1].get_content()


def test_once_and_not_for_every_retry(receiver: Receiver, tmp_path: Path) -> None:
    to = [webhook(receiver)]
    other = {"type": "WarehouseError", "message": "away", "step": None}
    for each in (
        record(1),  # nothing to tell
        record(2, "failed"),  # told
        record(3, "failed"),
        record(4, "done"),  # a part of the pipeline makes nothing well
        record(5, "failed"),
        record(6, "failed", error=other, exit_code=6),  # another failure: told
        record(7, "failed", error=other, exit_code=6),
        record(8, "left_out"),  # well again: told
        record(9),
        record(10, "killed"),  # told
        record(11),  # well again: told
        record(12, "failed"),  # told: it is a new failure
    ):
        notify(each, to, tmp_path)
    assert titles(receiver) == [
        "lending_club failed: InputFileError, 2026-11-02",
        "lending_club failed: WarehouseError, 2026-11-06",
        "lending_club is well again: 2026-11-08",
        "lending_club killed: 2026-11-10",
        "lending_club is well again: 2026-11-11",
        "lending_club failed: InputFileError, 2026-11-12",
    ]


def test_each_environment_is_told_of_by_itself(receiver: Receiver, tmp_path: Path) -> None:
    for each in (record(1, "failed"), record(2, environment="prod"), record(3, "failed", environment="prod")):
        notify(each, [webhook(receiver)], tmp_path)
    assert len(receiver.got) == 2


def test_every_address_gets_it_in_its_own_form(receiver: Receiver, mail: Mail, tmp_path: Path) -> None:
    host = receiver.url.removeprefix("http://")
    to = [mailto(mail), webhook(receiver), f"xml://{host}/xml", f"form://{host}/form"]
    notify(record(24, "failed"), to, tmp_path)
    assert len(mail.messages) == 1
    assert [path for _, path, *_ in receiver.got] == ["/hook", "/xml", "/form"]
    assert receiver.got[0][2]["X-Key"] == PASSWORD
    assert json.loads(receiver.got[0][3])["type"] == "failure"
    assert all("accounts.csv" in body for *_, body in receiver.got)


def test_slack_gets_what_it_understands(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apprise.plugins.slack.NotifySlack.webhook_url", f"{receiver.url}/services")
    notify(record(24, "failed"), ["slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#lending"], tmp_path)
    [(_, path, _, body)] = receiver.got
    assert path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    assert "accounts.csv" in json.dumps(json.loads(body)["attachments"])


def test_teams_gets_what_it_understands(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(receiver.secure(tmp_path)))  # Teams is asked over TLS only
    host = receiver.url.removeprefix("https://")
    notify(record(24, "failed"), [f"workflows://{host}/643e69f83c8944438d68119179a10a64/KODuebWbDGYFr0z0eu"], tmp_path)
    [(_, path, _, body)] = receiver.got
    assert path.startswith("/workflows/643e69f83c8944438d68119179a10a64/triggers/manual/paths/invoke?")
    [card] = json.loads(body)["attachments"]
    assert card["content"]["type"] == "AdaptiveCard"
    assert "accounts.csv" in json.dumps(card).replace("\\", "")  # its markdown escapes the dot


def test_what_is_not_delivered_to_anybody_is_sent_again(receiver: Receiver, tmp_path: Path) -> None:
    receiver.status = 500
    notify(record(1, "failed"), [webhook(receiver)], tmp_path)
    receiver.status = 200
    receiver.got.clear()
    notify(record(2, "failed"), [webhook(receiver)], tmp_path)
    notify(record(3, "failed"), [webhook(receiver)], tmp_path)
    assert titles(receiver) == ["lending_club failed: InputFileError, 2026-11-02"]


def test_one_warning_without_passwords_names_who_was_not_reached(
    receiver: Receiver, mail: Mail, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    away = f"json://user:{PASSWORD}@127.0.0.1:1/{PASSWORD}"
    wrong = mailto(mail).replace(PASSWORD, f"{PASSWORD}x")
    caplog.set_level(logging.DEBUG, "lending_club")
    notify(record(1, "failed"), [away, webhook(receiver), wrong, f"slack://{PASSWORD}", f"?{PASSWORD}"], tmp_path)
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("lending_club")]
    assert ours == [
        "Not notified, of the addresses in LENDING_CLUB_NOTIFY: no. 1 (json) does not take it; no. 3 (mailto) does not take it;"
        " no. 4 (slack) is not an address that Apprise knows; no. 5 is not an address that Apprise knows."
    ]
    assert len(receiver.got) == 1
    printed = capfd.readouterr()
    assert PASSWORD not in caplog.text + printed.out + printed.err


def test_rows_of_customers_stay_on_the_machine() -> None:
    message = (
        "1 of 2 expectations are not met.\n  - account_summary: ids are unique. 3 rows do not meet it.\n      SA-9 Ada 12.00"
    )
    error = {"type": "CheckError", "message": message, "step": "check"}
    checks = [check("unique", False), check("columns", True), check("age", False, "warn")]
    body = failure_message(record(24, "failed", error=error, exit_code=5, checks=checks), Path("runs")).body
    assert "1 of 3 expectations are not met.\n- account_summary, unique: 3 rows do not meet it.\n" in body
    assert "Ada" not in body
    assert "data_docs" in body


def test_a_kill_and_a_failure_after_publication() -> None:
    assert "memory" in failure_message(record(24, "killed"), Path("runs")).body
    late = failure_message(record(24, "failed", is_published=True, exit_code=7), Path("runs")).body
    assert "The new results were published before that." in late
    strange = {"type": "KeyError", "message": "'x'", "step": None}
    assert "log" in failure_message(record(24, "failed", error=strange, exit_code=1), Path("runs")).body
    assert "up to date" in recovery_message(record(24, "left_out"), "an id", Path("runs")).body


def test_a_note_that_cannot_be_read_or_written_is_no_reason_for_silence(
    receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "notified-local.state").write_text("{")
    notify(record(1, "failed"), [webhook(receiver)], tmp_path)
    notify(record(2, "failed"), [webhook(receiver)], tmp_path)
    assert len(receiver.got) == 1
    notify(record(3, "failed"), [webhook(receiver)], tmp_path / "notified-local.state")
    assert len(receiver.got) == 2
    assert "cannot be written, so the same message will be sent again" in caplog.text


def test_without_apprise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "apprise":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    notify(record(1, "failed"), ["json://localhost"], tmp_path)
    assert "Install lending_club[notify]" in caplog.text
