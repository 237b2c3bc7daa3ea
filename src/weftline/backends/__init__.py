"""Places where calls run: in this process, in others of this machine, and wherever an executor leads."""
