"""Which files another reader may be trusted with."""

from __future__ import annotations

from pathlib import Path

import pytest

from lending_club import plain_csv
from lending_club.errors import InputFileError
from lending_club.plain_csv import plain_rows
from tests.test_csv_file import file_of


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"A,B,C\n1,2,3\n", 1),
        (b"A,B,C\r\n1,2,3\r\n4,5,6\r\n", 2),
        (b'A,B,C\n1,"2","3, ""4"" "\n4,5,6\n"1","","3"\n7,8,9', 4),
        (b"A,B,C\n\n1,2,3,,\n", 2),  # for the engine to find out
        (b"\xef\xbb\xbfA,B,C\r\n1,2,3\r\n4,5,6", None),
        (b"A,B,C\n1,2,3\r\n", None),
        (b"A,B,C\n\n1,2,3\n", None),
        (b"A,B,C\r\n\r\n1,2,3\r\n", None),
        (b"\nA,B,C\n1,2,3\n", None),
        (b"\nA,B,C\n1,2,3,,\n", None),
        (b'A,B,C\n1,2"x",3\n', None),
        (b'A,B,C\n1, "2",3\n', None),
        (b'A,B,C\n1,"2"x,3\n', None),
        (b'A,B,C\n1,"2\n",3\n', None),
        (b'A,B,C\n1,"2",3,4\n1,2\n', None),
        (b"A,B,C\n1,\x00,3\n", None),
        (b"A,B,C\n1,2\r,3\n", None),
        (b"A,B,C\n1,2,3,\n", None),
    ],
)
@pytest.mark.parametrize("batch_bytes", [1, 6, 4096])
@pytest.mark.parametrize("is_large", [False, True])
def test_plain_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, rows: int | None, batch_bytes: int, is_large: bool
) -> None:
    monkeypatch.setattr(plain_csv, "_LOOK_BYTES", batch_bytes)
    if is_large:
        monkeypatch.setattr(plain_csv, "_LARGE_BYTES", 0)
    assert plain_rows(file_of(tmp_path, content)) == rows


def test_a_plain_file_that_lacks_a_column(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="column C is missing"):
        plain_rows(file_of(tmp_path, b"A,B\n1,2\n"))
