"""Privileges on securables, remembered but not enforced."""

import threading
from typing import NamedTuple


class Grant(NamedTuple):
    """A row of SHOW GRANTS."""

    principal: str
    action_type: str
    object_type: str
    object_key: str


class Grants:
    """The grants of the warehouse, by the names of what they are on: names of one part are catalogs, of two schemas."""

    def __init__(self) -> None:
        self._grants: set[Grant] = set()
        self._lock = threading.Lock()

    def add(self, kind: str, name: str, privileges: list[str], principal: str) -> None:
        """Grant privileges."""
        with self._lock:
            self._grants |= {Grant(principal, privilege, kind, name.lower()) for privilege in privileges}

    def remove(self, kind: str, name: str, privileges: list[str], principal: str) -> None:
        """Revoke privileges; those not granted are passed over."""
        with self._lock:
            self._grants -= {Grant(principal, privilege, kind, name.lower()) for privilege in privileges}

    def show(self, kind: str, name: str) -> list[Grant]:
        """What is granted on it, and on the schema and the catalog it is in."""
        parts = name.lower().split(".")
        above = {".".join(parts[:length]) for length in range(1, len(parts))}
        with self._lock:
            found = [
                grant
                for grant in self._grants
                if (grant.object_type, grant.object_key) == (kind, name.lower())
                or (grant.object_key in above and grant.object_type in ("SCHEMA", "CATALOG"))
            ]
        return sorted(found)

    def forget(self, name: str) -> None:
        """Forget the grants on what was dropped and on all within it."""
        name = name.lower()
        with self._lock:
            self._grants = {g for g in self._grants if g.object_key != name and not g.object_key.startswith(f"{name}.")}

    def rename(self, old: str, new: str) -> None:
        """Let the grants follow a table to its new name."""
        with self._lock:
            self._grants = {
                grant._replace(object_key=new.lower()) if grant.object_key == old.lower() else grant for grant in self._grants
            }
