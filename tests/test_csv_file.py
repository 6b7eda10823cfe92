"""Files that stop a run, with their messages, and where records begin and end."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from lending_club import csv_file
from lending_club.csv_file import CsvFile, Record
from lending_club.errors import InputFileError

COLUMNS = ("A", "B", "C")


def file_of(tmp_path: Path, content: bytes) -> CsvFile:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    return CsvFile(path, COLUMNS)


def read(tmp_path: Path, content: bytes) -> list[Record]:
    """All records of a file, those that Python left to the engine split at their commas."""
    file = file_of(tmp_path, content)
    found = []
    for batch in file.batches():
        found += batch.records
        for line, text in enumerate(batch.text.split("\n"), start=batch.first_line):
            if text:
                found.append(Record(line, tuple(text.split(","))))
    return sorted(found, key=lambda record: record.line)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", " is empty. It needs a header and rows."),
        (b"\xef\xbb\xbf\n\r\n", " is empty. It needs a header and rows."),
        (b"A,B,C", " has a header but no rows. Put a file with rows there."),
        (b"A,B,C\r\n\r\n\n", " has a header but no rows. Put a file with rows there."),
        (b"A,B\n1,2\n", ", line 1: column C is missing. The header reads: A, B"),
        (b"\n\nA,b,B, c \n1,2\n", ", line 3: column B is given twice. The header reads: A, b, B, c"),
        (b'"A"x,B,C\n1,2,3\n', ", line 1: the header has text after a closing quote. Correct the header."),
        (b"A,B,C\n1,2,3\n1,\xff,3\n", ", line 3: not UTF-8. Save the file as UTF-8."),
        (b"A,B,C\n1,\xed\xa0\x80,3\n", ", line 2: not UTF-8. Save the file as UTF-8."),
        (b"A,B,C\n1,2\r3,4\n", ", line 2: a CR without LF ends a line. Save the file with LF or CRLF line ends."),
        (b"A,B,C\r1,2,3\r", ", line 1: a CR without LF ends a line. Save the file with LF or CRLF line ends."),
        (b"A,B,C\n1,2,3\r", ", line 2: a CR without LF ends a line. Save the file with LF or CRLF line ends."),
        (b'A,B,C\n1,"2\n\n",3\r4\n', ", line 4: a CR without LF ends a line. Save the file with LF or CRLF line ends."),
        (
            b'A,B,C\n1,2,3\n1,"2\n",\n1,"2,3\n\n',
            ", line 5: a quote is opened and never closed. Close it, or double it if it is part of a value.",
        ),
        (b'A,B,"C\n1,2,3', ", line 1: a quote is opened and never closed. Close it, or double it if it is part of a value."),
    ],
)
def test_a_file_that_stops_the_run(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputFileError) as error:
        read(tmp_path, content)
    assert str(error.value) == f"{tmp_path / 'file.csv'}{message}"


def test_a_missing_file_and_one_that_cannot_be_read(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.csv", "no such file or directory"), (tmp_path, "is a directory")):
        with pytest.raises(InputFileError, match=f"{path} cannot be read: {reason}. Put a file there that this user may read."):
            list(CsvFile(path, COLUMNS).batches())


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b"A,B,C\n1,2,3", [Record(2, ("1", "2", "3"))]),
        (b"\xef\xbb\xbf\r\n\nA,B,C\r\n\r\n1,2,3\n\n4,5,6\r\n", [Record(5, ("1", "2", "3")), Record(7, ("4", "5", "6"))]),
        (b'A,B,C\n"1","2","3"\n', [Record(2, ("1", "2", "3"))]),
        (b'A,B,C\n \xe2\x80\x83"1, ""x""" , 2 ,""\n', [Record(2, ('1, "x"', " 2 ", ""))]),
        (b'A,B,C\n1"2,3 "4","5\n6"\n7,8,9', [Record(2, ('1"2', '3 "4"', "5\n6")), Record(4, ("7", "8", "9"))]),
        (b'A,B,C\n1,"\r\n\r\n",2\r\n3,4,5', [Record(2, ("1", "\r\n\r\n", "2")), Record(5, ("3", "4", "5"))]),
        (b'A,B,C\n1,"\r",2\n', [Record(2, ("1", "\r", "2"))]),
        (b'A,B,C\n"1"x,"\n",2\r\n3,4,5', [Record(2, malformed='"1"x,"\n",2'), Record(4, ("3", "4", "5"))]),
        (b'A,B,C\n"1","2"\n"1","2","3","4"\n', [Record(2, malformed='"1","2"'), Record(3, malformed='"1","2","3","4"')]),
        (b"A,B,C\n1\n \n", [Record(2, ("1",)), Record(3, (" ",))]),
    ],
)
@pytest.mark.parametrize("batch_bytes", [1, 3, 7, 4096])
def test_records_and_their_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, records: list[Record], batch_bytes: int
) -> None:
    monkeypatch.setattr(csv_file, "_BATCH_BYTES", batch_bytes)
    assert read(tmp_path, content) == records


def test_a_record_has_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "_BATCH_BYTES", 10)
    monkeypatch.setattr(csv_file, "MAX_RECORD_BYTES", 100)
    with pytest.raises(InputFileError, match=r"line 2: a quote is opened and never closed"):
        read(tmp_path, b'A,B,C\n1,"' + b"x\n" * 200 + b'",3\n')
    with pytest.raises(InputFileError, match=r"has a line of more than 100 bytes"):
        read(tmp_path, b"A,B,C\n1," + b"x" * 200 + b",3\n")


def test_the_header_is_matched_without_case_in_any_order_and_extra_columns_are_named(tmp_path: Path) -> None:
    file = file_of(tmp_path, 'x, c ,"B",\u2003a, Y z \n1,2,3,4,5\n'.encode())
    assert file.positions == [3, 2, 1]
    assert file.extra_columns == ["x", "Y z"]
    with pytest.raises(InputFileError, match="column K is missing"):
        CsvFile(file_of(tmp_path, "\u212a,b\n1,2\n".encode()).path, ("K",)).header  # noqa: B018


def test_the_checksum_is_that_of_the_bytes_as_they_are_now(tmp_path: Path) -> None:
    file = file_of(tmp_path, b"A,B,C\n1,2,3\n")
    for content in (b"A,B,C\n1,2,3\n", b"A,B,C\n1,2,4\n"):
        times = file.path.stat().st_atime_ns, file.path.stat().st_mtime_ns
        file.path.write_bytes(content)
        os.utime(file.path, ns=times)
        assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert file.state is not None and file.state.size == 12
    file.path.unlink()
    assert file.state is None
    with pytest.raises(InputFileError, match="cannot be read: no such file or directory"):
        _ = file.sha256


def test_a_file_is_read_for_its_checksum_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = file_of(tmp_path, b"A,B,C\n1,2,3\n")
    found = file.sha256
    monkeypatch.setattr(Path, "open", None)
    assert CsvFile(file.path, ()).sha256 == found
