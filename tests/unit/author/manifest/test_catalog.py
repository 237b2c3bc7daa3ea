"""Groups by name: from a folder whose files change, and from the registry."""

import pytest

from weftline import PipelineGroup, node
from weftline.author.manifest.catalog import Catalog
from weftline.author.registry import Registry
from weftline.errors import InvalidManifestError, NameTakenError, NotRegisteredError
from weftline.testing.clock import ManualClock


@node
def work(x: int = 1) -> int:
    return x


def text(name, *steps, kind="PipelineGroup", more=""):
    listed, what = ("pipelines", "pipeline") if kind == "PipelineGroup" else ("groups", "group")
    lines = "".join(f"    - {{name: s{at}, {what}: {step}}}\n" for at, step in enumerate(steps))
    return f"apiVersion: weftline.dev/v1\nkind: {kind}\nmetadata: {{name: {name}{more}}}\nspec:\n  {listed}:\n{lines}"


@pytest.fixture
def registry():
    found = Registry()
    found.pipelines.add("work", work)
    return found


@pytest.fixture
def clock():
    return ManualClock(0.0)


@pytest.fixture
def catalog(tmp_path, registry, clock):
    return Catalog(tmp_path, registry, clock)


def test_files_and_registrations_are_listed_with_where_each_comes_from(tmp_path, registry, catalog):
    (tmp_path / "a.yaml").write_text(text("load", "work", "work", more=", domain: sales, tags: [nightly]"))
    (tmp_path / "all.yml").write_text(text("all", "load", kind="Workflow"))
    registry.groups.add("code", PipelineGroup("code", domain="ops").add("s", "work"), tags=["weekly"])
    entries = {entry.name: entry for entry in catalog.entries()}
    assert list(entries) == ["all", "code", "load"]
    assert (entries["load"].origin, entries["load"].place, entries["load"].steps) == ("file", f"{tmp_path / 'a.yaml'}:3:18", 2)
    assert (entries["code"].origin, entries["code"].tags) == ("registered", ("weekly",))
    assert [entry.name for entry in catalog.entries(of="group")] == ["all"]
    assert [entry.name for entry in catalog.entries(domain="sales")] == ["load"]
    assert [entry.name for entry in catalog.entries(tag="weekly")] == ["code"]


def test_a_workflow_finds_groups_in_other_files_of_the_folder(tmp_path, catalog):
    (tmp_path / "a.yaml").write_text(text("load", "work"))
    (tmp_path / "b.yaml").write_text(text("unrelated", "work"))
    (tmp_path / "all.yaml").write_text(text("all", "load", kind="Workflow"))
    found = catalog.get("all")
    assert [made.name for made in found.graph.nodes] == ["s0/s0"]
    assert [each.file for each in found.topology.texts] == [str(tmp_path / "all.yaml"), str(tmp_path / "a.yaml")]


def test_so_do_workflows_of_workflows(tmp_path, catalog):
    (tmp_path / "a.yaml").write_text(text("load", "work"))
    (tmp_path / "all.yaml").write_text(text("all", "load", kind="Workflow"))
    (tmp_path / "more.yaml").write_text(text("more", "all", kind="Workflow"))
    assert [made.name for made in catalog.get("more").graph.nodes] == ["s0/s0/s0"]


def test_a_change_is_seen_within_a_second_and_what_was_given_out_stays(tmp_path, catalog, clock):
    file = tmp_path / "a.yaml"
    file.write_text(text("load", "work"))
    before = catalog.get("load")
    assert catalog.get("load") is before
    file.write_text(text("load", "work", "work"))
    clock.move(1.0)
    after = catalog.get("load")
    assert (len(before.graph.nodes), len(after.graph.nodes)) == (1, 2)
    (tmp_path / "b.yaml").write_text(text("new", "work"))
    clock.move(1.0)
    assert "new" in {entry.name for entry in catalog.entries()}


def test_an_invalid_file_keeps_what_it_was_and_says_so(tmp_path, catalog, clock):
    file = tmp_path / "a.yaml"
    file.write_text(text("load", "work"))
    before = catalog.get("load")
    file.write_text(text("load", "work").replace("spec", "spce"))
    clock.move(1.0)
    assert catalog.get("load") is before
    assert {finding.code for finding in catalog.findings()} >= {"M108"}
    file.write_text(text("load", "work", "work"))
    clock.move(1.0)
    assert len(catalog.get("load").graph.nodes) == 2
    assert catalog.findings() == []


def test_a_broken_file_stops_nobody_else_and_is_told_to_who_asks_for_it(tmp_path, catalog):
    (tmp_path / "a.yaml").write_text(text("load", "work"))
    (tmp_path / "b.yaml").write_text("kind: [")
    assert catalog.get("load").name == "load"
    with pytest.raises(InvalidManifestError):
        catalog.get("other")


def test_one_name_for_two_groups_is_an_error_that_names_both_places(tmp_path, registry, catalog):
    (tmp_path / "a.yaml").write_text(text("load", "work"))
    (tmp_path / "b.yaml").write_text(text("load", "work"))
    with pytest.raises(NameTakenError) as caught:
        catalog.get("load")
    told = f"{caught.value.place} {caught.value.fix}"
    assert str(tmp_path / "a.yaml") in told
    assert str(tmp_path / "b.yaml") in told
    (tmp_path / "b.yaml").unlink()
    registry.groups.add("load", PipelineGroup("load"))
    with pytest.raises(NameTakenError):
        Catalog(tmp_path, registry).get("load")
    assert [finding.code for finding in Catalog(tmp_path, registry).findings()] == ["G214"]


def test_what_has_no_name_lists_what_has_one(tmp_path, catalog):
    (tmp_path / "a.yaml").write_text(text("load", "work"))
    with pytest.raises(NotRegisteredError, match="load") as caught:
        catalog.get("laod")
    assert caught.value.hint == "did you mean 'load'?"


def test_no_folder_is_no_error(tmp_path, registry):
    assert Catalog(tmp_path / "none", registry).entries() == Catalog(None, registry).entries() == []
