"""Whole runs, simulated from seeds; and mistakes in the engine that the simulation must find.

A failing seed tells its story in the smallest form. `make simulate ARGS="--seeds 10000"` plays more.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.property.mutants.engine import MUTANTS as ENGINE_MUTANTS
from tests.property.mutants.gates import GATE_MUTANTS
from tests.property.mutants.losses import LOSS_MUTANTS
from tests.property.mutants.sharing import SHARING_MUTANTS

import weftline
from weftline.model.event import Kind
from weftline.model.run import RunRecord
from weftline.model.transitions import RunStatus
from weftline.store.sqlite import SqliteLedger
from weftline.testing.simulation import World, draw, story
from weftline.testing.simulation.scenario import FIELD_MOMENTS, MOMENTS
from weftline.testing.simulation.story import broken_by

SEEDS = int(os.environ.get("WEFTLINE_SEEDS", "1504"))
BLOCKS = 8
SHARED = (Kind.BREAKER_OPENED, Kind.BREAKER_CLOSED, Kind.DEADLINE_PASSED, Kind.ATTEMPT_OVERDUE)
#: Seeds within which a mistake must be found.
MOST_SEEDS = 200
PACKAGE = Path(weftline.__file__).parent
MUTANTS = [*ENGINE_MUTANTS, *SHARING_MUTANTS, *GATE_MUTANTS, *LOSS_MUTANTS]


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
    assert {found.moment for found in incidents if found.what == "crash"} >= {*MOMENTS}
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


def test_waiting_records_matter():
    """Records wait in many runs, and some die with a process; else the rules would be kept by runs that know none."""
    waited, died = 0, 0
    for seed in range(MOST_SEEDS):
        story: list[str] = []
        World(draw(seed), story.append).play()
        waited += any(line.endswith("records wait") for line in story)
        died += any("dies, and" in line and "and 0 records" not in line for line in story)
    assert waited > MOST_SEEDS / 10
    assert died > MOST_SEEDS / 100


def test_everything_about_gates_is_drawn():
    scenarios = [draw(seed) for seed in range(MOST_SEEDS)]
    gates = [gate for scenario in scenarios for gate in scenario.gates]
    words = [word for scenario in scenarios for word in scenario.words]
    assert {len(gate.clauses) for gate in gates} == {0, 1, 2, 3}
    assert {gate.match for gate in gates} == {"all", "any"}
    assert {clause.operator for gate in gates for clause in gate.clauses} > {"equals", "exists", "not_exists", "changed", "in"}
    assert {gate.timeout_s is None for gate in gates} == {True, False}
    assert {bool(word.moment) for word in words} == {bool(word.after) for word in words} == {True, False}
    assert {word.value for word in words} > {"approved", "rejected", None, True, "chunk"}
    assert {bool(node.gate) for scenario in scenarios if scenario.gates for node in scenario.nodes} == {True, False}
    more = [draw(seed) for seed in range(2 * MOST_SEEDS)]
    crashes = {
        found.moment for scenario in more for life in scenario.lives for found in life.incidents if found.what == "crash"
    }
    assert crashes == {*MOMENTS, *FIELD_MOMENTS}
    assert {bool(life.after_s) for scenario in scenarios for life in scenario.lives} == {True, False}


def test_gates_and_losses_matter():
    """Runs come to gates and wait there; what waits goes through, is rejected, or waits too long; some outputs are lost."""
    told = Counter()
    for seed in range(MOST_SEEDS):
        world = World(draw(seed))
        world.play()
        for event in world.ledger.events("run"):
            told[event.kind, (event.body or {}).get("error") or (event.body or {}).get("status")] += 1
    reached, opened = told[Kind.GATE_REACHED, None], told[Kind.GATE_OPENED, None]
    blocked, lost = told[Kind.RUN_FINISHED, "blocked"], told[Kind.OUTPUT_LOST, None]
    refused, late = told[Kind.CALL_FAILED, "GateRejected"], told[Kind.CALL_FAILED, "GateTimedOut"]
    assert min(reached, opened, blocked) > 20, (reached, opened, blocked)
    assert min(refused, late, lost) > 4, (refused, late, lost)


@pytest.mark.parametrize("block", range(2))
def test_those_wait_of_which_the_journal_says_so(block):
    """In a real ledger, after every record: runs that came to a gate, and have not ended otherwise."""
    for seed in range(block, MOST_SEEDS, 2):
        scenario = draw(seed)
        if not scenario.gates:
            continue
        world = World(scenario)
        world.play()
        told = list(world.ledger.events("run"))
        with contextlib.closing(SqliteLedger(":memory:")) as ledger:
            record = RunRecord("run")
            for event in told:
                ledger.append("run", [event])
                record.take(event)
                is_waiting = record.status in {RunStatus.RUNNING, RunStatus.BLOCKED}
                wanted = {gate: at for gate, (at, _) in record.reached.items()} if is_waiting else {}
                assert {wait.gate: wait.at for wait in ledger.waits()} == wanted, (seed, event)


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
