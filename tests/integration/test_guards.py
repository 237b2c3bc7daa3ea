"""Guards: how many runs of equal keys go on at the same time, among processes; and what becomes of one too many."""

import contextlib
import os
import signal

import pytest

from weftline import Pipeline, node
from weftline.app import verbs
from weftline.app.home import Home, Request
from weftline.author.compose import GroupPipeline
from weftline.author.group import PipelineGroup, workflow
from weftline.errors import BadArgumentError, GuardBusyError, GuardSkippedError, InvalidPipelineError
from weftline.model.guard import Guard
from weftline.store.holder import this_process


@node
def one(region: str = "eu") -> str:
    return region


def group(guard, name="sales", **defaults):
    return PipelineGroup(name, defaults={"region": "eu", **defaults}, guard=guard).add("one", Pipeline([one], name="one"))


def runnable(group):
    return GroupPipeline(group, lambda kind, name: None)


@pytest.fixture
def home(tmp_path):
    with contextlib.closing(Home(tmp_path / "home")) as opened:
        yield opened


@contextlib.contextmanager
def other(home, key, run="other"):
    """Another run that goes on behind a guard."""
    with contextlib.closing(Home(home.path)) as opened:
        opened.ledger.claim(run, this_process())
        assert not opened.journals.guards.enter(key, run, 1, at=1.0)
        yield
        opened.journals.guards.leave(run)
        opened.ledger.release(run, this_process())


def test_a_run_that_is_one_too_many_fails_and_says_for_whom(home):
    pipeline = runnable(group(Guard("{group}:{params.region}", on_busy="fail")))
    with other(home, "sales:eu"):
        with pytest.raises(GuardBusyError) as caught:
            verbs.run(pipeline, home, Request())
        assert "run other has the guard 'sales:eu'" in str(caught.value)
        assert verbs.run(pipeline, home, Request(params={"region": "us"})).status == "completed"
    (failed,) = (line for line in home.ledger.runs() if line.status == "failed")
    assert failed.pipeline == "sales"
    assert home.ledger.holder(failed.run) is None
    assert verbs.resume(failed.run, home, pipeline, Request()).status == "completed", "it can be gone on with"
    assert home.journals.guards.inside("sales:eu") == []


def test_one_that_is_skipped_tells_so_in_its_journal(home):
    pipeline = runnable(group(Guard(on_busy="skip")))
    with other(home, 'sales:{"region":"eu"}'), pytest.raises(GuardSkippedError):
        verbs.run(pipeline, home, Request())
    (line,) = home.ledger.runs()
    assert line.status == "cancelled"
    ending = list(home.ledger.events(line.run))[-1].body
    assert ending["guard"] == 'sales:{"region":"eu"}'


def test_the_guard_of_a_run_is_kept_for_its_resumption(home):
    request = Request(guard=Guard("mine", on_busy="fail"))
    pipeline = Pipeline([one], name="plain")
    with other(home, "mine"), pytest.raises(GuardBusyError):
        verbs.run(pipeline, home, request)
    (line,) = home.ledger.runs()
    opening = next(iter(home.ledger.events(line.run))).body
    from weftline.app.execute import request_of

    assert request_of(opening).guard == request.guard


def test_groups_in_a_workflow_hold_theirs_too(home):
    outer = workflow("all").add("inner", group(Guard("inner", on_busy="fail")))
    with other(home, "inner"), pytest.raises(GuardBusyError):
        verbs.run(runnable(outer), home, Request())
    assert verbs.run(runnable(outer), home, Request()).status == "completed"


def test_a_key_that_asks_for_what_is_not_there_is_told(home):
    with pytest.raises(InvalidPipelineError) as caught:
        verbs.run(runnable(group(Guard("{params.regoin}"))), home, Request())
    assert "did you mean 'region'" in str(caught.value)
    with pytest.raises(BadArgumentError) as told:
        verbs.run(Pipeline([one], name="plain"), home, Request(guard=Guard("{params.shop}")))
    assert "-p shop=" in str(told.value)


def test_a_dry_word_with_what_was_typed_is_the_same_key(home):
    """A number from the command line is text until it is bound; the key is that of the number."""
    from weftline.model.params import Text

    guard = Guard()
    assert guard.key_for("x", {"n": Text("3"), "is": Text("true")}) == guard.key_for("x", {"n": 3, "is": True})


WAITS = """
    import json, os, sys, time
    from pathlib import Path
    from weftline import Pipeline, node
    from weftline.app import verbs
    from weftline.app.home import Home, Request
    from weftline.model.guard import Guard

    MARKS = Path(os.environ["MARKS"])

    @node(cache=False)
    def work(name: str = "") -> float:
        (MARKS / f"began-{name}").write_text("x")
        began = time.time()
        until = time.monotonic() + 60
        while not (MARKS / f"end-{name}").exists() and time.monotonic() < until:
            time.sleep(0.002)
        (MARKS / f"ended-{name}").write_text(str(time.time()))
        return began

    pipeline = Pipeline([work], name="guarded")

    if __name__ == "__main__":
        name = sys.argv[1]
        home = Home(Path(os.environ["WEFTLINE_HOME"]))
        waits = lambda text: (MARKS / f"waits-{name}").write_text(text)
        result = verbs.run(pipeline, home, Request(params={"name": name}, guard=Guard("k")), waits=waits)
        print(json.dumps({"status": result.status, "began": result["work"]}))
        home.close()
"""


def test_one_waits_until_the_other_has_ended(program):
    made = program(WAITS)
    first = made.start("a")
    made.mark("began-a")
    second = made.start("b")
    assert "waits for run " in made.mark("waits-b")
    assert not (made.marks / "began-b").exists()
    (made.marks / "end-b").write_text("x")
    (made.marks / "end-a").write_text("x")
    told = made.told(second)
    assert told["status"] == "completed"
    assert told["began"] >= float(made.mark("ended-a"))
    made.told(first)


def test_one_that_is_killed_holds_nobody_off(program):
    made = program(WAITS)
    first = made.start("a")
    made.mark("began-a")
    second = made.start("b")
    made.mark("waits-b")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    (made.marks / "end-b").write_text("x")
    assert made.told(second)["status"] == "completed"
