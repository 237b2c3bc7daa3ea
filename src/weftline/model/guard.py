"""Guards: how many runs of a name may go on at the same time, told apart by a key. Data only; `app` applies it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from weftline.errors import brief

#: Runs of one name with the same parameters.
NAME_AND_PARAMS = "{name}:{params}"
_MARK = re.compile(r"\{([^{}]*)\}")
OnBusy = Literal["wait", "skip", "fail"]


@dataclass(frozen=True, slots=True)
class Guard:
    """At most so many runs at the same time of all whose keys come out equal.

    Attributes:
        key: a template: `{name}` (also `{group}`, `{pipeline}`) is what runs, `{params}` all its parameters, `{params.x}` one.
        at_most: runs at the same time.
        on_busy: what a run does that is one too many: it waits, is skipped, or fails.
    """

    key: str = NAME_AND_PARAMS
    at_most: int = 1
    on_busy: OnBusy = "wait"

    def __post_init__(self) -> None:
        if self.at_most < 1:
            raise ValueError(f"a guard lets at least one run through: {self.at_most}")
        wrong = next((word for word in _MARK.findall(self.key) if not _is_known(word)), None)
        rest = _MARK.sub("", self.key)
        if wrong is not None or "{" in rest or "}" in rest or not self.key:
            advice = "write {name}, {params}, or {params.x} for a parameter x"
            raise ValueError(f"{brief(repr(self.key))} is no key: {advice}")

    @property
    def asked(self) -> frozenset[str]:
        """Names of the parameters that the key speaks of."""
        return frozenset(word.removeprefix("params.") for word in _MARK.findall(self.key) if word.startswith("params."))

    def key_for(self, name: str, params: Mapping[str, Any]) -> str:
        """The key of a run.

        Args:
            name: what runs.
            params: its parameters.

        Raises:
            KeyError: the key speaks of a parameter that it does not have.
        """

        def value(word: str) -> str:
            if word == "params":
                return json.dumps(
                    {name: _shown(value) for name, value in params.items()}, sort_keys=True, separators=(",", ":")
                )
            return _shown(params[word.removeprefix("params.")]) if word.startswith("params.") else name

        return _MARK.sub(lambda found: value(found[1]), self.key)


def _is_known(word: str) -> bool:
    return word in {"name", "group", "pipeline", "params"} or (word.startswith("params.") and len(word) > len("params."))


def _shown(value: Any) -> str:
    """A value as one would type it, so that a run from the command line has the key of one that a program started."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


class Guarded(NamedTuple):
    """A guard, and what it is about.

    Attributes:
        name: of the group, or of the pipeline.
        guard: how many runs go on.
        defaults: parameters that a run has if it does not give others.
    """

    name: str
    guard: Guard
    defaults: Mapping[str, Any]
