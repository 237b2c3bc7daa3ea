from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from weftline import Pipeline, Resources, node
from weftline.app import verbs
from weftline.app.execute import execute
from weftline.app.home import Home, Request
from weftline.app.places import Place, open_backend
from weftline.backends.executor import ExecutorBackend
from weftline.backends.inline import InlineBackend
from weftline.backends.threads import ThreadBackend
from weftline.errors import BadArgumentError, MissingExtraError, NotResumableError, UnknownBackendError
from weftline.model.environment import Environment
from weftline.model.graph import Grouped
from weftline.model.resources import Device
from weftline.plan import planner
from weftline.ports import plugins
from weftline.ports.backend import Backend
from weftline.settings import Settings

MADE = """
from weftline.backends.inline import InlineBackend

ASKED = []

class Cluster(InlineBackend):
    name = "something else"

def cluster(workers):
    ASKED.append(workers)
    return Cluster(workers or 7)

def text(workers):
    return "no backend"
"""
POINTS = """
[weftline.backends]
cluster = lab_backends:cluster
text = lab_backends:text
absent = lab_backends_absent:cluster
threads = lab_backends:text
"""


FLOW = """
from weftline import Pipeline, Resources, node

@node
def a(fail: bool = False) -> int:
    return 1 // (not fail)

pipeline = Pipeline([a])
"""


@node
def a() -> int:
    return 1


@node
def b(a: int, fail: bool = False) -> int:
    if fail:
        raise ValueError("as asked")
    return a + 1


PIPELINE = Pipeline([a, b], name="test")


@pytest.fixture
def offered(tmp_path, monkeypatch):
    """A package that offers backends is installed."""
    (tmp_path / "lab_backends.py").write_text(MADE)
    info = tmp_path / "lab_backends-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-backends\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    plugins._installed.cache_clear()
    import lab_backends

    yield lab_backends
    plugins._installed.cache_clear()


def backend(known=None, **asked):
    return Home(None, known or Settings()).backend(Request(**asked), PIPELINE.graph)


def test_a_package_offers_a_backend_by_name(offered):
    assert backend(backend="cluster", workers=3).capabilities.slots == 3
    assert backend(Settings(workers=5), backend="cluster").capabilities.slots == 5
    assert backend(Settings(backend="cluster")).capabilities.slots == 7, "it knows best how many it has"
    result = PIPELINE.run(home=None, backend="cluster")
    assert (result["b"], result.plan.backend) == (2, "cluster"), "called by the name that finds it again"


def test_the_journal_has_the_name_that_finds_the_backend_again(offered, tmp_path):
    home = Home(tmp_path / "home")
    failed = verbs.run(PIPELINE, home, Request(backend="cluster", params={"fail": True}))
    assert failed.status == "failed"
    assert verbs.find_run("", home).opening["backend"] == "cluster"
    home.close()


def test_a_name_that_is_mistyped_lists_what_there_is(offered):
    with pytest.raises(UnknownBackendError) as caught:
        backend(backend="clutser")
    assert caught.value.hint == "did you mean 'cluster'?"
    addresses = "interpreter:FILE, http://HOST:PORT"
    assert caught.value.known == f"inline, threads, processes, {addresses}, absent, cluster, text"


def test_an_offer_does_not_take_the_place_of_what_is_built_in(offered):
    assert isinstance(backend(backend="threads"), ThreadBackend)


def test_what_an_offer_needs_is_said(offered):
    with pytest.raises(MissingExtraError, match="absent"):
        backend(backend="absent")


def test_an_offer_that_is_no_backend_is_refused(offered):
    with pytest.raises(BadArgumentError, match="lab_backends:text made a str"):
        backend(backend="text")


def test_an_object_is_a_backend(tmp_path):
    mine = InlineBackend(2)
    assert backend(backend=mine) is mine
    assert backend(Settings(workers=9), backend=mine) is mine
    result = PIPELINE.run(home=tmp_path, backend=mine)
    assert (result["b"], result.plan.backend) == (2, "inline")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (ThreadPoolExecutor(1), "a ThreadPoolExecutor is neither a name nor a backend"),
        (ThreadBackend, "ThreadBackend is neither"),
        (3, "a int is neither"),
    ],
)
def test_what_is_no_backend_is_refused_with_what_to_write(given, told):
    with pytest.raises(BadArgumentError) as caught:
        PIPELINE.plan(home=None, backend=given)
    assert told in caught.value.message
    assert "ExecutorBackend(executor, slots=8)" in caught.value.fix


def test_an_object_says_itself_how_many_calls_run_at_once():
    for asked in ({"workers": 3}, {"gpus": "0"}, {"resources": {"licence": 1}}):
        with pytest.raises(BadArgumentError, match="says itself what it has"):
            PIPELINE.plan(home=None, backend=InlineBackend(2), **asked)


@node(resources=Resources(tags={"licence": 1}))
def licensed() -> int:
    return 1


def test_an_executor_has_what_it_is_told_to_have():
    for resources, findings in (({"licence": 2}, 0), ({}, 1)):
        backend = ExecutorBackend(factory=lambda: ThreadPoolExecutor(2), slots=2, ships=False, resources=resources)
        request = Request(backend=backend)
        assert len(verbs.check(Pipeline([licensed]), Home(None, Settings()), request).errors) == findings


@pytest.mark.parametrize(
    "made",
    [
        lambda: ThreadBackend(2),
        lambda: InlineBackend(2),
        lambda: ExecutorBackend(factory=lambda: ThreadPoolExecutor(2), slots=2, ships=False),
    ],
)
def test_an_object_is_used_for_several_runs(made):
    mine = made()
    for _ in range(3):
        assert PIPELINE.run(home=None, backend=mine)["b"] == 2


def test_a_run_on_an_object_is_resumed_by_the_program_that_has_it(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    pipeline = Pipeline.load(str(tmp_path / "flow.py"))
    mine = ThreadBackend(2)
    failed = pipeline.run(home=tmp_path / "home", backend=mine, params={"fail": True})
    assert failed.status == "failed"
    home = Home(tmp_path / "home")
    with pytest.raises(NotResumableError, match="by a program"):
        verbs.resume(failed.run, home)
    home.close()
    assert pipeline.resume(home=tmp_path / "home", backend=mine, params={"fail": False}).status == "completed"


def test_no_file_holds_a_plan_for_an_object(tmp_path):
    plan = PIPELINE.plan(home=None, backend=InlineBackend(2))
    with pytest.raises(BadArgumentError, match="no file can hold a backend"):
        plan.save(tmp_path / "plan.json")
    assert not (tmp_path / "plan.json").exists()


def test_what_a_group_shares_is_shared_on_an_object_too():
    graph = replace(PIPELINE.graph, group=Grouped({}, shared={"writer": 1.0}))
    mine = ExecutorBackend(factory=lambda: ThreadPoolExecutor(2), slots=2, ships=False, resources={"licence": 2})
    lent = Home(None, Settings()).backend(Request(backend=mine), graph)
    assert isinstance(lent, Backend)
    assert (lent.name, lent.capabilities.named) == ("executor", {"licence": 2, "writer": 1.0})
    assert (lent.capabilities.slots, lent.capabilities.ships) == (2, False)
    assert mine.capabilities.named == {"licence": 2}, "the next run may be of another group"


def test_runs_of_a_group_leave_nothing_on_an_object():
    graph = replace(PIPELINE.graph, group=Grouped({}, shared={"writer": 1.0}))
    mine = ThreadBackend(2)
    before = mine.capabilities
    home = Home(None, Settings())
    request = Request(backend=mine)
    made = planner.make(graph, home.wish(request, graph), None, None, home.values)
    assert made.graph.group is graph.group
    result = execute(made, "run-1", home, request, (), None, echo=False)
    assert (result["b"], result.plan.backend) == (2, "threads")
    assert mine.capabilities is before


class Closes(InlineBackend):
    """Counts how often it was closed."""

    closed = 0

    def close(self):
        Closes.closed += 1
        super().close()


def test_a_plan_closes_what_it_has_opened_to_ask_and_never_an_object(offered, monkeypatch):
    monkeypatch.setattr(offered, "Cluster", Closes)
    monkeypatch.setattr(Closes, "closed", 0)
    PIPELINE.plan(home=None, backend="cluster")
    assert Closes.closed == 1
    PIPELINE.plan(home=None, backend=Closes(2))
    assert Closes.closed == 1


def test_an_environment_is_called_by_its_address():
    declared = Environment(("numpy<2",), "3.12")
    for asked in (declared, declared.address):
        found = open_backend(asked, Place(Path(), workers=3))
        assert (found.name, found.capabilities.environment) == (declared.address, str(declared))
        assert found.capabilities.slots == 3


@pytest.mark.parametrize(
    ("name", "hint"), [("processs", "'processes'"), ("thread:", "'threads'"), ("interpretr:FILE", "'interp")]
)
def test_a_name_is_no_scheme_and_a_scheme_no_name(name, hint):
    with pytest.raises(UnknownBackendError) as caught:
        backend(backend=name)
    assert hint in caught.value.hint
    assert "interpreter:FILE" in caught.value.known


class Devices(InlineBackend):
    """Sets variables, and knows some of its GPUs by itself, if any."""

    def __init__(self, **able):
        super().__init__(2)
        self.capabilities = replace(self.capabilities, named={"licence": 1, "desk": 1}, **able)


@node(resources=Resources(gpu=1))
def trained() -> int:
    return 1


@pytest.mark.parametrize(
    ("able", "expected"),
    [
        ({"sets_env": True}, ["0", "1"]),
        ({"sets_env": False}, []),
        ({"sets_env": True, "is_remote": True}, []),
    ],
)
def test_gpus_of_this_machine_are_for_calls_of_this_machine(offered, monkeypatch, able, expected):
    monkeypatch.setattr(offered, "Cluster", lambda slots: Devices(**able))
    graph = replace(Pipeline([trained]).graph, group=Grouped({}, shared={"writer": 1.0}))
    found = Home(None, Settings()).backend(Request(backend="cluster", gpus="0,1", resources={"licence": 2}), graph)
    assert [device.id for device in found.capabilities.devices] == expected
    assert found.capabilities.named == {"desk": 1, "writer": 1.0, "licence": 2}


@pytest.mark.parametrize("able", [{"is_remote": True}, {}])
def test_gpus_that_a_backend_knows_itself_are_named_by_nobody_else(offered, monkeypatch, able):
    made = Devices(sets_env=True, devices=(Device("7", 8.0),), **able)
    monkeypatch.setattr(offered, "Cluster", lambda slots: made)
    graph = Pipeline([trained]).graph
    with pytest.raises(BadArgumentError, match="knows its own"):
        Home(None, Settings()).backend(Request(backend="cluster", gpus="0,1"), graph)
    found = Home(None, Settings()).backend(Request(backend="cluster"), graph)
    assert [device.id for device in found.capabilities.devices] == ["7"]
