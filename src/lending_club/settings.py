"""Kedro's settings for this project."""

from __future__ import annotations

import logging
import os

from lending_club.datasets.catalog import Catalog
from lending_club.environment import ConfigLoader, environment
from lending_club.hooks import NoHooks, RunHooks

logging.captureWarnings(True)
if log_level := os.environ.get("LENDING_CLUB_LOG_LEVEL"):
    logging.getLogger("lending_club").setLevel(log_level.upper())

# Hooks of a plugin are not loaded under a name that is taken. Those of Kedro-Viz import pandas: run_status.py does their work.
HOOKS = (RunHooks(), NoHooks("kedro-dataset-stats"), NoHooks("pipeline-run-hook"))
# Nothing about a run leaves the machine.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
DATA_CATALOG_CLASS = Catalog
CONFIG_LOADER_CLASS = ConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {"env": environment},
}
