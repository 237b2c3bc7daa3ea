"""Events of runs as tests write them, and how the suite of ledgers looks at one."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from weftline.model.event import Event, Kind
from weftline.model.fingerprint import Part, Recipe
from weftline.model.ids import WHOLE
from weftline.model.transitions import RunStatus
from weftline.ports.ledger import Journals

RECIPE = Recipe(
    code="c0de", symbols=(Part("train", "5e", "", "flow.py"),), params=(Part("scale", "17", "2.0"),), env={"numpy": "2.1"}
)


def opening(at: float = 100.0, pipeline: str = "churn", **fields: Any) -> Event:
    """The first event of a run."""
    return Event(Kind.RUN_STARTED, at, body={"pipeline": pipeline, "params": {}, **fields})


def ending(at: float = 200.0, status: RunStatus = RunStatus.COMPLETED, **counts: int) -> Event:
    """The last event of a run."""
    return Event(Kind.RUN_FINISHED, at, body={"status": str(status), "counts": counts})


def started(node: str, at: float = 110.0, recipe: Recipe = RECIPE, **inputs: str) -> Event:
    """A node begins."""
    return Event(Kind.NODE_STARTED, at, node, body={"total": 1, "recipe": recipe.digest.hex(), "inputs": inputs})


def finished(node: str, took_s: float, at: float = 120.0, state: str = "succeeded", ran: int = 1) -> Event:
    """A node ends."""
    return Event(Kind.NODE_FINISHED, at, node, body={"state": state, "ran": ran, "took_s": took_s})


def took(node: str, took_s: float, item: int = WHOLE) -> Event:
    """A call succeeded."""
    return Event(Kind.CALL_SUCCEEDED, 115.0, node, item, 1, {"took_s": took_s})


def kinds(ledger: Journals, run: str) -> Sequence[Kind]:
    """What happened in a run, in order."""
    return [event.kind for event in ledger.events(run)]


class LedgerSuite:
    """How the suite looks at a ledger."""

    def ledger(self, place: Path) -> Journals:
        """A new, empty ledger; the suite closes it.

        Args:
            place: an empty folder, for ledgers that need one; removed afterwards.
        """
        raise NotImplementedError("say how the ledger is made")

    def reopened(self, place: Path) -> Journals | None:
        """Another view of the ledger at that place, as another process has it; None if it forgets everything."""
        del place
        return None

    @contextlib.contextmanager
    def opened(self) -> Iterator[tuple[Journals, Path]]:
        """A new ledger, and the folder that it may use."""
        with tempfile.TemporaryDirectory() as folder, contextlib.closing(self.ledger(Path(folder))) as ledger:
            yield ledger, Path(folder)
