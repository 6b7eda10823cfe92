"""The files in deploy that start the job by a clock: those of the docs, and a bundle that Databricks' own classes read."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from databricks.bundles.jobs import Job

from tests.conftest import PROJECT

DEPLOY = PROJECT / "deploy"


@pytest.mark.parametrize(
    ("info", "path"),
    [
        ("text crontab", "cron/lending-club"),
        ("ini /etc/systemd/system/lending-club.service", "systemd/lending-club.service"),
        ("ini /etc/systemd/system/lending-club.timer", "systemd/lending-club.timer"),
    ],
)
def test_the_file_is_the_one_of_the_docs(info: str, path: str) -> None:
    page = (PROJECT / "docs" / "how-to" / "schedule.md").read_text(encoding="utf-8")
    found = re.search(f"```{info}\n(.*?)```", page, re.DOTALL)
    assert found is not None
    assert (DEPLOY / path).read_text(encoding="utf-8") == found[1]


def bundle() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "databricks" / "databricks.yml").read_text(encoding="utf-8")))


def test_the_bundle_is_read_by_databricks_own_classes() -> None:
    job = Job.from_dict(bundle()["resources"]["jobs"]["lending_club"])
    (task,) = job.tasks
    assert task.python_wheel_task.parameters == ["run", "--env", "prod"]
    assert [str(address) for address in job.email_notifications.on_failure] == ["${var.mail_to}"]
    assert job.max_concurrent_runs == 1


def test_a_field_that_databricks_does_not_know_is_found() -> None:
    job = bundle()["resources"]["jobs"]["lending_club"]
    wrongs: list[dict[str, Any]] = [{"email_notification": {}}, {"schedule": {"cron": "0 0 * * *"}}, {"tasks": [{"name": "run"}]}]
    for wrong in wrongs:
        with pytest.raises((ValueError, TypeError)):
            Job.from_dict({**job, **wrong})


def test_every_variable_is_declared_and_used() -> None:
    text = (DEPLOY / "databricks" / "databricks.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{var\.(\w+)\}", text)) == set(bundle()["variables"])
