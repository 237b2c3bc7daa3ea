"""Changed lines, each under its number."""

import pytest

from weftline.plan.difference import Text, changed_lines

OLD = "def scale(x):\n    y = x\n\n    y = y * 10\n    return y\n"


def diff(was, now, was_at="flow.py:8", now_at="flow.py:12"):
    return list(changed_lines(Text(was, was_at), Text(now, now_at)))


def test_a_changed_line_between_its_neighbours():
    assert diff(OLD, OLD.replace("10", "100")) == [
        "@@ -8,4 +12,4 @@",
        " def scale(x):",
        "     y = x",
        "-    y = y * 10",
        "+    y = y * 100",
        "     return y",
    ]


def test_lines_far_apart_have_hunks_of_their_own_with_their_numbers():
    lines = [f"line {number}" for number in range(30)]
    changed = [*lines]
    changed[5], changed[25] = "x", "y"
    found = diff("\n".join(lines), "\n".join(changed), "a.py:1", "a.py:101")
    assert [line for line in found if not line.startswith(" ")] == [
        "@@ -3,7 +103,7 @@", "-line 5", "+x", "@@ -23,7 +123,7 @@", "-line 25", "+y",
    ]  # fmt: skip


def test_empty_lines_do_not_count_but_are_counted():
    assert diff(OLD, OLD.replace("\n\n", "\n")) == []
    assert diff("a\n\n\n\nb\n", "a\n\nc\n", "", "") == ["@@ -1,2 +1,2 @@", " a", "-b", "+c"]
    assert diff("a\n\n\n\nb\nc\nd\ne\n", "a\n\nb\nc\nd\nf\n", "", "")[0] == "@@ -5,4 +3,4 @@"


@pytest.mark.parametrize(
    ("was", "now", "head"), [("", "a\nb\n", "@@ -0,0 +12,2 @@"), ("a\n", "", "@@ -8,1 +0,0 @@"), ("", "", None)]
)
def test_a_text_that_is_new_or_gone(was, now, head):
    assert next(iter(diff(was, now)), None) == head


def test_equal_texts_have_no_difference_wherever_they_stand():
    assert diff(OLD, OLD) == []
    assert diff(OLD, OLD.replace("\n", " \n")) == [], "blanks at the end of a line are not seen"


def test_without_a_place_lines_are_counted_from_one():
    assert diff("a\n", "b\n", "", "flow.py")[0] == "@@ -1,1 +1,1 @@"
