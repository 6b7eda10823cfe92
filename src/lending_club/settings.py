"""Kedro's settings for this project."""

from __future__ import annotations

import logging
import os

from kedro.config import OmegaConfigLoader
from omegaconf.resolvers import oc

from lending_club.hooks import RunHooks

logging.captureWarnings(True)
if log_level := os.environ.get("LENDING_CLUB_LOG_LEVEL"):
    logging.getLogger("lending_club").setLevel(log_level.upper())

HOOKS = (RunHooks(),)
# Nothing about a run leaves the machine.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {"oc.env": oc.env},
}
