"""Candidates to published outputs: approved, exported and published together."""

from lending_club.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
