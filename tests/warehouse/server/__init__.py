"""A server for Databricks' clients to be tested against; README.md tells of it."""
