"""Tells a failing scenario: what is run, what happens, which rule is broken, and how to see it again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from weftline.testing.simulation.draw import draw
from weftline.testing.simulation.rules import RuleBrokenError
from weftline.testing.simulation.scenario import Scenario
from weftline.testing.simulation.shrink import shrink
from weftline.testing.simulation.world import World

#: Lines of the schedule that are told, from the end.
_MOST_LINES = 120


def broken_by(scenario: Scenario) -> RuleBrokenError | None:
    """The rule that a scenario breaks."""
    try:
        World(scenario).play()
    except RuleBrokenError as broken:
        return broken
    return None


def smallest(scenario: Scenario, broken: RuleBrokenError) -> Scenario:
    """A smaller scenario that breaks the same rule."""

    def fails(candidate: Scenario) -> bool:
        found = broken_by(candidate)
        return found is not None and found.sentence == broken.sentence

    return shrink(scenario, fails)


def story(seed: int) -> str:
    """What is wrong with a seed, in its smallest form; empty if nothing is."""
    broken = broken_by(draw(seed))
    if broken is None:
        return ""
    scenario = smallest(draw(seed), broken)
    schedule: list[str] = []
    try:
        World(scenario, schedule.append).play()
    except RuleBrokenError as found:
        broken = found
    return "\n".join(
        [
            f"seed {seed} breaks a rule; the smallest scenario that does:",
            "",
            written(scenario),
            "",
            *(["..."] if len(schedule) > _MOST_LINES else []),
            *schedule[-_MOST_LINES:],
            "",
            f"the rule:  {broken.sentence}",
            f"broken:    {broken.detail}",
            f"again:     python -m weftline.testing.simulation --seed {seed}",
        ]
    )


def written(thing: Any) -> str:
    """A scenario as the Python that makes it, without what is as usual."""
    if isinstance(thing, tuple):
        parts = [written(part) for part in thing]
        if any(is_dataclass(part) for part in thing):
            return "(\n" + "".join(f"    {part}".replace("\n", "\n    ") + ",\n" for part in parts) + ")"
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if isinstance(thing, type):
        return thing.__name__
    if not is_dataclass(thing):
        return repr(thing)
    return f"{type(thing).__name__}({', '.join(_arguments(thing))})"


def _arguments(thing: Any) -> Iterator[str]:
    for at, found in enumerate(fields(thing)):
        value = getattr(thing, found.name)
        default = found.default_factory() if found.default_factory is not MISSING else found.default
        if value != default or default is MISSING:
            yield written(value) if at == 0 else f"{found.name}={written(value)}"
