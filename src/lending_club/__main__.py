"""``lending-club`` and ``python -m lending_club``: the commands without Kedro's, inside and outside of a clone."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> None:
    """Run a command, ``--help`` where none is given.

    In a clone of the project the configuration is the clone's. Anywhere else it is the one that the package brings, with
    ``./conf`` before it; paths count from the working directory.

    Args:
        arguments: Those of the command line by default.
    """
    from lending_club.environment import shipped_configuration

    if not os.environ.get("KEDRO_LOGGING_CONFIG") and not Path("conf/logging.yml").is_file():
        os.environ["KEDRO_LOGGING_CONFIG"] = str(shipped_configuration() / "logging.yml")  # which Kedro reads when it is imported
    from kedro.framework.project import configure_project
    from kedro.framework.startup import bootstrap_project
    from kedro.utils import find_kedro_project

    project = find_kedro_project(Path.cwd())
    if project is not None and (project / "src" / "lending_club").is_dir():
        bootstrap_project(project)
    else:
        configure_project("lending_club")
    from lending_club.cli import cli

    cli(arguments, prog_name="lending-club")


def module() -> None:
    """What ``python -m lending_club`` does: the main job, where no command is named."""
    arguments = sys.argv[1:]
    is_option = not arguments or arguments[0].startswith("-")
    main(["run", *arguments] if is_option and arguments[:1] not in (["--help"], ["--version"]) else arguments)


if __name__ == "__main__":
    module()
