"""Draws what the store loses of what an earlier run or an earlier life has made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from weftline.model.gate import Gate
from weftline.model.policy import Policy
from weftline.testing.simulation.further import is_rare, of
from weftline.testing.simulation.scenario import Draft, Life, Loss, Scenario, Word


@of(0.1)
def losses(rng: Random, scenario: Scenario) -> Scenario:
    """Of whatever is run; no policies but retries, and no lists with gaps."""
    if is_rare(scenario) or not scenario.caches or scenario.gates:
        return scenario
    policy = Policy(rng.choice([1, 2, 3]), "none")
    nodes = tuple(replace(node, skips=False, min_success=0.0, policy=policy, after=()) for node in scenario.nodes)
    stored = tuple(node.name for node in nodes if rng.random() < 0.85)
    removed = tuple(name for name in stored if rng.random() < 0.4)
    made = {*stored} - {*removed}
    read = [name for node in nodes if node.name not in made for name in (*node.reads, node.over) if name]
    lives = scenario.lives or (Life(),)
    found = [_loss(rng, read or [node.name for node in nodes], len(lives)) for _ in range(rng.choice([1, 2, 3]))]
    return replace(
        scenario,
        nodes=nodes,
        deadline_s=None,
        left_out=(),
        stored=stored,
        removed=removed,
        lives=lives,
        losses=tuple(found),
    )


@of(0.2)
def forgetful(rng: Random, scenario: Scenario) -> Scenario:
    """Half of a run is stored, and the other half wants it, while it goes; some of it may not be made again without asking."""
    if is_rare(scenario) or scenario.gates:
        return scenario
    policy = Policy(rng.choice([1, 2, 3]), "none")
    gate = rng.choice(["", "a"])
    nodes = (
        Draft("n0", makes=rng.choice([1, 3]), policy=policy),
        Draft("n1", over="n0", policy=policy, cached=rng.random() < 0.8, gate=gate),
        Draft("n2", reads=("n0",), makes=rng.choice([None, 2]), policy=policy, takes_s=0.02),
        Draft("n3", over="n1", policy=policy, takes_s=0.02),
        Draft("n4", reads=("n2",), policy=policy, takes_s=rng.choice([0.0, 0.02, 0.2])),
        Draft("n5", reads=("n1", "n4"), policy=policy),
    )
    lives = (*(scenario.lives[:1] if rng.random() < 0.5 else ()), Life(), Life())
    word = Word("gate.a", "approved", rng.randrange(3), after=rng.choice(["", "", "n4"]))
    return Scenario(
        nodes,
        slots=rng.choice([1, 2, 4]),
        queue=rng.choice([0, 0, 2]),
        on_failure=scenario.on_failure,
        stored=("n0", "n1", "n2"),
        fates=tuple(fate for fate in scenario.fates if rng.random() < 0.3),
        lives=lives,
        gates=(Gate("a"),),
        words=(word,) if rng.random() < 0.7 else (),
        losses=tuple(_loss(rng, ("n0", "n1", "n1", "n2", "n2"), len(lives)) for _ in range(rng.choice([1, 2, 3]))),
    )


def _loss(rng: Random, names: Sequence[str], lives: int) -> Loss:
    moment = rng.choice(["after append", "after append", "before submit", "before poll", "after poll"])
    life, nth = min(rng.randrange(lives), rng.randrange(lives)), rng.choice([0, 0, 0, 0, 1, 2, 3])
    return Loss(rng.choice(names), life, moment, nth, rng.random() < 0.3)
