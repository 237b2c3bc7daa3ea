"""Keys and patterns: dotted names, whole segments."""

import pytest

from weftline.model.keys import is_key, is_pattern, matches, matching, namespace


@pytest.mark.parametrize(
    "text", ["a", "features.train", "a.b.c", "_a", "a1", "a.1", "a-b", "a.b-c.d_e", "größe", "特徴.訓練", "A.B", "a__b"]
)
def test_keys(text):
    assert is_key(text)


NO_KEYS = [
    "", ".", "a.", ".a", "a..b", "1a", "-a", "a-", "a b", "a.b ", " a", "a\n", "a.*", "*", "a/b", "a:b", "a.-b", "a[0]",
    "a,b", "a--b",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_KEYS)
def test_no_keys(text):
    assert not is_key(text)


def test_patterns():
    assert is_pattern("a.*")
    assert is_pattern("a.b.*")
    assert not any(map(is_pattern, ("a", "a*", "a.*.b", "*", "a.b")))


def test_a_namespace_may_be_named_either_way():
    assert namespace("conditioning") == namespace("conditioning.*") == "conditioning"
    assert namespace("a.b.*") == "a.b"


@pytest.mark.parametrize(
    ("pattern", "key", "is_taken"),
    [
        ("conditioning.*", "conditioning.x", True),
        ("conditioning.*", "conditioning.x.y", True),
        ("conditioning.*", "conditioning", False),
        ("conditioning.*", "conditioning_extra.x", False),
        ("conditioning.*", "pre.conditioning.x", False),
        ("conditioning.*", "Conditioning.x", False),
        ("a.b.*", "a.b.c", True),
        ("a.b.*", "a.bc.d", False),
        ("a.b.*", "a.c", False),
        ("a", "a", True),
        ("a", "a.b", False),
        ("a.b", "a", False),
    ],
)
def test_only_whole_segments_match(pattern, key, is_taken):
    assert matches(pattern, key) is is_taken


def test_matching_keys_come_sorted():
    keys = ["b.z", "b.a", "c", "b", "bb.a", "b.a.c"]
    assert matching("b.*", keys) == ["b.a", "b.a.c", "b.z"]
    assert matching("b", keys) == ["b"]
    assert matching("d.*", keys) == []
    assert matching("b.*", iter(keys)) == matching("b.*", reversed(keys))
