"""Programs that wait for something to happen."""
