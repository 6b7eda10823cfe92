"""The pipelines by name."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from lending_club.pipelines import ingestion, reporting, transformation


def register_pipelines() -> dict[str, Pipeline]:
    """``ingestion``, ``transformation`` and ``reporting``, and all of them together as ``__default__``."""
    pipelines = {
        "ingestion": ingestion.create_pipeline(),
        "transformation": transformation.create_pipeline(),
        "reporting": reporting.create_pipeline(),
    }
    return {**pipelines, "__default__": sum(pipelines.values(), Pipeline([]))}
