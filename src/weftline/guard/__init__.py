"""Watches what calls take of this machine while they run, and stops one that takes far more than it asked for."""
