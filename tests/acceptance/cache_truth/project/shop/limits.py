"""Constants that are used as attributes of this module, or all taken at once."""

LARGE = 71
SMALL = 72
