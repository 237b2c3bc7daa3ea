"""Names of nodes, pipelines and groups: giving them, asking for them, and two things that want the same one."""

from pathlib import Path

import pytest

import weftline
from weftline import Pipeline, PipelineGroup, node
from weftline.author.registry import Registry
from weftline.errors import NameTakenError, NotRegisteredError, Place


@node
def rows() -> int:
    return 1


@pytest.fixture
def clean():
    weftline.clear_registry()
    yield
    weftline.clear_registry()


@pytest.mark.usefixtures("clean")
def test_what_is_registered_can_be_had_listed_counted_and_forgotten():
    weftline.register_node("t.rows", rows, domain="sales", tags=["nightly"])
    weftline.register_pipeline("t.two", domain="sales")(lambda: Pipeline([rows], name="two"))
    weftline.register_group("t.all", PipelineGroup("t.all", domain="sales", tags=("weekly",)).add("a", "t.two"))
    assert weftline.get_node("t.rows").name == "rows"
    assert weftline.get_pipeline("t.two").name == "two"
    assert weftline.get_group("t.all").steps[0].runs == "t.two"
    assert (weftline.group_exists("t.all"), weftline.group_exists("t.none")) == (True, False)
    assert weftline.list_nodes(domain="sales", tag="nightly") == ["t.rows"]
    assert weftline.list_pipelines(domain="sales") == ["t.two"]
    assert weftline.list_groups(domain="sales") == weftline.list_groups(tag="weekly") == ["t.all"]
    assert weftline.list_groups(domain="other") == weftline.list_groups(tag="nightly") == []
    assert weftline.registry_stats() == {"nodes": 1, "pipelines": 1, "groups": 1}
    weftline.clear_nodes()
    assert weftline.registry_stats() == {"nodes": 0, "pipelines": 1, "groups": 1}
    weftline.clear_pipelines()
    weftline.clear_groups()
    assert weftline.registry_stats() == {"nodes": 0, "pipelines": 0, "groups": 0}
    with pytest.raises(NotRegisteredError):
        weftline.get_group("t.all")


@pytest.mark.usefixtures("clean")
def test_a_clash_names_both_places():
    weftline.register_group("t.all", PipelineGroup("t.all").add("a", "x"))
    with pytest.raises(NameTakenError) as caught:
        weftline.register_group("t.all", PipelineGroup("t.all").add("b", "x"))
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    said = 'weftline.register_group("t.all", PipelineGroup("t.all").add('
    first, second = [number for number, line in enumerate(lines, 1) if line.strip().startswith(said)]
    assert caught.value.place == Place(__file__, second)
    assert caught.value.fix == f"rename one of the two; the first is at {Place(__file__, first)}"


def test_the_same_thing_may_be_registered_again():
    known = Registry()
    known.nodes.add("rows", rows)
    known.nodes.add("rows", rows)
    assert len(known.nodes) == 1
