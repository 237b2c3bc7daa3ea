"""Keeps what calls print and log: one small file for each attempt that wrote anything, and one for each run of a daemon."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from weftline.model.ids import WHOLE


class LogName(NamedTuple):
    """Whose output a file holds."""

    node: str
    item: int
    attempt: int
    path: Path


class LogFolder:
    """Files `RUN/NODE[@ITEM].ATTEMPT.log` below a folder, and `serve/RUN.log` of runs that a daemon has started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, run: str, node: str, item: int, attempt: int, text: str) -> None:
        """Writes the output of an attempt.

        Raises:
            OSError: it cannot be written.
        """
        folder = self._folder / run
        folder.mkdir(parents=True, exist_ok=True)
        middle = "" if item == WHOLE else f"@{item}"
        (folder / f"{_safe(node)}{middle}.{attempt}.log").write_text(text, encoding="utf-8", errors="backslashreplace")

    def of_process(self, run: str) -> Path:
        """Where the process that a daemon has started for a run writes all that it prints."""
        return self._folder / "serve" / f"{run}.log"

    def remove(self, run: str) -> None:
        """Removes what is kept of a run.

        Raises:
            OSError: it cannot be removed.
        """
        self.of_process(run).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._folder / run)

    def names(self, run: str, node: str = "", item: int | None = None) -> Iterator[LogName]:
        """The files of a run, of one node of it, or of one item of that, in order."""
        found = []
        for path in (self._folder / run).glob("*.log"):
            match = re.fullmatch(r"(.+?)(?:@(\d+))?\.(\d+)\.log", path.name)
            if match is not None:
                place = WHOLE if match[2] is None else int(match[2])
                found.append(LogName(match[1], place, int(match[3]), path))
        for name in sorted(found):
            if (not node or name.node == _safe(node)) and (item is None or name.item == item):
                yield name


def _safe(node: str) -> str:
    """A node's name as part of a file name; names that differ stay different."""
    return re.sub(r"[^\w.\-]", lambda found: f"%{ord(found[0]):02x}", node)
