"""The simulator itself: its rules can be broken, what fails is made smaller, and told so that it can be seen again."""

import dataclasses

import pytest

from weftline.model.event import Event, Kind
from weftline.model.gate import Clause, Gate
from weftline.model.ids import WHOLE
from weftline.model.policy import Breaker, Budget, Limiter, Policy
from weftline.model.resources import Device, Resources
from weftline.model.transitions import RunStatus
from weftline.testing.simulation import RULES, Draft, Fate, Incident, Life, RuleBrokenError, Scenario, World, draw, rule, story
from weftline.testing.simulation.__main__ import main
from weftline.testing.simulation.endings import End
from weftline.testing.simulation.process import Process
from weftline.testing.simulation.rules import Storing, check, sentences
from weftline.testing.simulation.scenario import FieldDraft, Word
from weftline.testing.simulation.shrink import shrink, simpler
from weftline.testing.simulation.story import broken_by, written

CHAIN = Scenario((Draft("a"), Draft("b", reads=("a",))))


@pytest.fixture
def no_second_node():
    """A rule that many seeds break."""

    @rule("submit")
    def broken(account, call):
        """No call of n1 starts."""
        return "it does" if call.node.name == "n1" else None

    yield broken
    RULES["submit"].remove(broken)


def test_every_rule_has_a_sentence_of_its_own():
    found = list(sentences())
    assert len(found) == len(set(found)) > 25
    assert all(sentence.endswith(".") for sentence in found)


# --- scenarios ---


def test_what_reads_a_node_that_is_not_there_reads_less():
    assert World(Scenario((Draft("b", reads=("a",), over="a"),))).play() == 1


def test_a_crash_is_followed_by_a_process_that_resumes():
    lines = []
    life = Life((Incident("crash", "after submit"),))
    assert World(Scenario(CHAIN.nodes, lives=(life,)), lines.append).play() == 2
    told = "\n".join(lines)
    assert "process 1 starts run" in told
    assert "process 2 resumes run" in told
    assert "AttemptStarted a #2" in told


def test_what_was_stored_earlier_is_taken():
    lines = []
    World(dataclasses.replace(CHAIN, stored=("a",)), lines.append).play()
    assert any("process 2 starts run: <plan simulated: 1 CACHED, 1 RUN>" in line for line in lines)


def test_a_lost_report_is_a_dead_worker_and_then_too_late():
    lines = []
    nodes = (Draft("a", policy=Policy(max_attempts=2)),)
    World(Scenario(nodes, fates=(Fate("a", ending="lost", again_s=0.0),)), lines.append).play()
    told = [line.split("told of ")[1] for line in lines if "told of" in line]
    assert told == ["a #1: WorkerDiedError", "a #1: it succeeded", "a #2: it succeeded"]


def test_a_full_store_is_a_failure():
    lines = []
    World(dataclasses.replace(CHAIN, lives=(Life((Incident("full", "before store"),)),)), lines.append).play()
    assert any("CallFailed a #1" in line for line in lines)


# --- gates, and others who set fields ---

WAITING = Scenario((Draft("a"), Draft("b", reads=("a",), gate="editor")), gates=(Gate("editor"),))


def told(scenario):
    lines = []
    World(scenario, lines.append).play()
    return [line[10:].strip() for line in lines]


def test_a_run_that_nobody_approves_is_blocked():
    assert told(WAITING)[-1] == "the run is blocked"


def test_what_others_say_between_two_lives_opens_a_gate():
    word = Word("gate.editor", "approved", life=1)
    found = told(dataclasses.replace(WAITING, lives=(Life(), Life()), words=(word,)))
    assert found.index("the run is blocked") < found.index("others say gate.editor = 'approved'")
    assert found[-1] == "the run is completed"


def test_what_others_say_when_a_node_has_ended_opens_a_gate_at_the_last_look():
    found = told(dataclasses.replace(WAITING, words=(Word("gate.editor", "approved", after="a"),)))
    assert found[-1] == "the run is completed"
    assert not any("process 2" in line for line in found)


def test_a_gate_times_out_while_nobody_works():
    gate = Gate("editor", timeout_s=1.0)
    scenario = dataclasses.replace(WAITING, gates=(gate,), lives=(Life(), Life(after_s=0.5), Life(after_s=0.6)))
    ends = [line for line in told(scenario) if line.startswith("the run is")]
    assert ends == ["the run is blocked", "the run is blocked", "the run is failed"]


def test_what_a_node_makes_becomes_a_field():
    gate = Gate("editor", (Clause("made", "exists"),))
    scenario = dataclasses.replace(WAITING, gates=(gate,), fields=(FieldDraft("made", str, key="a"),))
    assert told(scenario)[-1] == "the run is completed"


def test_a_gate_that_is_not_there_is_none():
    assert told(dataclasses.replace(WAITING, gates=()))[-1] == "the run is completed"


def test_a_run_may_not_end_at_a_gate_that_is_open():
    world = World(WAITING)
    account = Process(world, "run", Life()).account
    account.gating.memory.reached["editor"] = (account.now, {})
    event = Event(Kind.NODE_FINISHED, account.now, "b", body={"state": "blocked", "why": "", "gate": "editor"})
    check("record", account, event)
    world.hear(Word("gate.editor", "approved"))
    account.gating.note_done()
    with pytest.raises(RuleBrokenError, match="nobody has looked since it is open"):
        check("record", account, event)
    account.gating.note_read()
    with pytest.raises(RuleBrokenError, match="waits at editor, which is open"):
        check("record", account, event)


def test_nothing_may_begin_at_a_closed_gate():
    process = Process(World(WAITING), "run", Life())
    with pytest.raises(RuleBrokenError, match="No node begins whose gate has not opened"):
        check("record", process.account, Event(Kind.ATTEMPT_STARTED, 0.0, "b", attempt=1))


# --- rules that nothing else has broken ---


def test_a_call_that_is_left_in_the_backend_is_found():
    world = World(CHAIN)
    process = Process(world, "run", Life())
    process.work(())
    end = End(process._engine, RunStatus.COMPLETED, process.backend, list(world.ledger.events("run")), frozenset())
    check("end", process.account, end)
    process.account.nodes[0].running[WHOLE] = 1
    with pytest.raises(RuleBrokenError, match="no call of it waits or runs"):
        check("end", process.account, end)


def test_a_result_that_comes_too_late_may_not_be_stored():
    process = Process(World(CHAIN), "run", Life())
    entry = dataclasses.make_dataclass("Entry", ["key", "made_by"])(b"k", "run/a")
    with pytest.raises(RuleBrokenError, match="run/a"):
        check("store", process.account, Storing([entry], set()))


# --- shrinking and telling ---


def test_only_what_a_failure_needs_is_left():
    def fails(scenario):
        fates = [fate for fate in scenario.fates if fate.ending == "lost" and fate.attempt > 1]
        return bool(fates) and any(node.skips for node in scenario.nodes)

    seed = next(seed for seed in range(1000) if fails(draw(seed)))
    scenario = shrink(draw(seed), fails)
    assert len(scenario.nodes) == len(scenario.fates) == 1
    assert scenario.lives == scenario.stored == ()
    assert scenario.fates[0] == Fate(scenario.fates[0].node, attempt=2, ending="lost")
    assert scenario.nodes[0] == Draft(scenario.nodes[0].name, skips=True)


def test_nothing_is_tried_that_cannot_be():
    assert all(policy.max_attempts >= 1 for policy in simpler(Policy(max_attempts=3)))
    assert list(simpler(Scenario((Draft("a"),)))) == [Scenario(())]


def test_a_story_tells_the_smallest_scenario_and_how_to_see_it_again(no_second_node):
    seed = next(seed for seed in range(100) if (broken := broken_by(draw(seed))) and broken.sentence == "No call of n1 starts.")
    told = story(seed)
    assert "Scenario((\n    Draft('n1'),\n))" in told
    assert "submits n1 #1" in told
    assert "the rule:  No call of n1 starts." in told
    assert f"python -m weftline.testing.simulation --seed {seed}" in told
    assert story(seed) == told


def test_a_scenario_is_written_as_what_makes_it():
    scenario = draw(next(seed for seed in range(1000) if draw(seed).gates and draw(seed).words))
    parts = (
        Scenario,
        Draft,
        Fate,
        Life,
        Incident,
        Gate,
        Clause,
        FieldDraft,
        Word,
        Policy,
        Breaker,
        Limiter,
        Budget,
        Resources,
        Device,
        OSError,
        ValueError,
    )
    names = {kind.__name__: kind for kind in parts}
    assert eval(written(scenario), names) == scenario


def test_the_command_tells_how_many_keep_the_rules(capsys):
    assert main(["--seeds", "3"]) == 0
    assert capsys.readouterr().out.startswith("3 seeds keep all rules: ")
    assert main(["--seed", "1"]) == 0
    assert "seed 1 keeps all rules" in capsys.readouterr().out


def test_the_command_tells_the_first_seed_that_does_not(no_second_node, capsys):
    assert main(["--seeds", "50", "--quick"]) == 1
    assert "breaks the rule: No call of n1 starts. it does" in capsys.readouterr().out
    seed = next(seed for seed in range(100) if broken_by(draw(seed)))
    assert main(["--seed", str(seed)]) == 1
    assert main(["--from", str(seed), "--seeds", "1"]) == 1
    assert "the rule:" in capsys.readouterr().out
