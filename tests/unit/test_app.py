"""Where the parts are joined: what a run needs, what a resumption may do."""

import contextlib
import gc
import json

import pytest

from weftline import Pipeline, node
from weftline.app import verbs
from weftline.app.claims import claimed
from weftline.app.execute import opening_of, request_of
from weftline.app.home import Home, Request
from weftline.errors import (
    AmbiguousRunError,
    InvalidPipelineError,
    NotResumableError,
    RunBusyError,
    UnknownBackendError,
    UnknownNodeError,
    UnknownRunError,
)
from weftline.model.event import Kind
from weftline.settings import Settings
from weftline.store import holder
from weftline.store.sqlite import SqliteLedger
from weftline.testing import ManualClock, ScriptedBackend, fail


@node
def a(scale: int = 1) -> int:
    return scale


@node
def b(a: int, extra: int = 0) -> int:
    return a + extra


class Scripted(Home):
    """A home whose calls do what they are told."""

    def __init__(self, path):
        super().__init__(path, Settings(), ManualClock())
        self.scripted = ScriptedBackend(self.clock)

    def backend(self, request, graph, capture=None):
        return self.scripted


@pytest.fixture
def home(tmp_path):
    made = Scripted(tmp_path / "home")
    yield made
    made.close()


PIPELINE = Pipeline([a, b], name="test")


def failed(home, **fields):
    home.scripted.will("b", fail(ValueError("x")))
    result = verbs.run(PIPELINE, home, Request(**fields))
    assert result.status == "failed"
    return result


# --- run ---


def test_run_plans_and_runs(home):
    result = verbs.run(PIPELINE, home, Request(params={"scale": 3}))
    assert (result["b"], result.status) == (3, "completed")
    assert [found.run for found in home.ledger.runs()] == [result.run]


def test_a_run_is_named_by_its_time_and_never_twice(home):
    names = {verbs.run(PIPELINE, home, Request()).run for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("20270115T080000-") for name in names)


def test_an_invalid_request_starts_nothing_and_writes_nothing(home):
    with pytest.raises(InvalidPipelineError) as caught:
        verbs.run(PIPELINE, home, Request(params={"scal": 1}, targets=["c"], force=["d"]))
    assert sorted(found.code for found in caught.value.findings) == ["P301", "P304", "P305"]
    assert home.ledger.runs() == []
    assert home.scripted.started == []


def test_the_opening_of_a_journal_says_what_was_asked_for(home):
    verbs.run(PIPELINE, home, Request(params={"scale": 3, "extra": 1}, targets=["+b"], force=["a"], on_failure="continue"))
    opening = verbs.find_run("", home).opening
    expected = {"pipeline": "test", "params": {"scale": 3, "extra": 1}, "targets": ["+b"], "force": ["a"]}
    assert expected.items() <= opening.items()
    assert opening["on_failure"] == "continue"


def test_an_unknown_backend_is_told_with_what_may_be_meant():
    with pytest.raises(UnknownBackendError) as caught:
        Home(None, Settings()).backend(Request(backend="thread"), PIPELINE.graph)
    assert caught.value.hint == "did you mean 'threads'?"


def test_targets_may_be_given_as_one_word():
    """A string is a sequence of letters; nobody means that."""
    assert Pipeline([a, b], name="test").run(home=None, backend="inline", targets="b")["b"] == 1


def test_an_option_that_does_not_exist_is_refused():
    with pytest.raises(TypeError, match="retries"):
        PIPELINE.run(home=None, retries=3)


def test_why_of_an_unknown_node_says_what_may_be_meant(home):
    with pytest.raises(UnknownNodeError) as caught:
        verbs.why(Pipeline([a, b], name="test"), home, Request(), "bb")
    assert caught.value.hint is None or "'b'" in caught.value.hint


@pytest.mark.parametrize("value", [["eu", "us"], {"eu": [1, None]}, True])
def test_what_a_manifest_may_hold_is_kept_for_who_goes_on_with_the_run(value):
    made = verbs.plan(Pipeline([a], name="test"), Home(None, Settings()), Request(params={}))
    opening = json.loads(json.dumps(opening_of(made, Request(params={"regions": value}))))
    assert opening["repeatable"]
    assert request_of(opening).params == {"regions": value}


@pytest.mark.parametrize("value", [("eu", "us"), {1: 2}, [object()]])
def test_what_json_would_change_is_left_to_the_program(value):
    made = verbs.plan(Pipeline([a], name="test"), Home(None, Settings()), Request(params={}))
    assert not opening_of(made, Request(params={"regions": value}))["repeatable"]


# --- find ---


def test_a_run_is_found_by_the_beginning_of_its_id(home):
    first = verbs.run(PIPELINE, home, Request())
    home.clock.move(3600)
    second = verbs.run(PIPELINE, home, Request())
    assert verbs.find_run("", home).run == second.run
    assert verbs.find_run(first.run, home).run == first.run
    assert verbs.find_run(first.run[:14], home).run == first.run
    with pytest.raises(UnknownRunError):
        verbs.find_run("nothing", home)
    with pytest.raises(AmbiguousRunError) as caught:
        verbs.find_run(first.run[:8], home)
    assert first.run in caught.value.fix


def test_a_home_without_runs_has_none_to_find(home):
    with pytest.raises(UnknownRunError):
        verbs.find_run("", home)
    with pytest.raises(UnknownRunError):
        verbs.find_run("", Home(None, Settings()))


# --- resume ---


def test_a_failed_run_goes_on(home):
    first = failed(home)
    result = verbs.resume("", home, PIPELINE, Request())
    assert (result.run, result["b"], result.status) == (first.run, 1, "completed")
    assert [found.status for found in home.ledger.runs()] == ["completed"]


def test_a_complete_run_cannot_be_resumed(home):
    verbs.run(PIPELINE, home, Request())
    with pytest.raises(NotResumableError, match="it is complete"):
        verbs.resume("", home, PIPELINE, Request())


def test_a_run_of_a_program_is_resumed_by_the_program(home):
    failed(home)
    with pytest.raises(NotResumableError, match="started by a program") as caught:
        verbs.resume("", home)
    assert "pipeline.resume" in caught.value.fix


def test_a_run_that_another_living_process_works_on_is_left_alone(home):
    result = failed(home)
    other = "elsewhere:1:1"
    assert home.ledger.claim(result.run, other) is None
    with pytest.raises(RunBusyError, match="1 on elsewhere"):
        verbs.resume("", home, PIPELINE, Request())
    assert home.ledger.claim(result.run, other) is None  # it is still theirs


def test_a_run_is_free_again_however_it_ended(home):
    result = failed(home)
    assert home.ledger.claim(result.run, "another") is None
    home.ledger.release(result.run, "another")

    class Breaks:
        def tell(self, run, events):
            raise SystemExit

        def close(self):
            pass

    with pytest.raises(SystemExit):
        verbs.resume("", home, PIPELINE, Request(), [Breaks()])
    assert home.ledger.claim(result.run, "another") is None


def test_a_request_is_repeated_as_it_was(home, monkeypatch):
    """A run that is resumed by its id alone does what was asked for at first: forced nodes are forced still."""
    monkeypatch.setattr(verbs, "pipeline_of", lambda record, home: PIPELINE)
    monkeypatch.setattr(PIPELINE, "target", "flow.py", raising=False)
    monkeypatch.delitem(vars(PIPELINE), "graph", raising=False)
    verbs.run(PIPELINE, home, Request(params={"scale": 2}))
    home.clock.move(60)
    home.scripted.will("a", fail(ValueError("x")))
    verbs.run(PIPELINE, home, Request(params={"scale": 2}, force=["a", "b"], on_failure="continue"))
    home.scripted.started.clear()
    result = verbs.resume("", home)
    assert result.status == "completed"
    assert {name: step.status for name, step in result.steps.items()} == {"a": "succeeded", "b": "succeeded"}
    monkeypatch.delitem(vars(PIPELINE), "graph", raising=False)


# --- claims ---


def test_a_run_is_taken_over_only_from_the_dead_holder_that_was_seen(monkeypatch):
    """Two processes find the same dead holder at the same time; only one of them may go on with its run."""
    names = ["first"]
    monkeypatch.setattr(holder, "this_process", lambda: names[-1])
    ledger = SqliteLedger(":memory:")
    ledger.claim("r1", "dead")
    second = contextlib.ExitStack()

    def may_be_alive(found):
        if found == "dead" and names == ["first"]:  # while the first looks, the second takes the run over
            names.append("second")
            second.enter_context(claimed("r1", ledger))
            names.append("first")
        return found != "dead"

    monkeypatch.setattr(holder, "may_be_alive", may_be_alive)
    with second, pytest.raises(RunBusyError, match="second"), claimed("r1", ledger):
        raise AssertionError("two processes work on one run")
    ledger.close()


def test_a_run_that_another_process_completed_meanwhile_is_not_run_again(home, monkeypatch):
    """Between looking for the run and claiming it, the process that had it may have ended it."""
    failed(home)
    other = Scripted(home.path)
    before = verbs.newest_resumable

    def newest_resumable(where, pipeline):
        found = before(where, pipeline)
        monkeypatch.setattr(verbs, "newest_resumable", before)
        assert verbs.resume("", other, PIPELINE, Request()).ok
        return found

    monkeypatch.setattr(verbs, "newest_resumable", newest_resumable)
    with contextlib.suppress(NotResumableError):
        assert verbs.resume("", home, PIPELINE, Request()).ok
    events = list(home.ledger.events(verbs.find_run("", home).run))
    assert sum(1 for event in events if event.kind is Kind.RUN_FINISHED) == 2  # the failure, and the one completion
    other.close()


# --- sinks ---


def test_a_sink_that_fails_is_dropped_and_told(home):
    class Breaks:
        def tell(self, run, events):
            raise RuntimeError("no")

        def close(self):
            raise RuntimeError("no")

    with pytest.warns(RuntimeWarning, match="Breaks failed"):
        result = verbs.run(PIPELINE, home, Request(), [Breaks()])
    assert result.status == "completed"


def test_a_run_leaves_the_garbage_collector_as_it_was():
    """Also one that a program has given frozen objects: nobody knows whose they are."""

    @node
    def frozen_meanwhile() -> bool:
        return gc.get_freeze_count() > 0

    before = gc.get_freeze_count()
    result = Pipeline([frozen_meanwhile], name="gc").run(home=None)
    assert result["frozen_meanwhile"]
    assert gc.get_freeze_count() == before
    gc.freeze()
    try:
        own = gc.get_freeze_count()
        Pipeline([frozen_meanwhile], name="gc").run(home=None)
        assert gc.get_freeze_count() > own // 2  # some of them have ended their lives since
    finally:
        gc.unfreeze()
