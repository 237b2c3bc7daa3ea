"""Places on this machine where calls run."""
