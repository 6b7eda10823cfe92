"""When a delivery is complete: both files have come since the last run was started and have stopped growing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from lending_club.csv_file import CsvFile


@dataclass(frozen=True)
class Delivery:
    """What was seen of the files, from one look to the next.

    Attributes:
        seen: The state of each file at the last look.
        taken: The state of each file when the last run was started for it.
    """

    seen: dict[str, list[int]] = field(default_factory=dict)
    taken: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def from_text(cls, text: str | None) -> Delivery:
        """What ``as_text`` has written; a first look where there is nothing."""
        return cls(**json.loads(text)) if text else cls()

    def as_text(self) -> str:
        """It as a text, to be kept until the next look."""
        return json.dumps({"seen": self.seen, "taken": self.taken})

    def look(self, files: Mapping[str, CsvFile]) -> tuple[Delivery, str | None]:
        """Look at the files.

        Args:
            files: Each by its name.

        Returns:
            What was seen, for the next look, and what there is to wait for: None when the delivery is complete.
        """
        now = {name: _state(file) for name, file in files.items()}
        seen = Delivery({name: state for name, state in now.items() if state}, self.taken)
        if missing := [str(files[name].path) for name, state in now.items() if not state]:
            return seen, f"Not there yet: {', '.join(missing)}."
        if old := [files[name].path.name for name, state in now.items() if state == self.taken.get(name)]:
            return seen, f"No new file since a run was last started: {', '.join(old)}."
        if growing := [files[name].path.name for name, state in now.items() if state != self.seen.get(name)]:
            return seen, f"Has just come or is still growing, looked at again next time: {', '.join(growing)}."
        return seen, None

    def take(self) -> Delivery:
        """A run is started for the files as they were seen."""
        return Delivery(self.seen, self.seen)

    @property
    def key(self) -> str:
        """Names the files as they were seen: no two deliveries have the same."""
        return hashlib.sha256(json.dumps(self.seen, sort_keys=True).encode()).hexdigest()[:16]


def _state(file: CsvFile) -> list[int]:
    return list(file.state or ())
