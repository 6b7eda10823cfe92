"""How much memory there is for an engine that works in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def available_memory(root: Path = Path("/")) -> int:
    """Bytes of memory that the machine has, or that this process's control groups allow where that is less.

    Args:
        root: Where ``proc`` and ``sys`` are.
    """
    of_machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([of_machine, *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    """The limits of the process's control group and of those above it, of version 2 and of version 1."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers in ("", "memory"):
            top, file = ("sys/fs/cgroup", "memory.max") if not controllers else ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
            group = Path(name.lstrip("/"))
            for each in (group, *group.parents):
                try:
                    yield int((root / top / each / file).read_text(encoding="ascii"))
                except (OSError, ValueError):  # there is none, which version 2 calls max
                    continue
