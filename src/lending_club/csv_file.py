"""Reading a CSV file as the data contract defines it, exactly, and nearly as fast as an engine does.

Python decides where records begin and end; the engine splits the bulk of them into values. A file is cut into batches. In
each, the lines without a quotation mark need no thought and stay as they are. Records whose quotes merely wrap whole values
lose their quotes. What remains, line breaks and commas inside quotes and text after a closing quote, is read value by
value here and leaves blank lines behind, which the contract ignores: so the position of a line in a batch is its line number.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple, cast

from lending_club.errors import InputFileError

# Unicode's White_Space property, the characters that the contract trims.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
# A record has to be held whole, and a quote that is never closed must not swallow a file larger than memory.
MAX_RECORD_BYTES = 64 * 1024 * 1024
_BATCH_BYTES = 4 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"

_BLANK_LINES = re.compile(r"(?:\r?\n)*+")

# One value with what follows its closing quote. It ends before a comma, a line break or, in an open quote, with the text.
_VALUE = re.compile(
    rf"[{WHITE_SPACE.replace(chr(10), '').replace(chr(13), '')}]*+"
    r'"(?P<quoted>[^"]*+(?:""[^"]*+)*+)(?P<closed>"?)(?P<after>[^,\n]*+)'
    r"|(?P<plain>[^,\n]*+)"
)


@dataclass(frozen=True)
class Record:
    """A record that Python had to read: its values, or its text where it does not fit the header."""

    line: int
    values: tuple[str, ...] = ()
    malformed: str | None = None


@dataclass(frozen=True)
class Batch:
    """Consecutive lines of a file.

    Attributes:
        first_line: Line number of the first line of ``text``; the file's first line is 1.
        text: Lines joined by LF, each blank or one record that holds no quotation mark and no quoting: values set off
            by commas, of any number.
        records: The records that had to be read here; their lines are blank in ``text``.
    """

    first_line: int
    text: str
    records: list[Record] = field(default_factory=list)


@dataclass(frozen=True)
class Header:
    """The header of a file: its names as they came, and the number of lines up to its end."""

    names: tuple[str, ...]
    line_count: int


class FileState(NamedTuple):
    """What the file system says of a file, sizes in bytes and times in nanoseconds."""

    inode: int
    size: int
    modified: int
    changed: int


@dataclass(frozen=True)
class CsvFile:
    """A CSV file and the columns that are wanted from it.

    Attributes:
        path: Where the file is.
        columns: Required columns as the contract spells them, in the contract's order.
    """

    path: Path
    columns: tuple[str, ...]

    @property
    def state(self) -> FileState | None:
        """What changes when somebody writes to the file or puts another one there; None where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return FileState(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    @property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, in hexadecimal digits. In one process a file that has not changed is read once for it.

        Raises:
            InputFileError: The file cannot be read.
        """
        try:
            return _sha256(self.path, self.state)
        except OSError as error:
            raise self._unreadable(error) from error

    @cached_property
    def header(self) -> Header:
        """The first record that is not blank.

        Raises:
            InputFileError: As for ``batches``.
        """
        text = ""
        for chunk in self._read_texts():
            text += chunk
            start = _match_end(_BLANK_LINES, text, 0)
            if start == len(text):
                continue
            line = 1 + text.count("\n", 0, start)
            record, end = self._read_record(text, start, line, width=None)
            if record is None:
                continue
            if record.malformed is not None:
                raise self._error("the header has text after a closing quote. Correct the header.", line)
            self._check_columns(record)
            return Header(record.values, text.count("\n", 0, end))
        if text.strip("\r\n"):
            raise self._open_quote(1 + text.count("\n", 0, text.index('"')))
        raise self._error("is empty. It needs a header and rows.")

    @property
    def extra_columns(self) -> list[str]:
        """Names of the columns that the file has and nobody asked for."""
        wanted = {_folded(column) for column in self.columns}
        return [name.strip(WHITE_SPACE) for name in self.header.names if _folded(name) not in wanted]

    @property
    def positions(self) -> list[int]:
        """Place of each required column in a record, counted from 0, in the order of ``columns``."""
        names = [_folded(name) for name in self.header.names]
        return [names.index(_folded(column)) for column in self.columns]

    def batches(self) -> Iterator[Batch]:
        """Read the records after the header.

        Yields:
            The file in batches, in file order.

        Raises:
            InputFileError: The file is missing, unreadable, empty, header only, lacks a column or has it twice, is not
                UTF-8, has a quote open at its end or a lone CR outside quotes; the message names the file and the line.
        """
        header_lines = self.header.line_count
        line, pending, has_rows = 1, "", False
        for chunk in self._read_texts():
            text = pending + chunk
            if line <= header_lines:
                if text.count("\n") < header_lines:
                    pending = text
                    continue
                line += header_lines
                text = text.split("\n", header_lines)[-1]
            batch, end = self._read_batch(text, line)
            has_rows = has_rows or bool(batch.records or batch.text.strip("\n"))
            yield batch
            line += text.count("\n", 0, end)
            pending = text[end:]
            if len(pending) > MAX_RECORD_BYTES:
                break
        if pending:
            _, quote = self._read_record(pending, 0, line, width=None)
            raise self._open_quote(line + pending.count("\n", 0, quote))
        if not has_rows:
            raise self._error("has a header but no rows. Put a file with rows there.")

    def _read_batch(self, text: str, first_line: int) -> tuple[Batch, int]:
        """Read the records that are complete in ``text``; return them and the position where they end."""
        pieces: list[str] = []
        records: list[Record] = []
        position, line = 0, first_line
        while (quote := text.find('"', position)) >= 0:
            start = text.rfind("\n", position, quote) + 1 or position
            pieces.append(text[position:start])
            line += pieces[-1].count("\n")
            if wrapped := self._wrapped_records.match(text, start):
                pieces.append(wrapped[0].replace('"', ""))
                position = wrapped.end()
            else:
                record, end = self._read_record(text, start, line, len(self.header.names))
                if record is None:
                    position = start
                    break
                records.append(record)
                pieces.append("\n" * text.count("\n", start, end))
                position = end
            line += pieces[-1].count("\n")
        else:
            pieces.append(text[position:])
            position = len(text)
        plain = "".join(pieces)
        if "\r" in plain:
            plain = plain.replace("\r\n", "\n")
            if (lone := plain.find("\r")) >= 0:
                raise self._lone_cr(first_line + plain.count("\n", 0, lone))
        return Batch(first_line, plain.removesuffix("\n"), records), position

    @cached_property
    def _wrapped_records(self) -> re.Pattern[str]:
        """A run of lines with quotes, each a record in which they merely wrap whole values: dropping them changes nothing."""
        value = r'(?:"[^",\r\n]*+"|[^",\r\n]*+)'
        return re.compile(rf'(?:(?=[^"\n]*+"){value}(?:,{value}){{{len(self.header.names) - 1}}}\r?\n)++')

    def _read_record(self, text: str, start: int, line: int, width: int | None) -> tuple[Record | None, int]:
        """Read one record value by value.

        Returns:
            The record and the position after its line break; or None and the position of a quote that is still open.
        """
        values: list[str] = []
        is_malformed, is_last, position = False, False, start
        while not is_last:
            match = cast("re.Match[str]", _VALUE.match(text, position))  # the pattern also matches nothing at all
            if match["closed"] == "":
                return None, match.start("quoted") - 1
            is_quoted = match["quoted"] is not None
            rest = match["after"] if is_quoted else match["plain"]
            position = match.end() + 1
            is_last = text[match.end()] == "\n"
            if is_last:
                rest = rest.removesuffix("\r")
            if "\r" in rest:
                raise self._lone_cr(line + text.count("\n", start, match.end()))
            values.append(match["quoted"].replace('""', '"') if is_quoted else rest)
            is_malformed = is_malformed or (is_quoted and bool(rest.strip(WHITE_SPACE)))
        if is_malformed or (width is not None and len(values) != width):
            return Record(line, malformed=text[start : position - 1].removesuffix("\r")), position
        return Record(line, tuple(values)), position

    def _check_columns(self, header: Record) -> None:
        names = [_folded(name) for name in header.values]
        for column in self.columns:
            count = names.count(_folded(column))
            if count != 1:
                fault = "is missing" if count == 0 else "is given twice"
                found = ", ".join(name.strip(WHITE_SPACE) for name in header.values)
                raise self._error(f"column {column} {fault}. The header reads: {found}", header.line)

    def _read_texts(self) -> Iterator[str]:
        """Read the file in pieces that end at a line break; the last one gets a line break where it has none."""
        line = 1
        for chunk in self.chunks():
            try:
                yield chunk.decode("utf-8")
            except UnicodeDecodeError as error:
                bad_line = line + chunk.count(b"\n", 0, error.start)
                raise self._error("not UTF-8. Save the file as UTF-8.", bad_line) from None
            line += chunk.count(b"\n")

    def chunks(self, size: int | None = None) -> Iterator[bytes]:
        """Read the file in pieces of about ``size`` bytes that end at a line break, which the last one is given if it has none.

        Raises:
            InputFileError: The file cannot be read, or has a line that is too long.
        """
        try:
            with self.path.open("rb") as file:
                start = file.read(len(_BOM))
                tail = b"" if start == _BOM else start
                while chunk := file.read(size or _BATCH_BYTES):
                    head, line_break, rest = chunk.rpartition(b"\n")
                    if line_break:
                        yield tail + head + line_break
                        tail = rest
                    else:
                        tail += chunk
                    if len(tail) > MAX_RECORD_BYTES:
                        raise self._error(f"has a line of more than {MAX_RECORD_BYTES:,} bytes. Check where it comes from.")
        except OSError as error:
            raise self._unreadable(error) from error
        if tail.endswith(b"\r"):
            tail += b"\r"  # the CR that ends the file is a lone one, and stays one before the LF added here
        if tail:
            yield tail + b"\n"

    def _open_quote(self, line: int) -> InputFileError:
        return self._error("a quote is opened and never closed. Close it, or double it if it is part of a value.", line)

    def _lone_cr(self, line: int) -> InputFileError:
        return self._error("a CR without LF ends a line. Save the file with LF or CRLF line ends.", line)

    def _unreadable(self, error: OSError) -> InputFileError:
        reason = (error.strerror or str(error)).lower()
        return self._error(f"cannot be read: {reason}. Put a file there that this user may read.")

    def _error(self, fault: str, line: int | None = None) -> InputFileError:
        return InputFileError(f"{self.path} {fault}" if line is None else f"{self.path}, line {line}: {fault}")


@lru_cache(maxsize=16)
def _sha256(path: Path, state: FileState | None) -> str:
    """Of a file in this state: that is what it is remembered by."""
    del state
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _match_end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return position if match is None else match.end()


def _folded(name: str) -> str:
    """A column name trimmed and without regard to the case of ASCII letters."""
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), name.strip(WHITE_SPACE))
