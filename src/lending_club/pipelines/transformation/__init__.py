"""Raw tables to cleaned rows, quarantine, account summary, customer profile and reconciliation."""

from lending_club.pipelines.transformation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
