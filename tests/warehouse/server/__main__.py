"""Runs the server: python tests/warehouse/server, in its own environment."""

import sys
from pathlib import Path

# Run by its directory, the program finds only what is in there; the modules call each other by their full names.
sys.path[0] = str(Path(__file__).resolve().parents[3])

from tests.warehouse.server.program import main  # noqa: E402

main()
