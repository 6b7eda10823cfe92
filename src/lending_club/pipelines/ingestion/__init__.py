"""CSV files to raw tables: every value as text as it came, with its line number."""

from lending_club.pipelines.ingestion.pipeline import create_pipeline

__all__ = ["create_pipeline"]
