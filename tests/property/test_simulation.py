"""Whole runs, simulated from seeds; and mistakes in the engine that the simulation must find.

A failing seed tells its story in the smallest form. `make simulate ARGS="--seeds 10000"` plays more.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.property.mutants.engine import MUTANTS as ENGINE_MUTANTS
from tests.property.mutants.sharing import SHARING_MUTANTS

import weftline
from weftline.model.event import Kind
from weftline.testing.simulation import World, draw, story
from weftline.testing.simulation.story import broken_by

SEEDS = int(os.environ.get("WEFTLINE_SEEDS", "1504"))
BLOCKS = 8
SHARED = (Kind.BREAKER_OPENED, Kind.BREAKER_CLOSED, Kind.DEADLINE_PASSED, Kind.ATTEMPT_OVERDUE)
#: Seeds within which a mistake must be found.
MOST_SEEDS = 200
PACKAGE = Path(weftline.__file__).parent
MUTANTS = [*ENGINE_MUTANTS, *SHARING_MUTANTS]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_all_rules_are_kept(block):
    for seed in range(block, SEEDS, BLOCKS):
        if broken_by(draw(seed)) is not None:
            raise AssertionError(story(seed))


def test_a_seed_decides_everything():
    for seed in range(40):
        first, second = [], []
        World(draw(seed), first.append).play()
        World(draw(seed), second.append).play()
        assert first == second
        assert first


def test_every_kind_of_trouble_is_drawn():
    scenarios = [draw(seed) for seed in range(MOST_SEEDS)]
    nodes = [node for scenario in scenarios for node in scenario.nodes]
    incidents = [found for scenario in scenarios for life in scenario.lives for found in life.incidents]
    assert {found.what for found in incidents} == {"crash", "cancel", "kill", "full"}
    assert len({found.moment for found in incidents if found.what == "crash"}) == 9
    endings = {fate.ending for scenario in scenarios for fate in scenario.fates}
    assert endings == {"succeeds", "transient", "fatal", "lost", "interrupted"}
    assert {scenario.on_failure for scenario in scenarios} == {"stop", "continue"}
    assert {node.policy.backoff for node in nodes} == {"none", "linear", "exponential"}
    assert {node.skips for node in nodes if node.over} == {True, False}
    assert {node.cached for node in nodes} == {scenario.can_kill for scenario in scenarios} == {True, False}
    assert max(len(scenario.lives) for scenario in scenarios) >= 5
    assert max(len(scenario.nodes) for scenario in scenarios) == 12


def test_everything_that_calls_share_is_drawn():
    scenarios = [draw(seed) for seed in range(MOST_SEEDS)]
    nodes = [node for scenario in scenarios for node in scenario.nodes]
    policies = [node.policy for node in nodes]
    assert {policy.breaker.name for policy in policies if policy.breaker} > {"", "a", "b"}
    assert {policy.limiter.burst for policy in policies if policy.limiter} > {1, 2}
    assert {policy.budget.name for policy in policies if policy.budget} > {"", "a", "b"}
    assert (
        {policy.deadline_s is None for policy in policies}
        == {policy.soft_timeout_s is None for policy in policies}
        == {True, False}
    )
    assert {scenario.deadline_s is None for scenario in scenarios} == {True, False}
    assert {scenario.retry_budget for scenario in scenarios} > {None, 1, 2}
    assert {node.resources.gpu for node in nodes} > {0, 0.1, 0.5, 1.0, 2.0}
    assert {node.resources.memory_step_gb for node in nodes} > {0.0, 0.5, 3.0}
    assert {node.resources.locks for node in nodes} == {(), ("x",), ("y",), ("x", "y")}
    assert {bool(node.resources.tags) for node in nodes} == {bool(node.after) for node in nodes} == {True, False}


def test_what_is_shared_matters():
    """Breakers open, budgets are spent and deadlines pass; else the rules about them would be kept by runs that know none."""
    kinds, spent = Counter(), set()
    for seed in range(MOST_SEEDS):
        world = World(draw(seed))
        world.play()
        for event in (event for journal in world.ledger.journals.values() for event in journal):
            kinds[event.kind] += 1
            spent.add((event.body or {}).get("spent_budget"))
    seldom = {kind: kinds[kind] for kind in SHARED if kinds[kind] < 10}
    assert not seldom
    assert spent == {None, "of the node", "of the run", "a", "b", "service"}


# --- mistakes ---


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mistake_is_still_possible(mutant):
    text = (PACKAGE / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1, "the code has changed: say where the mistake would be made now"
    assert mutant.old != mutant.new


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mistake_is_found(mutant, tmp_path):
    copied = shutil.copytree(PACKAGE, tmp_path / "weftline")
    file = copied / mutant.file
    file.write_text(file.read_text(encoding="utf-8").replace(mutant.old, mutant.new), encoding="utf-8")
    command = [sys.executable, "-m", "weftline.testing.simulation", "--quick", "--seeds", str(MOST_SEEDS)]
    found = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=120, check=False
    )
    assert found.returncode == 1, found.stdout + found.stderr
    assert "breaks the rule" in found.stdout, found.stdout + found.stderr
