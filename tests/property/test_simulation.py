"""Whole runs, simulated from seeds; and mistakes in the engine that the simulation must find.

A failing seed tells its story in the smallest form. `make simulate ARGS="--seeds 10000"` plays more.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.property.mutants.engine import MUTANTS

import weftline
from weftline.testing.simulation import World, draw, story
from weftline.testing.simulation.story import broken_by

SEEDS = int(os.environ.get("WEFTLINE_SEEDS", "1504"))
BLOCKS = 8
#: Seeds within which a mistake must be found.
MOST_SEEDS = 200
PACKAGE = Path(weftline.__file__).parent


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
