"""Which CSV files may be left to another reader than this project's: those in which each line is a record."""

from __future__ import annotations

import re
from collections.abc import Callable

from lending_club.csv_file import CsvFile, FileState

# A piece that is looked through several times and then forgotten: small enough for the processor's cache.
_LOOK_BYTES = 256 * 1024
_LARGE_BYTES = 64 * 1024 * 1024


def plain_rows(file: CsvFile) -> int | None:
    """How many rows another reader has to find, where it may be trusted with this file; None where it may not.

    Each line is a record then, with one kind of line end and quotes only around whole values. Only in all it is certain that
    there are as many commas between values as there should be: a blank line and one with too many values could make up for
    each other. So the reader has to refuse what does not fit the header, and its rows have to be counted; DuckDB skips
    blank lines, and 1.5 overlooks one comma too many at the end of a line.

    Raises:
        InputFileError: The file cannot be read.
    """
    width = len(file.header.names)
    if file.header.line_count != 1:
        return None
    count = _counter(file.state)
    quoted_records = _quoted_records(width)
    line_breaks = carriage_returns = commas = 0
    for chunk in file.chunks(_LOOK_BYTES):
        line_breaks += count(chunk, b"\n")
        carriage_returns += count(chunk, b"\r") if b"\r" in chunk else 0  # to look for one is quicker than to count them
        commas += count(chunk, b",")
        if b"\0" in chunk or (carriage_returns and chunk.count(b"\r\n") != chunk.count(b"\r")):
            return None
        position = 0
        while (quote := chunk.find(b'"', position)) >= 0:
            quoted = quoted_records.match(chunk, chunk.rfind(b"\n", position, quote) + 1 or position)
            if quoted is None:
                return None
            commas += quoted[0].count(b"\n") * (width - 1) - quoted[0].count(b",")
            position = quoted.end()
    is_plain = carriage_returns in (0, line_breaks) and commas == line_breaks * (width - 1)
    return line_breaks - 1 if is_plain else None


def _quoted_records(width: int) -> re.Pattern[bytes]:
    """A run of lines with quotes, each a record of so many values in which quotes stand around whole values only."""
    value = rb'(?:"[^"\r\n]*+(?:""[^"\r\n]*+)*+"|[^",\r\n]*+)'
    return re.compile(rb'(?:(?=[^"\n]*+")%b(?:,%b){%d}\r?\n)++' % (value, value, width - 1))


def _counter(state: FileState | None) -> Callable[[bytes, bytes], int]:
    """What counts a byte in the pieces of a file: in a large one numpy, which is four times as fast and takes time to import."""
    if state is None or state.size < _LARGE_BYTES:
        return bytes.count
    import numpy as np

    return lambda chunk, byte: int(np.count_nonzero(np.frombuffer(chunk, np.uint8) == ord(byte)))
