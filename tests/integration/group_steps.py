"""What the groups of `test_group_backends` run; in a module that worker processes can import."""

import time
from pathlib import Path

from weftline import node


@node
def works(x: int = 1) -> int:
    return x


@node
def fails(after_s: float = 0.0) -> int:
    time.sleep(after_s)
    raise ValueError("it fails")


@node
def sleeps(mark: str = "", seconds: float = 0.0) -> int:
    time.sleep(seconds)
    Path(mark).write_text("done", encoding="utf-8")
    return 1
