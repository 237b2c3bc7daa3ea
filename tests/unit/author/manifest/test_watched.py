"""A file that changes while a process lives: the newest sound reading, and what is told of a newer one."""

import os

import pytest

from weftline.author.manifest.watched import Watched
from weftline.errors import ManifestError
from weftline.testing import ManualClock


@pytest.fixture
def file(tmp_path):
    return tmp_path / "words.yaml"


def words(text, file):
    """The words of a text, none of which may be `bad`."""
    found = text.split()
    return found, [ManifestError(detail=f"{file} has a bad word", advice="mend it")] if "bad" in found else []


def codes(seen):
    return [finding.code for finding in seen.findings]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def watched(file, clock):
    return Watched(file, words, clock)


def test_a_change_is_seen_when_it_is_time_to_look(file, clock, watched):
    file.write_text("one")
    first = watched.current()
    assert first == (["one"], ())
    file.write_text("one two")
    clock.move(0.4)
    assert watched.current().document is first.document
    clock.move(0.1)
    assert watched.current().document == ["one", "two"]
    assert first.document == ["one"], "what was given out stays as it is"


def test_a_file_that_did_not_change_is_the_same_object(file, clock, watched):
    file.write_text("one")
    first = watched.current().document
    for _ in range(3):
        clock.move(1)
        os.utime(file)
        assert watched.current().document is first


def test_a_file_is_not_read_again_as_long_as_its_stamp_is_the_same(file, clock):
    read = []
    watched = Watched(file, lambda text, _: (read.append(text), []), clock)
    file.write_text("one")
    watched.current()
    clock.move(1)
    watched.current()
    stamp = file.stat()
    file.write_text("two")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    clock.move(1)
    watched.current()
    assert read == ["one"], "it is read twice, and then left alone"


def test_two_changes_of_one_stamp_are_both_seen(file, clock, watched):
    file.write_text("one")
    watched.current()
    stamp = file.stat()
    file.write_text("two")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    clock.move(0.5)
    assert watched.current().document == ["two"]


def test_what_became_invalid_keeps_the_old_and_says_so(file, clock, watched):
    file.write_text("one")
    good = watched.current().document
    file.write_text("one bad")
    clock.move(1)
    seen = watched.current()
    assert seen.document is good
    assert codes(seen) == ["M108", "M102"]
    clock.move(1)
    assert codes(watched.current()) == ["M108", "M102"], "as long as it is so"
    file.write_text("one good")
    clock.move(1)
    assert watched.current() == (["one", "good"], ())


@pytest.mark.parametrize(
    "spoil", [lambda f: f.unlink(), lambda f: f.write_bytes(b"\xff"), lambda f: (f.unlink(), os.mkfifo(f))]
)
def test_what_cannot_be_read_keeps_the_old(file, clock, watched, spoil):
    file.write_text("one")
    watched.current()
    spoil(file)
    clock.move(1)
    seen = watched.current()
    assert seen.document == ["one"]
    assert codes(seen) == ["M108", "M107"]
    file.unlink(missing_ok=True)
    file.write_text("one")
    clock.move(1)
    assert watched.current() == (["one"], ())


def test_a_file_that_was_never_sound_has_no_document(file, clock, watched):
    assert watched.current().document is None
    assert codes(watched.current()) == ["M107"]
    file.write_text("bad")
    clock.move(1)
    assert watched.current().document is None
    assert codes(watched.current()) == ["M102"]


def test_a_file_that_is_written_to_while_it_is_read_is_left_for_the_next_look(file, clock, watched, monkeypatch):
    from weftline.author.manifest import watched as module

    file.write_text("one")
    watched.current()
    file.write_text("one two three")
    clock.move(1)
    read = module.text_of

    def torn(path):
        text = read(path)
        path.write_text("one two three four")
        return text[:5]

    monkeypatch.setattr(module, "text_of", torn)
    assert watched.current().document == ["one"]
    monkeypatch.setattr(module, "text_of", read)
    clock.move(1)
    assert watched.current().document == ["one", "two", "three", "four"]
