"""The version, as the project's metadata has it."""

__version__ = "0.1.0"
