"""``python -m lending_club``: the main job, without the kedro command."""

from __future__ import annotations

from pathlib import Path

from kedro.framework.startup import bootstrap_project
from kedro.utils import find_kedro_project


def main() -> None:
    """Run the project in or above the working directory."""
    bootstrap_project(find_kedro_project(Path.cwd()) or Path.cwd())
    from lending_club.cli import run

    run(prog_name="lending_club")


if __name__ == "__main__":
    main()
