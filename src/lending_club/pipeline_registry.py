"""The pipelines by name."""

from __future__ import annotations

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline


def register_pipelines() -> dict[str, Pipeline]:
    """``ingestion``, ``transformation`` and ``reporting``, and all of them together as ``__default__``."""
    pipelines = find_pipelines(raise_errors=True)
    return {**pipelines, "__default__": sum(pipelines.values(), Pipeline([]))}
