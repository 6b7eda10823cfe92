"""Messages to people through Apprise, by e-mail, Slack, Teams, webhook and more: once on failure, once when all is well again."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lending_club.errors import ExitCode
from lending_club.monitoring.metrics import FAILURES, SUCCESSES

logger = logging.getLogger(__name__)

Record = Mapping[str, Any]

# What to do, beside what the error's own message says.
_WHAT_TO_DO = {
    ExitCode.UNEXPECTED: "Look into the log of the run. LENDING_CLUB_LOG_LEVEL=DEBUG shows where an error comes from.",
    ExitCode.CONFIGURATION: "Correct the configuration. Until then every run fails in the same way.",
    ExitCode.INPUT: "Correct the file, or have it delivered again, and run the job again.",
    ExitCode.NOT_AS_EXPECTED: "Look at what came in today. data_docs/index.html beside the published files shows the checks.",
    ExitCode.WAREHOUSE: "Nothing, where it was only away or busy: the next run makes up for this one. Otherwise: kedro doctor.",
    ExitCode.DATA_DIRECTORY: "See that the disk has space and that the data directory can be written: kedro doctor.",
}
_KILLED = "The run was killed: it ended without a word."
_AFTER_A_KILL = "See in the machine's log whether memory ran out or it was shut down: journalctl. The next run starts anew."


@dataclass(frozen=True)
class Message:
    """What is sent.

    Attributes:
        title: One line, the subject of an e-mail.
        body: Plain text of several lines.
        kind: Apprise's type of notification, which some services show as a colour.
    """

    title: str
    body: str
    kind: str


def notify(record: Record, addresses: Sequence[str], directory: Path) -> None:
    """Tell people that a run has failed, unless they know that already, or that all is well again.

    They know of it when a message about the same kind of error in the same step was delivered, and no run has succeeded since.

    Args:
        record: The record of a run that has ended.
        addresses: Apprise URLs. They hold credentials and are told nowhere.
        directory: Where to note what has been told.
    """
    note = directory / f"notified-{record['environment']}.state"
    told = _read(note)
    if record["outcome"] in FAILURES:
        fault = _fault(record)
        if told.get("fault") != fault and _send(failure_message(record, directory), addresses):
            _write(note, {"fault": fault, "run_id": record["run_id"]})
    elif record["outcome"] in SUCCESSES and told and _send(recovery_message(record, told["run_id"], directory), addresses):
        _write(note, {})


def failure_message(record: Record, directory: Path) -> Message:
    """What broke, where, and what to do. Rows of customers, which a failed check shows on the machine, are not sent.

    Args:
        record: The record of a run that has failed or was killed.
        directory: Where the records are.
    """
    if record["outcome"] == "killed":
        what, to_do = _KILLED, _AFTER_A_KILL
    else:
        what, to_do = what_broke(record), _WHAT_TO_DO.get(record["exit_code"], _WHAT_TO_DO[ExitCode.UNEXPECTED])
    published = (
        "The new results were published before that." if record["is_published"] else "What was published before is unchanged."
    )
    body = [
        what,
        "",
        f"What to do: {to_do}",
        published,
        "",
        *_where(record, directory),
        "",
        "There will be no message about the same failure of further runs, and one when a run succeeds.",
    ]
    return Message(f"lending_club {record['outcome']}: {_in_short(record)}", "\n".join(body), "failure")


def recovery_message(record: Record, failed_run: str, directory: Path) -> Message:
    """That the job does its work again.

    Args:
        record: The record of a run that has succeeded.
        failed_run: Id of the run that people were told of.
        directory: Where the records are.
    """
    what = "The result is published." if record["outcome"] == "published" else "What is published is up to date."
    body = [f"{what} The failure of run {failed_run} is over; there is nothing left to do.", "", *_where(record, directory)]
    return Message(f"lending_club is well again: {record['as_of_date']}", "\n".join(body), "success")


def _in_short(record: Record) -> str:
    return ", ".join(filter(None, [(record["error"] or {}).get("type"), record["as_of_date"]]))


def what_broke(record: Record) -> str:
    """What a run has failed of. Rows of customers, which a failed check shows on the machine, are not in it.

    Args:
        record: The record of a run that has failed.
    """
    error = record["error"] or {}
    unmet = [check for check in record["checks"] if not check["is_met"] and check["severity"] == "error"]
    if error.get("type") == "CheckError":
        told = "\n".join(f"- {check['table']}, {check['name']}: {check['found']}" for check in unmet)
        return f"{len(unmet)} of {len(record['checks'])} expectations are not met.\n{told}"
    return str(error.get("message"))


def _where(record: Record, directory: Path) -> list[str]:
    step = (record["error"] or {}).get("step")
    where = {
        "run": record["run_id"],
        "step": step,
        "as-of date": record["as_of_date"],
        "environment": record["environment"],
        "started": record["started_at"],
        "by": f"{record['user']}, process {record['process']} on {record['host']}",
        "record": directory.absolute() / f"{record['run_id']}.json",
    }
    return [f"{name}: {value}" for name, value in where.items() if value]


def _fault(record: Record) -> str:
    """What makes two failures the same."""
    error = record["error"] or {}
    return f"{record['outcome']}, {error.get('type')} in {error.get('step')}"


def _send(message: Message, addresses: Sequence[str]) -> bool:
    """Send it to all addresses; whether it has reached any."""
    try:
        import apprise
    except ImportError:
        logger.warning(
            "Nobody is notified: apprise is not installed. Install lending_club[notify], or unset LENDING_CLUB_NOTIFY."
        )
        return False
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it quotes addresses, with passwords
    asset = apprise.AppriseAsset(app_id="lending_club", app_desc="lending_club", app_url="", image_url_mask="", image_url_logo="")
    unreached = []
    for number, address in enumerate(addresses, start=1):
        receiver = apprise.Apprise(asset=asset)
        what = f"no. {number} ({address.partition('://')[0]})" if "://" in address else f"no. {number}"
        if not receiver.add(address):
            unreached.append(f"{what} is not an address that Apprise knows")
        elif not receiver.notify(message.body, title=message.title, notify_type=message.kind, body_format="text"):
            unreached.append(f"{what} does not take it")
    if unreached:
        logger.warning("Not notified, of the addresses in LENDING_CLUB_NOTIFY: %s.", "; ".join(unreached))
    return len(unreached) < len(addresses)


def _read(note: Path) -> dict[str, str]:
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        return {name: str(told[name]) for name in ("fault", "run_id")} if told else {}
    except (OSError, ValueError, TypeError, KeyError):
        return {}  # better told twice than not at all


def _write(note: Path, told: Mapping[str, str]) -> None:
    unfinished = note.with_name(f"{note.name}.new")
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(told), encoding="utf-8")
        unfinished.replace(note)
    except OSError as error:
        logger.warning("%s cannot be written, so the same message will be sent again: %s", note, error.strerror)
