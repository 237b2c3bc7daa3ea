"""One run in a process of its own: what the daemon asks for, and doing it.

Theory of operation. The daemon has the run claimed before the process hears of it, so that no other daemon begins it as well:
in the name of a process that waits, or in its own, and then the process takes the claim over. Whatever dies in between leaves a
claim of a dead process, which anybody takes over.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from weftline.app import gates, topologies, verbs
from weftline.app.home import Home, Request
from weftline.errors import NotResumableError, RunBusyError, RunExistsError, WeftlineError
from weftline.settings import Settings


class Errand(NamedTuple):
    """What is to be done with one run.

    Attributes:
        run: its id.
        target: what it runs, for a new one; empty to go on with one that waits.
        cwd: the folder in which the target is found.
        request: fields of `weftline.app.home.Request`, of plain JSON values, for a new one.
        told: further fields of its first event, such as what started it.
    """

    run: str
    target: str = ""
    cwd: str = ""
    request: Mapping[str, Any] | None = None
    told: Mapping[str, Any] | None = None


def do(errand: Errand, folder: Path, holder: str, home: Home | None = None) -> int:
    """Does it, in a process that is here for nothing else; gives its exit status.

    Args:
        errand: what.
        folder: of the home.
        holder: who has the run claimed for this process.
        home: that home, if it was opened before.
    """
    try:
        with contextlib.closing(home or Home(folder, Settings.read())) as opened:
            return _do(errand, opened, holder)
    except (NotResumableError, RunBusyError, RunExistsError) as error:
        sys.stderr.write(f"{error}\n")  # somebody else has done it, or does
        return 0
    except WeftlineError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _do(errand: Errand, home: Home, holder: str) -> int:
    record = verbs.outline_of(errand.run, home)
    if record is None:
        if errand.cwd:
            os.chdir(errand.cwd)
        pipeline, request = topologies.sound(errand.target, home), Request(**(errand.request or {}))
        told = {**(errand.told or {}), **({"notes": list(map(str, pipeline.notes))} if pipeline.notes else {})}
        sys.stderr.write("".join(f"{note}\n" for note in pipeline.notes))
        own: Any = {"run": errand.run, "instead_of": holder, "told": told}
        result = verbs.run(pipeline, home, request, **own, echo=True)
    else:
        verbs.enter(record.opening)
        result = verbs.resume(errand.run, home, instead_of=holder, only_if=lambda now: gates.can_go_on(now, home), echo=True)
    return 0 if result.ok else 1
