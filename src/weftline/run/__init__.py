"""Runs a plan: a pure core that decides, and an engine that does."""
