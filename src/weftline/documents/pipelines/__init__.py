"""Pipelines that are ready to run by name."""
