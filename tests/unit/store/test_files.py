"""What the cache in a folder does besides its contract: damage of every kind, and trust."""

import errno
import hashlib
import mmap
import os
import sqlite3

import numpy as np
import pytest

from weftline.codec import Pieces, sha256_of, whole
from weftline.errors import DamagedEntryError, StoreUnusableError, UntrustedPickleError
from weftline.store.files import FileCache, rows_of, with_texts
from weftline.testing.caches import entry, stored


@pytest.fixture
def place(tmp_path):
    return tmp_path / "cache"


def filled(place, *entries):
    cache = FileCache(place)
    cache.store(entries)
    cache.close()


def index_of(place):
    return sqlite3.connect(place / "index.db")


def test_small_contents_lie_in_the_index_and_large_ones_in_files(place):
    filled(place, entry("a", b"s" * 100), entry("b", b"l" * 100_000))
    assert len([found for found in (place / "objects").rglob("*") if found.is_file()]) == 1


def test_nothing_is_left_aside_after_writing(place):
    filled(place, *[entry(f"{number}", bytes([number]) * 50_000) for number in range(5)])
    assert not list((place / "objects").rglob(".*"))


def test_contents_are_written_before_the_entries_that_name_them(place, monkeypatch):
    cache = FileCache(place)
    made = entry("a", b"l" * 100_000)
    full = StoreUnusableError(path="here", detail="disk is full")
    monkeypatch.setattr(cache._index, "write", lambda *rows: (_ for _ in ()).throw(full))
    with pytest.raises(StoreUnusableError, match="disk is full"):
        cache.store([made])
    assert dict(cache.find([made.key])) == {}
    cache.close()


COLUMNS = ["key", "position", "total", "digest", "codec", "object", "size", "content", "recipe", "made_at", "took_s", "made_by"]


@pytest.mark.parametrize("column", COLUMNS)
def test_an_altered_record_is_never_returned(place, column):
    made, other = entry("a", b"one", b"two"), entry("b", b"three")
    filled(place, made, other)
    changed = {
        "key": "x'00'", "position": 7, "total": 1, "digest": "x'00'", "codec": "'other'", "object": "x'00'", "size": 4,
        "content": "x'00'", "recipe": "x'00'", "made_at": 1.5, "took_s": 99.0, "made_by": "'nobody'",
    }[column]  # fmt: skip
    with index_of(place) as index:
        index.execute(f"UPDATE results SET {column} = {changed} WHERE key = ? AND position = 0", (made.key,))
    index.close()
    cache = FileCache(place)
    found = cache.find([made.key, other.key])
    assert set(found) == {other.key}
    assert cache.damage()
    cache.store([made])
    assert cache.load(cache.find([made.key])[made.key].outputs[1], made.key) == b"two"
    cache.close()


@pytest.mark.parametrize("column", [*COLUMNS[1:], "seal"])
def test_a_record_whose_fields_changed_their_kind_is_never_returned(place, column):
    """A flipped bit may make text of a number: SQLite stores whatever it finds."""
    values = ["'text'", "x'ff'", "2.5", "-1"]
    made, other = [entry(value, b"one") for value in values], entry("b", b"three")
    filled(place, *made, other)
    with index_of(place) as index:
        for one, value in zip(made, values, strict=True):
            index.execute(f"UPDATE results SET {column} = {value} WHERE key = ?", (one.key,))
    index.close()
    keys = [one.key for one in (*made, other)]
    cache = FileCache(place)
    assert set(cache.find(keys)) == {other.key}
    cache.store(made)
    assert set(cache.find(keys)) == set(keys)
    cache.close()


def test_text_that_is_no_text_is_never_returned(place):
    made = entry("a", b"one")
    filled(place, made)
    with index_of(place) as index:
        index.execute("UPDATE results SET made_by = CAST(x'72756eff' AS TEXT)")
    index.close()
    cache = FileCache(place)
    assert dict(cache.find([made.key])) == {}
    cache.store([made])
    assert set(cache.find([made.key])) == {made.key}
    cache.close()


def test_a_record_that_lost_an_output_is_never_returned(place):
    made = entry("a", b"one", b"two")
    filled(place, made)
    with index_of(place) as index:
        index.execute("DELETE FROM results WHERE position = 1")
    index.close()
    cache = FileCache(place)
    assert dict(cache.find([made.key])) == {}
    assert "outputs are missing" in cache.damage()[0]
    cache.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda index: b"",
        lambda index: index[:100],
        lambda index: index[: len(index) // 2],
        lambda index: b"x" * len(index),
        lambda index: b"x" * 100 + index[100:],
        lambda index: index[:4096] + os.urandom(len(index) - 4096),
        lambda index: index[:18] + b"\x09\x09" + index[20:],  # a file format that this SQLite can neither read nor write
        lambda index: index[:18] + b"\x09" + index[19:],  # one that it can read
        lambda index: index[:47] + b"\x09" + index[48:],  # a schema format that it cannot read
        lambda index: index[:56] + b"\x00\x00\x00\x09" + index[60:],  # a text encoding that does not exist
        lambda index: index[:60] + b"\x00\x00\x00\x00" + index[64:],  # the number of the schema
        lambda index: index[:60] + b"\x00\x00\x00\x63" + index[64:],
    ],
    ids=[
        "empty", "header-only", "half", "garbage", "header-garbage", "pages-garbage", "file-format", "write-format",
        "schema-format", "encoding", "version-0", "version-99",
    ],
)  # fmt: skip
def test_a_broken_index_is_put_aside_as_a_whole_and_begun_anew(place, damage):
    entries = [entry(f"{number}", bytes([number]) * 1000) for number in range(50)]
    filled(place, *entries)
    index = place / "index.db"
    index.write_bytes(damage(index.read_bytes()))
    cache = FileCache(place)
    found = cache.find([one.key for one in entries])
    for one in entries:
        if one.key in found:
            assert cache.load(found[one.key].outputs[0], one.key) == one.outputs[0].content
    cache.store(entries)
    assert set(cache.find([one.key for one in entries])) == {one.key for one in entries}
    cache.close()


def test_what_was_put_aside_can_be_looked_at(place):
    made = entry("a", b"x" * 100_000)
    filled(place, made)
    (place / "index.db").write_bytes(b"garbage" * 1000)
    cache = FileCache(place)
    (told,) = cache.damage()
    assert str(place / "quarantine") in told
    assert any(found.read_bytes().startswith(b"garbage") for found in (place / "quarantine").iterdir())
    cache.close()


def test_what_is_stored_while_the_index_breaks_is_in_the_new_one(place):
    """The journal is about to say that it is there."""
    made = entry("a", b"one")
    cache = FileCache(place)
    with index_of(place) as index:
        index.execute("DROP TABLE results")
    index.close()
    cache.store([made])
    assert cache.damage()
    assert set(cache.find([made.key])) == {made.key}
    cache.close()


def test_a_damaged_object_is_put_aside_and_a_sound_one_left(place):
    filled(place, entry("a", b"x" * 100_000, b"y" * 100_000))
    spoilt, sound = sorted(found for found in (place / "objects").rglob("*") if found.is_file())
    spoilt.write_bytes(b"z" * 100_000)
    cache = FileCache(place)
    assert dict(cache.find([entry("a").key])) == {}
    assert [found.read_bytes() for found in (place / "quarantine").iterdir()] == [b"z" * 100_000]
    assert not spoilt.exists()
    assert sound.exists()
    cache.close()


def test_an_object_that_was_altered_is_written_again_with_the_next_entry_that_has_it(place):
    """Its size alone does not make it sound."""
    content = b"x" * 100_000
    filled(place, entry("a", content))
    (file,) = [found for found in (place / "objects").rglob("*") if found.is_file()]
    file.write_bytes(b"y" * 100_000)
    cache = FileCache(place)
    made = entry("b", content)
    cache.store([made])
    assert cache.load(stored(content)._replace(content=None), made.key) == content
    cache.close()


def test_a_place_where_no_folder_can_be_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusableError) as caught:
        FileCache(tmp_path / "file" / "cache")
    assert caught.value.fix


def test_an_index_that_is_a_folder_is_told(place):
    (place / "index.db").mkdir(parents=True)
    with pytest.raises(StoreUnusableError):
        FileCache(place)


# --- trust ---


def test_pickled_values_are_read_from_a_folder_of_ones_own_only(place):
    made = entry("a")._replace(outputs=(stored(b"x" * 2000, codec="pickle"),))
    filled(place, made)
    cache = FileCache(place)
    found = cache.find([made.key])[made.key].outputs[0]
    assert cache.load(found, made.key) == b"x" * 2000
    place.chmod(0o777)
    with pytest.raises(UntrustedPickleError, match="others may write"):
        cache.load(found, made.key)
    place.chmod(0o755)
    (place / "index.db").chmod(0o666)
    with pytest.raises(UntrustedPickleError):
        cache.load(found, made.key)
    cache.close()


def test_a_small_pickled_value_is_not_trusted_either(place):
    made = entry("a")._replace(outputs=(stored(b"x", codec="pickle"),))
    filled(place, made)
    cache = FileCache(place)
    place.chmod(0o777)
    found = cache.find([made.key])[made.key].outputs[0]
    with pytest.raises(UntrustedPickleError):
        cache.load(found, made.key)
    cache.close()


def files_in(place):
    return {found for found in (place / "objects").rglob("*") if found.is_file()}


def test_a_sweep_frees_old_files_that_nobody_names(place):
    gone, kept = entry("a", b"1" * 100_000), entry("b", b"2" * 100_000)
    filled(place, gone, kept)
    cache = FileCache(place)
    cache.remove([gone.key])
    assert len(files_in(place)) == 2
    cache.sweep()
    assert len(files_in(place)) == 2, "it may belong to an entry that is being written"
    aside = next(iter(files_in(place))).with_name(".left-by-a-dead-process")
    aside.write_bytes(b"half")
    for file in files_in(place):
        os.utime(file, (0, 0))
    assert cache.sweep() >= 100_004
    assert len(files_in(place)) == 1
    assert cache.load(cache.find([kept.key])[kept.key].outputs[0], kept.key) == b"2" * 100_000
    cache.close()


def test_what_is_about_to_be_named_again_is_not_swept(place):
    made = entry("a", b"1" * 100_000)
    filled(place, made)
    cache = FileCache(place)
    cache.remove([made.key])
    (file,) = files_in(place)
    os.utime(file, (0, 0))
    cache._objects.write([(made.outputs[0].object, b"1" * 100_000)])  # as another process does before it writes the entry
    cache.sweep()
    cache._index.write(map(with_texts, rows_of(made)), [made.recipe], {})
    assert cache.load(cache.find([made.key])[made.key].outputs[0], made.key) == b"1" * 100_000
    cache.close()


def test_a_sweep_gives_pages_of_the_index_back(place):
    made = [entry(f"{number}", bytes([number % 250]) * 10_000) for number in range(300)]
    filled(place, *made)
    cache = FileCache(place)
    before = (place / "index.db").stat().st_size
    cache.remove([one.key for one in made[10:]])
    assert cache.sweep() > before / 2
    assert (place / "index.db").stat().st_size < before / 2
    assert len(cache.find([one.key for one in made])) == 10
    cache.close()


def test_a_large_content_is_mapped_and_not_read_again_while_its_file_stays_as_it_is(place, monkeypatch):
    content = bytes(range(256)) * 10_000
    made = entry("a", content)
    filled(place, made)
    cache = FileCache(place)
    found = cache.find([made.key])[made.key].outputs[0]
    with monkeypatch.context() as patched:
        patched.setattr("weftline.store.objects.hashlib.sha256", lambda *_: pytest.fail("it was compared when it was written"))
        loaded = cache.load(found, made.key)
        assert isinstance(loaded, memoryview)
        assert loaded == content
    (file,) = files_in(place)
    os.utime(file)
    assert cache.load(found, made.key) == content, "compared again, and found sound"
    spoilt = bytearray(content)
    spoilt[-1] ^= 1
    file.write_bytes(spoilt)
    with pytest.raises(DamagedEntryError):
        cache.load(found, made.key)
    assert dict(cache.find([made.key])) == {}
    cache.close()


def test_content_in_pieces_is_stored_as_one(place):
    parts = Pieces(b"head", memoryview(np.arange(200_000)), b"tail")
    digest = sha256_of(parts)
    assert digest == hashlib.sha256(whole(parts)).digest()
    for number, content in enumerate([parts, Pieces(b"small", memoryview(b"er"))]):
        made = entry(f"{number}", whole(content))
        stored = made.outputs[0]._replace(content=content)
        cache = FileCache(place)
        cache.store([made._replace(outputs=(stored,))])
        found = cache.find([made.key])[made.key].outputs[0]
        assert bytes(cache.load(found, made.key)) == whole(content)
        cache.close()


def test_what_a_reader_writes_to_a_mapped_content_does_not_get_into_its_file(place):
    """Tensors cannot be protected: a mapping that may only be read would end the process."""
    content = bytes(2 << 20)
    made = entry("large", content)
    cache = FileCache(place)
    cache.store([made])
    found = cache.find([made.key])[made.key].outputs[0]
    mapped = cache.load(found, made.key)
    mapped[:4] = b"mine"
    (file,) = files_in(place)
    assert file.read_bytes() == content
    assert cache.load(found, made.key) == content, "another reader has a mapping of its own"
    cache.close()


def test_a_content_is_mapped_for_reading_where_the_system_promises_no_memory_for_writing(place, monkeypatch):
    content = bytes(2 << 20)
    made = entry("large", content)
    cache = FileCache(place)
    cache.store([made])
    found = cache.find([made.key])[made.key].outputs[0]
    real = mmap.mmap

    def reluctant(file, length, access):
        if access == mmap.ACCESS_COPY:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return real(file, length, access=access)

    monkeypatch.setattr("weftline.store.mapping.mmap.mmap", reluctant)
    loaded = cache.load(found, made.key)
    assert loaded.readonly
    assert loaded == content
    cache.close()
