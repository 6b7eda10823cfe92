"""The published set of a directory, replaced whole by one rename.

    08_reporting/
      account_summary.csv  -> .current/account_summary.csv      stable names, made once
      .current             -> .versions/2026-01-31T06.00.00.000Z   the switch
      .versions/...        the set being read, the one before it, and nothing else
      .staged/             the set being made

A reader that has a file open keeps it. The set before the current one stays until the next publication, for a reader that has
followed the links but not yet opened the file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lending_club.errors import PublicationError

_TIME = "%Y-%m-%dT%H.%M.%S.%fZ"


@dataclass(frozen=True)
class Output:
    """A reference to a published file.

    Attributes:
        path: Where it is published.
        readable: Where it can be read now: staged in a run that has not published yet, else where it is published.
        form: ``csv``, ``parquet``, ``duckdb`` or ``html``.
    """

    path: Path
    readable: Path
    form: str


@dataclass
class Publication:
    """The published set of ``directory``. One process at a time may stage and publish; the run's lock sees to that."""

    directory: Path
    _is_staging: bool = False

    @property
    def is_published(self) -> bool:
        """Whether something has ever been published here."""
        return self._current.exists()

    def stage(self, name: str) -> Path:
        """Where to write the output ``name`` of the coming set.

        Raises:
            PublicationError: The directory cannot be written.
        """
        with self._plain_errors():
            if not self._is_staging:
                self.discard()
                self._remove_old_versions(keep={self._current.resolve().name})
                self._staged.mkdir(parents=True)
                self._is_staging = True
        return self._staged / name

    def write(self, name: str, text: str) -> None:
        """Write the output ``name`` of the coming set, in UTF-8.

        Raises:
            PublicationError: The directory cannot be written.
        """
        staged = self.stage(name)
        with self._plain_errors():
            staged.write_text(text, encoding="utf-8")

    def output(self, name: str, form: str) -> Output:
        """A reference to the output ``name``, staged or published."""
        readable = self._staged if self._is_staging else self.directory
        return Output(self.directory / name, readable / name, form)

    @property
    def current(self) -> Path:
        """The directory of the set that is published now; it stays as it is when another one is published.

        Raises:
            PublicationError: Nothing has been published.
        """
        if not self.is_published:
            raise PublicationError(f"{self.directory}: nothing is published there. Run the job first: kedro run.")
        return self._current.resolve()

    def renew(self) -> None:
        """Say that what is published is up to date as of now: the age of its directory is that of the result."""
        with self._plain_errors():
            os.utime(self.current)

    def publish(self, names: set[str]) -> None:
        """Give the staged outputs their published names, all at once.

        Args:
            names: File names of the outputs that make up the set.

        Raises:
            PublicationError: Not exactly these outputs are staged, something else occupies a published name, or the disk
                refuses. What was published before is unchanged.
        """
        staged = {path.name for path in self._staged.iterdir()} if self._is_staging else set()
        if staged != names:
            raise PublicationError(
                f"{self.directory}: this run made {sorted(staged) or 'none'} of the outputs {sorted(names)}."
                " They are published together: run the whole reporting pipeline."
            )
        with self._plain_errors():
            for path in self._staged.iterdir():
                _sync(path)
            _sync(self._staged)
            previous = self._current.resolve()
            version = self._versions / datetime.now(UTC).strftime(_TIME)
            self._versions.mkdir(exist_ok=True)
            self._link_stable_names(names)
            self._staged.rename(version)
            self._is_staging = False
            _sync(self._versions)
            _sync(self.directory)
            _replace_link(self._current, version.relative_to(self.directory))
            _sync(self.directory)
            self._remove_old_versions(keep={version.name, previous.name})

    def discard(self) -> None:
        """Forget what is staged, by this process or one that was killed; nothing published changes."""
        self._is_staging = False
        shutil.rmtree(self._staged, ignore_errors=True)

    @property
    def _current(self) -> Path:
        return self.directory / ".current"

    @property
    def _versions(self) -> Path:
        return self.directory / ".versions"

    @property
    def _staged(self) -> Path:
        return self.directory / ".staged"

    def _link_stable_names(self, names: set[str]) -> None:
        """Make the stable names before the switch, so that all of them come to life with it."""
        for name in names:
            link, target = self.directory / name, Path(".current") / name
            if link.is_symlink() and link.readlink() == target:
                continue
            if link.exists() or link.is_symlink():
                raise PublicationError(f"{link} is not this project's: it would be overwritten. Move it away and run again.")
            _replace_link(link, target)

    def _remove_old_versions(self, keep: set[str]) -> None:
        if self._versions.is_dir():
            for path in self._versions.iterdir():
                if path.name not in keep:
                    shutil.rmtree(path)

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise PublicationError(
                f"{error.filename or self.directory}: {reason}. Nothing was published; what was there before is unchanged."
            ) from error


def publication_time(path: Path) -> datetime | None:
    """When the set was published that a file is of, by the name of its directory; None for a file of no set."""
    with suppress(ValueError):
        return datetime.strptime(path.parent.name, _TIME).replace(tzinfo=UTC)
    return None


_publications: dict[Path, Publication] = {}


def publication(directory: Path) -> Publication:
    """The process's one ``Publication`` of a directory."""
    return _publications.setdefault(directory, Publication(directory))


def discard_staged() -> None:
    """Forget whatever this process has staged and not published."""
    while _publications:
        _publications.popitem()[1].discard()


def _replace_link(link: Path, target: Path) -> None:
    new = link.with_name(f".new{link.name if link.name.startswith('.') else '.' + link.name}")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
