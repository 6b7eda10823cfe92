"""For a person with questions, in a notebook: the published tables in SQL, and other rates tried on them. Nothing is written."""

from lending_club.analysis.published import query
from lending_club.analysis.scenario import scenario

__all__ = ["query", "scenario"]
