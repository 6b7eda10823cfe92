"""The three pipelines: ingestion, transformation, reporting. They know datasets by their catalog names only."""
