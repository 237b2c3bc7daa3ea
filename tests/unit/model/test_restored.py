"""Many restored results in one event."""

from hypothesis import given
from hypothesis import strategies as st

from weftline.model.event import Event, Kind
from weftline.model.restored import packed, unpacked
from weftline.model.run import RunRecord


@given(st.dictionaries(st.integers(0, 60), st.binary(min_size=32, max_size=32), min_size=1))
def test_items_and_keys_come_back(keys):
    keys = dict(sorted(keys.items()))
    body = packed(keys)
    assert body["count"] == len(keys)
    assert {item: bytes.fromhex(key) for item, key in unpacked(body)} == keys


def test_items_are_told_as_ranges():
    keys = dict.fromkeys([0, 1, 2, 5, 7, 8], bytes(32))
    assert packed(keys)["items"] == "0-2,5,7-8"
    assert packed(dict.fromkeys(range(10_000), bytes(32)))["items"] == "0-9999"


def test_a_run_is_folded_from_them():
    keys = {0: b"a" * 32, 2: b"c" * 32}
    record = RunRecord.fold("run", [Event(Kind.CALLS_RESTORED, 1.0, "n", body=packed(keys))])
    assert {item: (call.outcome, call.key) for item, call in record.nodes["n"].calls.items()} == {
        item: ("restored", key.hex()) for item, key in keys.items()
    }
