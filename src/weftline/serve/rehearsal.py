"""What a process does while it waits for a run: it goes through one of its own, and so touches what the next will touch.

Theory of operation. A process that was forked shares its memory with its parent until it writes there, and Python writes to
each object that it uses. So whatever a run does takes three times as long the first time as the second: some 600 pages are
copied meanwhile. The pipeline of a rehearsal is a file of a user, as it were: code that belongs to an installed package is
looked at less closely.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from weftline.app import gates, verbs
from weftline.app.home import Home, Request
from weftline.app.pipeline import load

_FLOW = '''
from weftline import Clause, Gate, Pipeline, node

ready = Gate("ready", (Clause("read", "equals", True),))


@node(provides="found")
def find(number: int = 1) -> list[int]:
    return [number]


@node(requires={"found": "found"}, gate=ready)
def use(found: list[int]) -> None:
    """What would wait."""


pipeline = Pipeline([find, use], name="rehearsal", fields={"read": bool})
'''
_NAME = "weftline_rehearsal"


def rehearse(home: Home) -> None:
    """Loads and plans a pipeline, runs it without keeping anything, and looks at a run that waits; the home stays as it is."""
    assert home.ledger is not None
    assert home.fields is not None
    request = Request(gates=["ready"], backend="threads", workers=1)
    with tempfile.TemporaryDirectory() as folder, _imports_undone():
        file = Path(folder) / f"{_NAME}.py"
        file.write_text(_FLOW, encoding="utf-8")
        pipeline = load(str(file))
        verbs.plan(pipeline, home, request)
        verbs.run(pipeline, Home(None), request)
    home.ledger.runs(1)
    for wait in home.fields.waits()[:1]:
        if (record := verbs.record_of(wait.run, home)) is not None:
            gates.can_go_on(record, home)


@contextlib.contextmanager
def _imports_undone() -> Iterator[None]:
    """What is imported meanwhile from files of users is forgotten, and so is where they were."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before
        sys.modules.pop(_NAME, None)
