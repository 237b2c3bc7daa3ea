"""Prepares nodes: which calls a node has, and which of them need not be made."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from weftline.errors import UndigestableError, WeftlineError
from weftline.model.call import Failure
from weftline.model.fingerprint import Recipe
from weftline.model.plan import Decision
from weftline.model.usage import asked_fields
from weftline.run.calls import CallFinder, NodeCalls
from weftline.run.facts import Fact, Prepared, Unprepared
from weftline.run.inputs import Holdings
from weftline.run.resume import Past


class Preparation:
    """Answers the core's wish to know a node's calls.

    Args:
        numbers: of the nodes, by name.
        finder: looks for results.
        holdings: takes those that are there.
        past: what this run did before.
        now: the time of the run.
    """

    def __init__(
        self, numbers: Mapping[str, int], finder: CallFinder, holdings: Holdings, past: Past, now: Callable[[], float]
    ) -> None:
        self._numbers = numbers
        self._finder = finder
        self._holdings = holdings
        self._past = past
        self._now = now
        self._recipes: list[Recipe] = []

    def prepare(self, calls: NodeCalls) -> Fact:
        """What the core is told of a node whose inputs are there.

        Raises:
            OutputLostError: an input was stored, and is gone.
        """
        number = self._numbers[calls.node.name]
        try:
            total, entries = self._finder.find(calls)
        except WeftlineError as error:
            return Unprepared(self._now(), number, Failure.of(error))
        for item, entry in entries.items():
            self._holdings.put_entry(number, item, entry)
        restored = {item: None if self._is_recorded(calls, item, entry.key) else entry.key for item, entry in entries.items()}
        left_out = {item: found for item, found in self._past.left_out.get(calls.node.name, {}).items() if item not in entries}
        is_told = (
            len(entries) + len(left_out) == total and calls.node.name in self._past.finished and not any(restored.values())
        )
        return Prepared(self._now(), number, total, restored, None if is_told else self._start_fields(calls, total), left_out)

    def new_recipes(self) -> list[Recipe]:
        """Recipes of nodes that have started since this was last asked."""
        found, self._recipes = self._recipes, []
        return found

    def _is_recorded(self, calls: NodeCalls, item: int, key: bytes) -> bool:
        """Whether the journal of this run has the result already; after it has told of a loss, that counts no more."""
        done = self._past.done
        return bool(done and done.get((calls.node.name, item)) == key.hex()) and not calls.is_lost

    def _start_fields(self, calls: NodeCalls, total: int) -> dict[str, Any]:
        fields: dict[str, Any] = {"total": total, **asked_fields(calls.node.resources)}
        recipe = calls.step.recipe
        if recipe is not None:
            self._recipes.append(recipe)
            fields["recipe"] = recipe.digest.hex()
            is_hit = calls.step.decision is Decision.CACHED and not calls.is_lost
            with contextlib.suppress(UndigestableError):  # only a node that is never cached comes here with such an input
                digests = calls.step.inputs if is_hit else calls.inputs or self._holdings.input_digests(calls.node)
                fields["inputs"] = {name: found.hex() for name, found in digests.items() if found is not None}
        return fields
