"""Draws a scenario from a seed: the same one, whenever and wherever it is asked for.

What is added later draws from a stream of its own, in `further`, and sets its fields with `replace`: then all seeds stay as
they were, and what they have found they find again.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import weftline.testing.simulation.asking
import weftline.testing.simulation.grouping
import weftline.testing.simulation.vanishing  # noqa: F401 - enter what they draw
from weftline.model.ids import WHOLE
from weftline.model.policy import Policy
from weftline.model.resources import Resources
from weftline.testing.simulation.further import further
from weftline.testing.simulation.scenario import MOMENTS, Draft, Ending, Fate, Happening, Incident, Life, Scenario

_TIMES_S = (0.0, 0.0, 0.02, 0.02, 0.04, 0.2)
#: One scenario in so many is about a large node beside a crowd of small calls.
_CROWDS = 30


def draw(seed: int) -> Scenario:
    """The scenario of a seed."""
    return further(seed, _basis(seed))


def _basis(seed: int) -> Scenario:
    rng = Random(seed)  # noqa: S311 - a schedule, no secret
    if rng.randrange(_CROWDS) == 0:
        return _crowd(rng)
    slots = rng.choice([1, 2, 3, 4, 4])
    trouble = rng.choice([0.0, 0.05, 0.15, 0.3, 0.5])
    nodes = _nodes(rng, slots)
    can_kill = rng.random() < 0.5
    if can_kill:
        nodes = tuple(_with_timeout(rng, node) for node in nodes)
    fates = tuple(_fates(rng, nodes, trouble))
    if rng.random() < 0.3:  # much ends at the same time
        nodes = tuple(replace(node, takes_s=0.02) for node in nodes)
        fates = tuple(replace(fate, takes_s=0.0, late_s=0.0) for fate in fates)
    names = [node.name for node in nodes]
    caches = rng.random() < 0.9
    stored = tuple(name for name in names if rng.random() < 0.5) if rng.random() < 0.3 and caches else ()
    return Scenario(
        nodes,
        slots=slots,
        queue=rng.choice([0, 0, 2, 4]),
        can_kill=can_kill,
        on_failure=rng.choice(["stop", "stop", "continue", "continue", "continue"]),
        caches=caches,
        stored=stored,
        removed=tuple(name for name in stored if rng.random() < 0.3),
        left_out=tuple(name for name in names if rng.random() < 0.3) if rng.random() < 0.2 and caches else (),
        fates=fates,
        lives=tuple(_lives(rng)) if caches else tuple(_lives(rng))[-2:-1],
        salt=rng.randrange(1000),
    )


# --- nodes ---


def _nodes(rng: Random, slots: int) -> tuple[Draft, ...]:
    form = rng.choice(["any", "any", "chain", "diamond", "wide", "fan", "fan"])
    count = rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 12])
    nodes: list[Draft] = []
    for at in range(count):
        node = _node(rng, f"n{at}", _reads(rng, form, nodes, count), _with_items(nodes), slots)
        if form == "fan" and at == 0:
            node = replace(node, makes=rng.choice([2, 4, 6]))
        nodes.append(node)
    return tuple(nodes)


def _reads(rng: Random, form: str, before: list[Draft], count: int) -> tuple[str, ...]:
    names = [node.name for node in before]
    if not names or form == "wide":
        return tuple(names[:1]) if names and rng.random() < 0.3 else ()
    if form == "fan":
        return tuple(name for name in names[-1:] if rng.random() < 0.3)
    if form == "chain":
        return (names[-1],)
    if form == "diamond":
        return tuple(names[1:]) if len(names) == count - 1 > 1 else (names[0],)
    return tuple(sorted(rng.sample(names, min(len(names), rng.choice([0, 1, 1, 2, 3])))))


def _with_items(nodes: list[Draft]) -> list[str]:
    return [node.name for node in nodes if node.makes is not None or node.over]


def _node(rng: Random, name: str, reads: tuple[str, ...], lists: list[str], slots: int) -> Draft:
    over = rng.choice(lists) if lists and rng.random() < 0.7 else ""
    skips = bool(over) and rng.random() < 0.5
    return Draft(
        name,
        reads=reads,
        over=over,
        makes=None if over or rng.random() < 0.5 else rng.choice([0, 1, 2, 2, 3, 4, 5]),
        skips=skips,
        min_success=rng.choice([0.0, 0.0, 0.5, 0.5, 1.0]) if skips else 0.0,
        priority=rng.choice([0, 0, 0, 1, 5]),
        resources=Resources(cpu=min(slots, rng.choice([1, 1, 1, 2, 3, 0.5, 0]))),
        policy=_policy(rng),
        cached=rng.random() < 0.8,
        takes_s=rng.choice(_TIMES_S),
    )


def _policy(rng: Random) -> Policy:
    return Policy(
        max_attempts=rng.choice([1, 2, 3, 3]),
        backoff=rng.choice(["none", "linear", "exponential"]),
        initial_s=rng.choice([0.0, 0.02, 0.1]),
        maximum_s=rng.choice([0.05, 0.15, 1.0]),
        jitter=rng.random() < 0.5,
        retry_on=rng.choice([(), (), (ValueError,)]),
        never_on=rng.choice([(), (), (), (OSError,)]),
    )


def _with_timeout(rng: Random, node: Draft) -> Draft:
    if rng.random() < 0.8:
        return node
    return replace(node, policy=replace(node.policy, timeout_s=0.05))


def _crowd(rng: Random) -> Scenario:
    """A large node that small calls could pass for ever."""
    slots = rng.choice([2, 3, 4])
    count = rng.choice([80, 100, 130])
    first = Draft("n0", makes=count)
    small = Draft("n1", over="n0", takes_s=0.02)
    before = Draft("n2", reads=("n0",), priority=9, takes_s=0.03)
    large = Draft("n3", reads=("n2",), priority=5, resources=Resources(cpu=slots), takes_s=0.03)
    fates = tuple(Fate("n1", item, takes_s=rng.choice(_TIMES_S)) for item in range(count))
    return Scenario((first, small, before, large), slots=slots, queue=rng.choice([0, 3]), fates=fates)


# --- what happens ---


def _fates(rng: Random, nodes: tuple[Draft, ...], trouble: float) -> list[Fate]:
    counts: dict[str, int] = {}
    found = []
    for node in nodes:
        counts[node.name] = node.makes or 0 if node.makes is not None else counts.get(node.over, 0)
        items = range(counts[node.over]) if node.over else (WHOLE,)
        chance = rng.choice([trouble, 0.3, _MOST_TROUBLE]) if node.skips else trouble
        for item in items:
            for attempt in range(1, 6):
                if rng.random() >= chance:
                    break
                found.append(_fate(rng, node.name, item, attempt, _GRIM if chance == _MOST_TROUBLE else _ENDINGS))
    return found


_ENDINGS: tuple[Ending, ...] = (*("succeeds", "transient") * 3, "lost", "lost", "fatal", "fatal")
#: Where so much goes wrong, everything does.
_MOST_TROUBLE = 0.9
_GRIM: tuple[Ending, ...] = ("transient", "fatal", "fatal")


def _fate(rng: Random, name: str, item: int, attempt: int, endings: tuple[Ending, ...]) -> Fate:
    ending: Ending = "interrupted" if rng.random() < 0.02 else rng.choice(endings)
    late_s = rng.choice([0.0, 0.0, 0.05, 0.3])
    return Fate(name, item, attempt, ending, rng.choice(_TIMES_S), late_s, rng.choice([None, None, 0.0, 0.02, 0.3]))


def _lives(rng: Random) -> list[Life]:
    chances = rng.random()
    crashes = 0 if chances < 0.4 else 1 if chances < 0.65 else rng.choice([2, 3, 4])
    lives = [Life((_incident(rng, "crash"), *_cancels(rng, 0.1))) for _ in range(crashes)]
    return [*lives, Life((*_cancels(rng, 0.4), *_full(rng))), Life()]


def _full(rng: Random) -> tuple[Incident, ...]:
    return (Incident("full", "before store", rng.randrange(8)),) if rng.random() < 0.1 else ()


def _cancels(rng: Random, chance: float) -> tuple[Incident, ...]:
    if rng.random() > chance:
        return ()
    first = _incident(rng, "kill" if rng.random() < 0.4 else "cancel")
    if rng.random() < 0.4:
        return (first,)
    return first, Incident("cancel", rng.choice(["before poll", "after poll"]), first.nth + rng.randrange(3))


def _incident(rng: Random, what: Happening) -> Incident:
    return Incident(what, rng.choice(MOMENTS), min(rng.randrange(24), rng.randrange(24)))
