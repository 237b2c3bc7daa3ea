"""What calls print and log, one file for each attempt."""

import pytest

from weftline.model.ids import WHOLE
from weftline.observe.log import LogFolder


@pytest.fixture
def logs(tmp_path):
    return LogFolder(tmp_path / "logs")


def test_what_was_kept_is_found(logs):
    logs.keep("r1", "train", WHOLE, 1, "whole\n")
    logs.keep("r1", "train", 12, 3, "item ✂\n")
    logs.keep("r2", "train", WHOLE, 1, "other run\n")
    found = list(logs.names("r1"))
    assert [(name.node, name.item, name.attempt) for name in found] == [("train", WHOLE, 1), ("train", 12, 3)]
    assert [name.path.read_text(encoding="utf-8") for name in found] == ["whole\n", "item ✂\n"]
    assert list(logs.names("unknown")) == []


def test_names_are_in_order_of_items_and_attempts(logs):
    for item, attempt in ((10, 1), (2, 2), (2, 1), (9, 1)):
        logs.keep("r1", "embed", item, attempt, "x")
    assert [(name.item, name.attempt) for name in logs.names("r1")] == [(2, 1), (2, 2), (9, 1), (10, 1)]


def test_one_node_or_one_item_may_be_asked_for(logs):
    for node, item in (("a", 0), ("a", 1), ("b", 1)):
        logs.keep("r1", node, item, 1, "x")
    assert [(name.node, name.item) for name in logs.names("r1", "a")] == [("a", 0), ("a", 1)]
    assert [(name.node, name.item) for name in logs.names("r1", "a", 1)] == [("a", 1)]


@pytest.mark.parametrize("node", ["a b", "a/b", "../../etc", "a@3", "a.1", "ä", "a.log"])
def test_any_name_of_a_node_is_safe_and_found_again(logs, tmp_path, node):
    logs.keep("r1", node, 4, 2, "x")
    (found,) = logs.names("r1", node)
    assert (found.item, found.attempt) == (4, 2)
    assert found.path.resolve().is_relative_to(tmp_path / "logs" / "r1")


def test_nodes_whose_names_differ_do_not_share_a_file(logs):
    logs.keep("r1", "a b", WHOLE, 1, "with a blank")
    logs.keep("r1", "a_b", WHOLE, 1, "with a line")
    assert [found.path.read_text() for found in logs.names("r1", "a b")] == ["with a blank"]
    assert [found.path.read_text() for found in logs.names("r1", "a_b")] == ["with a line"]


def test_text_that_no_file_can_hold_is_kept_as_well_as_it_can_be(logs):
    """Names of files that are no UTF-8 are printed with lone surrogates."""
    logs.keep("r1", "a", WHOLE, 1, "before \udcff after")
    (found,) = logs.names("r1")
    text = found.path.read_text(encoding="utf-8", errors="replace")
    assert text.startswith("before ")
    assert text.endswith(" after")


def test_what_the_process_of_a_run_has_printed_goes_with_its_logs(logs):
    for run in ("r1", "r2"):
        logs.of_process(run).parent.mkdir(parents=True, exist_ok=True)
        logs.of_process(run).write_text("x")
    logs.remove("r1")
    assert [logs.of_process(run).exists() for run in ("r1", "r2")] == [False, True]
