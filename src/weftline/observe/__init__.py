"""Readings of a run's events: for people, for other programs, for later."""
