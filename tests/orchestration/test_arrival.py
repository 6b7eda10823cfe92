"""When a delivery is complete: nothing of Dagster is needed to know it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lending_club.csv_file import CsvFile
from lending_club.orchestration.arrival import Delivery


@pytest.fixture
def files(data: Path) -> dict[str, CsvFile]:
    raw = data / "01_raw"
    return {"customers_csv": CsvFile(raw / "Customer.csv", ()), "accounts_csv": CsvFile(raw / "accounts.csv", ())}


def looks(files: dict[str, CsvFile], delivery: Delivery) -> tuple[Delivery, str | None]:
    """Look as the sensor does, which keeps only a text from one look to the next."""
    return Delivery.from_text(delivery.as_text()).look(files)


def test_two_looks_at_the_same_files_are_needed_and_start_one_run(files: dict[str, CsvFile]) -> None:
    first, waits_for = looks(files, Delivery.from_text(None))
    assert waits_for is not None and "growing" in waits_for
    second, waits_for = looks(files, first)
    assert waits_for is None
    for _ in range(3):
        second, waits_for = looks(files, second.take())
        assert waits_for is not None and waits_for.startswith("No new file")


def test_a_file_that_grows_starts_nothing(files: dict[str, CsvFile]) -> None:
    delivery, _ = looks(files, Delivery())
    for _ in range(5):
        with files["accounts_csv"].path.open("a") as file:
            file.write("A99,1,5.00,Savings\n")
        delivery, waits_for = looks(files, delivery)
        assert waits_for is not None and "growing" in waits_for and "Customer.csv" not in waits_for
    assert looks(files, delivery)[1] is None


def test_one_of_the_same_size_and_time_is_another(files: dict[str, CsvFile]) -> None:
    delivery, _ = looks(files, Delivery())
    path = files["accounts_csv"].path
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"9999.99", b"9999.98"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "accounts.csv" in str(looks(files, delivery)[1])


def test_both_have_to_come(files: dict[str, CsvFile]) -> None:
    path = files["customers_csv"].path
    text = path.read_bytes()
    path.unlink()
    delivery, waits_for = looks(files, Delivery())
    assert waits_for == f"Not there yet: {path}."
    path.write_bytes(text)
    delivery, _ = looks(files, delivery)
    taken = delivery.take()
    path.write_bytes(text + b"11,Eve,no\n")
    for _ in range(3):
        taken, waits_for = looks(files, taken)
        assert waits_for == "No new file since a run was last started: accounts.csv."
    os.utime(files["accounts_csv"].path)
    taken, waits_for = looks(files, taken)
    assert waits_for is not None and "growing" in waits_for
    after, waits_for = looks(files, taken)
    assert waits_for is None
    assert after.key != delivery.key
