"""The project in Dagster: ``dagster dev -m lending_club.orchestration.definitions``. No run outside Dagster imports any of it."""
