"""Files that change while a run uses them: a result of nobody knows which content is not stored under the key of another."""

from pathlib import Path

import pytest

from weftline import node


@pytest.fixture
def source(tmp_path):
    """A file with `old`; in a folder, for those who want one."""
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "in.txt"
    file.write_text("old")
    return file


def flow(way, source):
    """A node that runs while somebody writes, and one that reads what was written."""

    @node
    def before() -> int:
        if source.read_text() == "old":
            source.write_text("another")
        return 1

    if way == "parameter":

        @node
        def text(before: int, path: Path = source) -> str:
            return path.read_text()

    elif way == "folder":

        @node
        def text(before: int, path: Path = source.parent) -> str:
            return (path / "in.txt").read_text()

    elif way == "depends":

        @node(depends=[source])
        def text(before: int) -> str:
            return source.read_text()

    else:

        @node
        def text(before: int, path: Path) -> str:
            return path.read_text()

    return [before, text]


@pytest.mark.parametrize("way", ["parameter", "folder", "depends", "given"])
@pytest.mark.parametrize("cached", [True, False], ids=["kept", "not kept"])
def test_a_file_that_changed_since_it_was_digested_fails_the_node(stage, source, way, cached):
    given = {"given": {"path": source}} if way == "given" else {}
    result = stage.run(flow(way, source), cached=cached, **given)
    if not cached:
        assert result["text"] == "another", "nothing is kept that could be wrong"
        return
    ((name, failure),) = result.failures
    assert (name, failure.kind) == ("text", "ChangedFileError")
    source.write_text("old")
    stage.cache.remove([held.entry.key for held in stage.cache.held() if held.entry.made_by.endswith("/before")])
    assert not stage.run(flow(way, source), **given).ok, "the same again: nothing was stored for the old content"
    assert stage.run(flow(way, source), **given)["text"] == "another", "now nobody writes any more"


def test_a_file_that_stays_as_it_is_is_no_failure(stage, source):
    source.write_text("still")
    assert stage.run(flow("parameter", source))["text"] == "still"
