"""Who asks, as fields, gates and schedules keep it."""

from __future__ import annotations

import getpass
import os


def user() -> str:
    """The user of this process; by number where there is no name for it, as in a container that is run as anybody."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # Python 3.13 raises the second one
        return f"uid {os.getuid()}"
