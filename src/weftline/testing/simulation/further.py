"""Draws what calls share and how much time there is: each feature from a stream of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from weftline.model.policy import Breaker, Budget, Limiter, Policy
from weftline.model.resources import Resources
from weftline.testing.simulation.scenario import LICENCE, Draft, Fate, Scenario

Feature = Callable[[Random, Scenario], Scenario]
_FEATURES: list[tuple[float, Feature]] = []


def further(seed: int, scenario: Scenario) -> Scenario:
    """The scenario with some features more."""
    for share, feature in _FEATURES:
        rng = Random(f"{seed} {feature.__name__}")  # noqa: S311 - a schedule, no secret
        if rng.random() < share:
            scenario = feature(rng, scenario)
    return scenario


def of(share: float) -> Callable[[Feature], Feature]:
    """A share of all scenarios has a feature."""

    def entered(feature: Feature) -> Feature:
        _FEATURES.append((share, feature))
        return feature

    return entered


def is_rare(scenario: Scenario) -> bool:
    """Whether a scenario has so much that comes together seldom that no other one should take its place."""
    policies = [node.policy for node in scenario.nodes]
    found = (
        any(policy.breaker for policy in policies),
        any(policy.limiter for policy in policies),
        any(policy.deadline_s for policy in policies),
        scenario.retry_budget is not None,
        scenario.memory_gb is not None,
        bool(scenario.devices),
    )
    grows = any(node.resources.memory_step_gb for node in scenario.nodes)
    return sum(found) > 2 or grows or len(scenario.fates) > 60


def _some(rng: Random, scenario: Scenario, change: Callable[[Draft], Draft]) -> Scenario:
    """The scenario with some nodes changed, or with all of them."""
    share = rng.choice([0.3, 0.7, 1.0])
    return replace(scenario, nodes=tuple(change(node) if rng.random() < share else node for node in scenario.nodes))


def _policies(rng: Random, scenario: Scenario, change: Callable[[Policy], Policy]) -> Scenario:
    return _some(rng, scenario, lambda node: replace(node, policy=change(node.policy)))


def _resources(rng: Random, scenario: Scenario, change: Callable[[Resources], Resources]) -> Scenario:
    return _some(rng, scenario, lambda node: replace(node, resources=change(node.resources)))


# --- what attempts share ---


@of(0.25)
def breakers(rng: Random, scenario: Scenario) -> Scenario:
    """Shared by nodes, or their own."""
    shared = [Breaker(name, rng.choice([1, 1, 2, 3]), rng.choice([0.03, 0.1, 0.25])) for name in ("", "a", "b")]
    return _policies(rng, scenario, lambda policy: replace(policy, breaker=rng.choice(shared)))


@of(0.2)
def limiters(rng: Random, scenario: Scenario) -> Scenario:
    """Shared by nodes, or their own."""
    shared = [Limiter(name, rng.choice([10.0, 30.0, 200.0]), rng.choice([1, 1, 2, 5])) for name in ("", "a", "b")]
    return _policies(rng, scenario, lambda policy: replace(policy, limiter=rng.choice(shared)))


@of(0.2)
def budgets(rng: Random, scenario: Scenario) -> Scenario:
    """Of nodes, of a name, and of the run."""
    if rng.random() < 0.4:
        scenario = replace(scenario, retry_budget=rng.choice([0, 1, 2, 5]))
    shared = [Budget(name, rng.choice([0, 1, 2, 4])) for name in ("", "a", "b")]
    return _policies(rng, scenario, lambda policy: replace(policy, budget=rng.choice(shared)))


# --- time ---


@of(0.2)
def soft_timeouts(rng: Random, scenario: Scenario) -> Scenario:
    """Some are longer than the calls, some are not."""
    return _policies(rng, scenario, lambda policy: replace(policy, soft_timeout_s=rng.choice([0.01, 0.02, 0.05, 0.15])))


@of(0.2)
def node_deadlines(rng: Random, scenario: Scenario) -> Scenario:
    """Some pass."""
    return _policies(rng, scenario, lambda policy: replace(policy, deadline_s=rng.choice([0.01, 0.04, 0.05, 0.1, 0.3])))


@of(0.12)
def run_deadlines(rng: Random, scenario: Scenario) -> Scenario:
    """Of each life."""
    return replace(scenario, deadline_s=rng.choice([0.02, 0.05, 0.1, 0.3, 1.0]))


# --- what calls need ---


@of(0.2)
def memory(rng: Random, scenario: Scenario) -> Scenario:
    """Some calls need more with each attempt."""
    there_is = rng.choice([2.0, 4.0, 8.0])

    def change(asked: Resources) -> Resources:
        needed = min(there_is, rng.choice([0.1, 1.0, 2.0, 3.0]))
        return replace(asked, memory_gb=needed, memory_step_gb=rng.choice([0.0, 0.5, 3.0]))

    return _resources(rng, replace(scenario, memory_gb=there_is), change)


@of(0.2)
def devices(rng: Random, scenario: Scenario) -> Scenario:
    """Whole ones and shares, with memory of their own or without."""
    sizes = tuple(rng.choice([0.0, 8.0, 16.0]) for _ in range(rng.choice([1, 2, 2, 3])))

    def change(asked: Resources) -> Resources:
        memory_gb = rng.choice([0.0, 0.0, 4.0, 8.0, 16.0])
        return replace(asked, gpu=rng.choice([0.1, 0.3, 0.5, 1.0, 1.0, 2.0, 3.0]), gpu_memory_gb=memory_gb)

    return _resources(rng, replace(scenario, devices=sizes), change)


@of(0.15)
def licences_and_locks(rng: Random, scenario: Scenario) -> Scenario:
    """One licence, or several; locks by two names."""

    def change(asked: Resources) -> Resources:
        tags = {LICENCE: rng.choice([0.1, 0.3, 1.0, 1.0, 2.0])} if rng.random() < 0.6 else {}
        return replace(asked, tags=tags, locks=tuple(name for name in ("x", "y") if rng.random() < 0.4))

    return _resources(rng, replace(scenario, licences=rng.choice([1.0, 2.0, 3.0])), change)


# --- the order of nodes ---


@of(0.15)
def orders(rng: Random, scenario: Scenario) -> Scenario:
    """Nodes come after others of which they read nothing."""
    names = [node.name for node in scenario.nodes]
    nodes = (
        replace(node, after=tuple(name for name in names[:at] if name not in node.reads and rng.random() < 0.3))
        for at, node in enumerate(scenario.nodes)
    )
    return replace(scenario, nodes=tuple(nodes))


# --- crowds ---


@of(0.05)
def crowds(rng: Random, scenario: Scenario) -> Scenario:
    """A call that small ones could pass for ever, which hold what it waits for; some of them hold nothing of it."""
    del scenario
    what = rng.choice(["memory", "devices", "licences"])
    count = rng.choice([90, 130])
    large, small = {
        "memory": (Resources(memory_gb=rng.choice([1.0, 4.0]), memory_step_gb=4.0), Resources(memory_gb=1.0)),
        "devices": (Resources(gpu=3), Resources(gpu=1)),
        "licences": (Resources(tags={LICENCE: 3.0}), Resources(tags={LICENCE: 1.0})),
    }[what]
    deadline_s = rng.choice([None, None, 0.35])
    nodes = (
        Draft("n0", makes=count),
        Draft("n1", over="n0", resources=small, takes_s=0.02),
        Draft("n2", reads=("n0",), priority=9, takes_s=0.03),
        Draft("n3", reads=("n2",), priority=5, resources=large, takes_s=0.03, policy=Policy(3, "none", deadline_s=deadline_s)),
        Draft("n4", reads=("n2",), over="n0", priority=-1, takes_s=0.02),
    )
    fates = tuple(Fate("n1", item, takes_s=rng.choice([0.0, 0.007, 0.013])) for item in range(count))
    return Scenario(
        nodes,
        slots=4,
        memory_gb=4.0,
        devices=(0.0, 0.0, 0.0),
        licences=3.0,
        on_failure="continue",
        fates=(*fates, Fate("n3", ending="transient")),
    )


@of(0.12)
def services(rng: Random, scenario: Scenario) -> Scenario:
    """Several nodes ask one service, which fails often: breakers, limiters, budgets and deadlines at once."""
    count = rng.choice([4, 8, 12])
    policy = Policy(
        max_attempts=rng.choice([2, 3, 4]),
        backoff=rng.choice(["none", "none", "linear"]),
        initial_s=0.02,
        never_on=rng.choice([(), (ValueError,)]),
        deadline_s=rng.choice([None, None, 0.15, 0.3]),
        breaker=Breaker("service", rng.choice([1, 2, 3]), rng.choice([0.03, 0.1])),
        limiter=rng.choice([None, None, Limiter("service", rng.choice([50.0, 300.0]), rng.choice([1, 3]))]),
        budget=rng.choice([None, None, Budget(rng.choice(["", "service"]), rng.choice([2, 6]))]),
    )
    readers = [
        Draft(f"n{at}", over="n0", skips=True, policy=policy, takes_s=rng.choice([0.0, 0.02, 0.04]), cached=rng.random() < 0.8)
        for at in (1, 2, 3)
    ]
    readers[2] = replace(readers[2], policy=replace(policy, deadline_s=None))
    chance = rng.choice([0.2, 0.4, 0.6])
    fates = tuple(
        Fate(node.name, item, attempt, rng.choice(["transient", "transient", "fatal"]), rng.choice([0.0, 0.0, 0.02, 0.2]))
        for node in readers
        for item in range(count)
        for attempt in range(1, 6)
        if rng.random() < chance
    )
    return replace(
        scenario,
        nodes=(Draft("n0", makes=count), *readers),
        slots=rng.choice([2, 3, 4]),
        on_failure="continue",
        retry_budget=rng.choice([None, None, 3, 8]),
        fates=fates,
    )


@of(0.06)
def stops(rng: Random, scenario: Scenario) -> Scenario:
    """An item fails while others of its node run, and calls of another node could start."""
    if is_rare(scenario):
        return scenario
    count = rng.choice([3, 4, 6])
    items = (
        Draft("n1", over="n0", priority=rng.choice([0, 0, 1]), takes_s=0.02),
        Draft("n2", over="n0", takes_s=rng.choice([0.0, 0.02])),
        Draft("n3", reads=("n0",)),
    )
    failing = rng.choice(items[:2]).name
    fates = (
        Fate(failing, 0, ending="fatal"),
        *(Fate(failing, item, takes_s=rng.choice([0.0, 0.1, 0.3])) for item in range(1, count)),
    )
    return Scenario(
        (Draft("n0", makes=count), *items),
        slots=rng.choice([2, 3, 4]),
        queue=rng.choice([0, 0, 2]),
        fates=fates,
        lives=scenario.lives[-1:],
    )
