"""Volumes: directories behind /Volumes/catalog/schema/volume, and the signed links by which files go in and out."""

import datetime as dt
import hashlib
import hmac
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.warehouse.server.sql_error import SqlError

LINK_PREFIX = "/_volumes"
_LINK_SECONDS = 900


class FileEntry(NamedTuple):
    """A row of LIST."""

    path: str
    name: str
    size: int
    modification_time: int


class Volumes:
    """The volumes of the warehouse.

    Args:
        root: Where their files are kept.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.base_url = ""
        self._secret = secrets.token_bytes(32)
        root.mkdir(parents=True, exist_ok=True)

    def create(self, catalog: str, schema: str, volume: str, if_not_exists: bool) -> None:
        """Create a volume.

        Raises:
            SqlError: It exists, and `if_not_exists` is false.
        """
        directory = self._directory(catalog, schema, volume)
        if directory.is_dir() and not if_not_exists:
            name = f"`{catalog}`.`{schema}`.`{volume}`"
            raise SqlError(f"[VOLUME_ALREADY_EXISTS] Cannot create volume {name} because it already exists.", "42000")
        directory.mkdir(parents=True, exist_ok=True)

    def drop(self, catalog: str, schema: str, volume: str, if_exists: bool) -> None:
        """Drop a volume and its files.

        Raises:
            SqlError: There is none, and `if_exists` is false.
        """
        directory = self._directory(catalog, schema, volume)
        if directory.is_dir():
            shutil.rmtree(directory)
        elif not if_exists:
            raise _not_found(catalog, schema, volume)

    def drop_schema(self, catalog: str, schema: str) -> None:
        """Drop the volumes of a schema."""
        shutil.rmtree(self._directory(catalog, schema), ignore_errors=True)

    def names(self, catalog: str, schema: str) -> list[str]:
        """The names of a schema's volumes."""
        directory = self._directory(catalog, schema)
        return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []

    def exists(self, catalog: str, schema: str, volume: str) -> bool:
        """Whether there is such a volume."""
        return self._directory(catalog, schema, volume).is_dir()

    def local_path(self, path: str) -> Path:
        """The file behind /Volumes/...

        Raises:
            SqlError: It is no path of a volume, or there is no such volume.
        """
        match = re.fullmatch(r"(?:dbfs:)?/Volumes/([^/]+)/([^/]+)/([^/]+)(?:/(.*))?", path, re.DOTALL)
        if match is None or ".." in PurePosixPath(path).parts:
            raise SqlError(f"[INVALID_VOLUME_PATH] The path {path} is not within a volume.", "22023")
        catalog, schema, volume, rest = match.groups()
        directory = self._directory(catalog, schema, volume)
        if not directory.is_dir():
            raise _not_found(catalog, schema, volume)
        return directory / (rest or "")

    def list(self, path: str) -> Iterator[FileEntry]:
        """The files and directories directly within a path, directories with a slash at the end.

        Raises:
            SqlError: There is no such path.
        """
        directory = self.local_path(path)
        if not directory.exists():
            raise _path_not_found(path)
        for entry in sorted(directory.iterdir()) if directory.is_dir() else [directory]:
            status, slash = entry.stat(), "/" if entry.is_dir() else ""
            size = 0 if slash else status.st_size
            shown = f"{self.shown(entry)}{slash}"
            yield FileEntry(shown, f"{entry.name}{slash}", size, int(status.st_mtime * 1000))

    def shown(self, path: Path) -> str:
        """The path as the client knows it."""
        return f"/Volumes/{path.relative_to(self.root)}"

    def signed_link(self, operation: str, path: str, overwrite: bool = False) -> str:
        """A link by which PUT, GET or REMOVE is done over HTTP, without a token, for a quarter of an hour.

        Raises:
            SqlError: PUT without `overwrite` finds the file there, or another operation does not.
        """
        local = self.local_path(path)
        if operation == "PUT" and local.exists() and not overwrite:
            raise SqlError(f"[FILE_ALREADY_EXISTS] The file {path} exists; use OVERWRITE to replace it.", "42710")
        if operation != "PUT" and not local.is_file():
            raise _path_not_found(path)
        resource = f"{LINK_PREFIX}/{quote(str(local.relative_to(self.root)))}"
        expires = int(time.time()) + _LINK_SECONDS
        return f"{self.base_url}{resource}?expires={expires}&signature={self._signature(operation, resource, expires)}"

    def resolve_link(self, operation: str, target: str) -> Path | None:
        """The file a link stands for; None when the link was not made for this operation here, or is too old."""
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        expires, signature = query.get("expires", ""), query.get("signature", "")
        if not expires.isascii() or not expires.isdigit() or int(expires) < time.time():
            return None
        if not hmac.compare_digest(signature, self._signature(operation, url.path, int(expires))):
            return None
        return self.root / unquote(url.path).removeprefix(f"{LINK_PREFIX}/")

    def _signature(self, operation: str, resource: str, expires: int) -> str:
        return hmac.new(self._secret, f"{operation} {resource} {expires}".encode(), hashlib.sha256).hexdigest()

    def _directory(self, *parts: str) -> Path:
        # Unity Catalog's names do not tell upper from lower case.
        return self.root.joinpath(*(part.lower() for part in parts))


def modification_time(entry: FileEntry) -> dt.datetime:
    """When the file was changed."""
    return dt.datetime.fromtimestamp(entry.modification_time / 1000, dt.UTC)


def _not_found(catalog: str, schema: str, volume: str) -> SqlError:
    return SqlError(f"[VOLUME_NOT_FOUND] The volume `{catalog}`.`{schema}`.`{volume}` cannot be found.", "42704")


def _path_not_found(path: str) -> SqlError:
    return SqlError(f"[PATH_NOT_FOUND] Path does not exist: dbfs:{path.removeprefix('dbfs:')}.", "42K03")
