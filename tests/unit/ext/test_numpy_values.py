"""numpy arrays and scalars: digests by content, `.npy` and back, read-only views."""

import hashlib

import numpy as np
import pytest

from weftline.codec import Pieces, whole
from weftline.digest import of
from weftline.errors import UndigestableError, UnencodableError
from weftline.ext.numpy_values import VALUES
from weftline.ports.plugins import InstalledValues

RECORDS = np.dtype([("a", "<i4"), ("b", "<f8")])


class Tagged(np.ndarray):
    pass


#: Each differs from every other.
DIFFERENT = [
    np.zeros(3), np.zeros(4), np.zeros((3, 1)), np.zeros((1, 3)), np.zeros((0,)), np.zeros((0, 3)), np.zeros((3, 0)),
    np.zeros(()), np.ones(3), np.array([0, 0, -0.0]), np.array([0, 1.0, 2]), np.array([1.0, 0, 2]),
    np.zeros(3, "f4"), np.zeros(3, ">f8"), np.zeros(3, "i8"), np.zeros(3, "u8"), np.zeros(3, "i4"), np.zeros(24, "u1"),
    np.zeros(3, "?"), np.zeros(3, "c8"), np.zeros(3, "f2"), np.array([np.nan]), np.array([np.inf]),
    np.array(["a", "b"]), np.array(["ab"]), np.array([b"a", b"b"]), np.array(["a", "b"], "U2"), np.array([""]),
    np.zeros(3, "M8[s]"), np.zeros(3, "M8[ns]"), np.zeros(3, "m8[s]"), np.array(["NaT"], "M8[s]"), np.zeros(2, RECORDS),
    np.zeros(2, [("a", "<i4"), ("c", "<f8")]), np.zeros(2, [("b", "<f8"), ("a", "<i4")]),
    np.float64(0), np.float32(0), np.int64(0), np.bool_(False), np.str_("a"), np.bytes_(b"a"), np.datetime64(0, "s"),
    np.zeros(1, RECORDS)[0], np.float64("nan"),
]  # fmt: skip


@pytest.fixture(scope="module")
def digester():
    return InstalledValues().digester


def test_values_of_the_table_all_differ(digester):
    digests = [VALUES.digest(value) for value in DIFFERENT]
    assert [DIFFERENT[at] for at, found in enumerate(digests) if found in digests[:at]] == []
    assert of(np.float64(0), digester) != of(0.0, digester)
    assert of(np.zeros(3), digester) != of([0.0, 0.0, 0.0], digester)


BASE = np.arange(24.0).reshape(4, 6)
EQUAL = {
    "copy": (BASE, BASE.copy()),
    "every second column": (BASE[:, ::2], BASE[:, ::2].copy()),
    "backwards": (BASE[::-1], BASE[::-1].copy()),
    "transposed twice": (BASE.T.T, BASE),
    "one axis, both orders": (np.arange(3.0), np.asfortranarray(np.arange(3.0))),
    "repeated without memory": (np.broadcast_to(np.float64(1), (3, 2)), np.ones((3, 2))),
    "read-only": (BASE, VALUES.freeze(BASE.copy())),
    "not aligned": (np.frombuffer(b"\0" + np.arange(3.0).tobytes(), "f8", offset=1), np.arange(3.0)),
}


@pytest.mark.parametrize("other", [np.asfortranarray(BASE), BASE.copy(order="F")], ids=["converted", "copied"])
def test_the_order_of_axes_in_memory_counts_and_is_kept(other):
    """Code can tell: `ravel(order="K")`, `flags`, the address of the next element."""
    assert VALUES.digest(BASE) != VALUES.digest(other)
    restored = VALUES.decode(VALUES.encode(other))
    assert restored.flags.f_contiguous
    assert VALUES.digest(restored) == VALUES.digest(other)


@pytest.mark.parametrize("pair", EQUAL.values(), ids=EQUAL)
def test_how_an_array_lies_in_memory_does_not_count(pair):
    assert VALUES.digest(pair[0]) == VALUES.digest(pair[1])


def test_what_lies_between_the_fields_of_a_record_does_not_count():
    padded = np.dtype([("a", "i1"), ("b", "i8")], align=True)
    one, two = np.zeros(2, padded), np.zeros(2, padded)
    two.view(np.uint8)[3] = 7
    assert (one == two).all()
    assert VALUES.digest(one) == VALUES.digest(two)


LONG = np.dtype(np.longdouble)
LONGS = {
    "numbers": LONG,
    "complex": np.dtype(np.clongdouble),
    "of another machine": LONG.newbyteorder(),
    "record": np.dtype([("a", "i1"), ("b", LONG)]),
    "record in a record": np.dtype([("a", [("b", LONG, (2,))])]),
}


@pytest.mark.skipif(np.finfo(LONG).nmant != 63, reason="no extended precision here, and nothing between its numbers")
@pytest.mark.parametrize("dtype", LONGS.values(), ids=LONGS)
def test_what_lies_between_numbers_of_extended_precision_does_not_count(dtype):
    one, two = np.zeros(3, dtype), np.zeros(3, dtype)
    two.view(np.uint8)[-1 if dtype.isnative else 0] = 7  # which is no part of the number
    assert (one == two).all()
    assert VALUES.digest(one) == VALUES.digest(two)
    assert VALUES.digest(one) != VALUES.digest(np.ones(3, dtype))


def test_records_whose_fields_overlap_have_a_digest_or_are_refused():
    overlapping = np.dtype({"names": ["a", "b"], "formats": ["<i4", "<i4"], "offsets": [0, 2]})
    try:
        one, two = (VALUES.digest(np.array([(1, value)], overlapping)) for value in (1 << 16, 2 << 16))
    except UndigestableError:
        return
    assert one != two


#: Subclasses mean more than their numbers.
SUBCLASSES = {
    "mask": (np.ma.MaskedArray([1, 2], mask=[0, 1]), np.ma.MaskedArray([1, 2], mask=[1, 0])),
    "masked and plain": (np.ma.MaskedArray([1, 2], mask=[0, 1]), np.array([1, 2])),
    "one's own class and plain": (np.zeros(2).view(Tagged), np.zeros(2)),
}


@pytest.mark.parametrize(("one", "two"), SUBCLASSES.values(), ids=SUBCLASSES)
def test_a_subclass_is_told_apart_or_refused(one, two, digester):
    try:
        digests = {of(one, digester), of(two, digester)}
    except UndigestableError:
        return
    assert len(digests) == 2


def test_an_array_of_objects_is_refused_with_the_path_to_it(digester):
    with pytest.raises(UndigestableError, match="of Python objects") as caught:
        of({"a": [np.array([object()])]}, digester)
    assert caught.value.path == "value['a'][0]"


def test_an_array_of_objects_cannot_be_stored():
    with pytest.raises((UnencodableError, ValueError), match=r"(?i)object"):
        VALUES.encode(np.array([object()]))


@pytest.mark.parametrize("value", DIFFERENT, ids=lambda value: f"{value.dtype} {value.shape} {type(value).__name__}")
def test_values_come_back(value):
    again = VALUES.decode(VALUES.encode(value))
    assert type(again) is type(value)
    assert again.dtype == value.dtype
    assert again.shape == value.shape
    assert VALUES.digest(again) == VALUES.digest(value)


def test_an_array_that_ends_like_a_scalar_is_an_array():
    again = VALUES.decode(VALUES.encode(np.array(b"scalar")))
    assert isinstance(again, np.ndarray)


def test_the_file_is_one_that_numpy_reads(tmp_path):
    (tmp_path / "a.npy").write_bytes(VALUES.encode(BASE))
    assert np.array_equal(np.load(tmp_path / "a.npy"), BASE)


def test_what_is_handed_out_cannot_be_written_to():
    own = np.zeros(3)
    frozen = VALUES.freeze(own)
    with pytest.raises(ValueError, match="read-only"):
        frozen[0] = 1
    own[0] = 1
    assert frozen[0] == 1, "a view: the array is not copied"
    assert VALUES.freeze(frozen) is frozen
    assert VALUES.freeze(np.float64(1)) == 1
    with pytest.raises(ValueError, match="read-only"):
        VALUES.decode(VALUES.encode(own))[0] = 1


DAMAGED = {
    "nothing": b"",
    "text": b"x",
    "zip": b"PK\x03\x04",
    "pickle": b"\x80\x04N.",
    "name alone": b"\x93NUMPY",
    "header too short": b"\x93NUMPY\x01\x00\xff\xff",
    "unknown version": b"\x93NUMPY\x09\x00v\x00{",
    "end cut": VALUES.encode(BASE)[:-1],
    "content cut": VALUES.encode(BASE)[:130],
    "header cut": VALUES.encode(BASE)[:80],
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damage_is_a_value_error(content):
    with pytest.raises(ValueError):
        VALUES.decode(content)


def test_a_header_is_not_believed_beyond_the_content():
    """A shape that the content cannot fill must not take the memory for it."""
    content = VALUES.encode(np.zeros(3)).replace(b"(3,), }" + b" " * 15, b"(3000000000000000,), }")
    assert b"3000000000000000" in content
    with pytest.raises(ValueError):
        VALUES.decode(content)


def test_what_it_owns():
    assert all(map(VALUES.owns, (np.ndarray, np.float64, np.str_, np.datetime64)))
    assert not any(map(VALUES.owns, (list, float, np.dtype, np.random.Generator, type)))


def test_a_large_array_is_stored_from_its_memory_and_restored_in_that_of_the_file():
    large = np.arange(300_000.0)
    pieces = VALUES.encode(large)
    assert isinstance(pieces, Pieces)
    assert any(np.shares_memory(np.frombuffer(part, "u1"), large) for part in pieces.parts if isinstance(part, memoryview))
    content = whole(pieces)
    restored = VALUES.decode(memoryview(content))
    assert np.shares_memory(restored, np.frombuffer(content, "u1"))
    assert not restored.flags.writeable
    assert (restored == large).all()


@pytest.mark.parametrize(
    "value",
    [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.float32(2), np.arange(6)[::2],
     np.zeros((0, 3)), np.array("text"), np.zeros(2, "V0"), np.zeros((2, 2), np.dtype("M8[ns]"))],
    ids=["rows", "columns", "scalar", "apart", "empty", "text", "nothing", "dates"],
)  # fmt: skip
def test_numpy_reads_what_is_written_and_the_digest_of_the_bytes_tells_that_of_the_value(value, tmp_path):
    content = whole(VALUES.encode(value))
    assert VALUES.digest_from(value, hashlib.sha256(content).digest()) == VALUES.digest(value)
    (tmp_path / "a.npy").write_bytes(content.removesuffix(b"scalar"))
    read = np.load(tmp_path / "a.npy")
    assert (read.dtype, read.shape) == (value.dtype, value.shape)
    assert read.tobytes() == value.tobytes()


def test_records_are_digested_without_what_lies_between_their_fields():
    value = np.zeros(2, np.dtype({"names": ["a"], "formats": ["u1"], "offsets": [7]}))
    assert VALUES.digest_from(value, b"x") is None
