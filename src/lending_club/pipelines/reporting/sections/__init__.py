"""The sections of the report, a module for each thing that they are about."""
