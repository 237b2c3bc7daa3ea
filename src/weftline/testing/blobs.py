"""What every place of blobs promises, as a suite to inherit.

```python
class TestMine(BlobsContract):
    def blobs(self, place: Path) -> Blobs:
        return MyBlobs(...)
```
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from weftline.codec import Pieces
from weftline.ports.blobs import Blobs

_SIZES = (0, 1, 1024, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 9 << 20)


class _Suite:
    """How the suite gets a place."""

    def blobs(self, place: Path) -> Blobs:
        """A view of a place that is empty at first; the suite closes it.

        Args:
            place: stands for the place: views of one path see the same blobs; an empty folder that is removed afterwards.
        """
        raise NotImplementedError("say how the blobs are reached")

    @contextlib.contextmanager
    def _two(self) -> Iterator[tuple[Blobs, Blobs]]:
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.closing(self.blobs(Path(folder))) as one,
            contextlib.closing(self.blobs(Path(folder))) as other,
        ):
            yield one, other


class _Keeping(_Suite):
    """Reading, writing and removing."""

    def test_what_was_written_is_there_for_others(self) -> None:
        """Of any size, and in pieces."""
        with self._two() as (one, other):
            contents = {f"objects/{size}": bytes(at % 251 for at in range(min(size, 4096))) for size in _SIZES}
            contents = {
                name: (part * (1 + size // 4096))[:size] for (name, part), size in zip(contents.items(), _SIZES, strict=True)
            }
            one.write(list(contents.items()))
            assert {name: bytes(content) for name, content in other.read(list(contents)).items()} == contents
            assert other.sizes(list(contents)) == {name: len(content) for name, content in contents.items()}
            one.write([("objects/pieces", Pieces(b"a" * 1000, memoryview(b"b" * 1000)))])
            assert bytes(other.read(["objects/pieces"])["objects/pieces"]) == b"a" * 1000 + b"b" * 1000

    def test_what_is_not_there_is_left_out(self) -> None:
        """No names are no error."""
        with self._two() as (one, _):
            one.write([("a/b", b"x")])
            assert dict(one.read(["a/b", "a/c", "z"])) == {"a/b": b"x"}
            assert dict(one.sizes(["a/b", "a/c", "z"])) == {"a/b": 1}
            assert not one.read([])
            assert not one.sizes([])
            one.write([])
            one.keep([])
            one.remove([])
            assert one.swap([]) == set()

    def test_the_last_content_of_a_name_stays(self) -> None:
        """Also if it is empty."""
        with self._two() as (one, other):
            for content in (b"first", b"second, longer", b"", b"4"):
                one.write([("a", content)])
                assert bytes(other.read(["a"])["a"]) == content

    def test_thousands_of_blobs_in_one_go(self) -> None:
        """Written, asked for, listed and removed."""
        with self._two() as (one, other):
            contents = {f"entries/{number % 7}/{number}": b"%d" % number for number in range(2500)}
            one.write(list(contents.items()))
            assert dict(other.read(list(contents))) == contents
            assert {blob.name: blob.size for blob in other.list("entries/")} == {
                name: len(content) for name, content in contents.items()
            }
            one.remove(list(contents))
            assert list(other.list("")) == []

    def test_what_stands_for_its_content_is_written_once(self) -> None:
        """What is there stays as it is, and is new again; what has another size is written."""
        with self._two() as (one, other):
            one.keep([("objects/a", b"content")])
            other.keep([("objects/a", b"content"), ("objects/b", b"more")])
            assert dict(one.read(["objects/a", "objects/b"])) == {"objects/a": b"content", "objects/b": b"more"}
            one.write([("objects/a", b"torn")])
            other.keep([("objects/a", b"content")])
            assert bytes(one.read(["objects/a"])["objects/a"]) == b"content"

    def test_lists_are_by_prefix(self) -> None:
        """With sizes, and ages that are those of young blobs."""
        with self._two() as (one, other):
            one.write([("a/1", b"x"), ("a/2/3", b"yy"), ("ab/1", b""), ("b/1", b"z")])
            assert sorted((blob.name, blob.size) for blob in other.list("a/")) == [("a/1", 1), ("a/2/3", 2)]
            assert sorted(blob.name for blob in other.list("")) == ["a/1", "a/2/3", "ab/1", "b/1"]
            assert list(other.list("c/")) == []
            assert all(-60 < blob.age_s < 60 for blob in other.list(""))

    def test_what_was_removed_is_gone(self) -> None:
        """What is not there may be removed too."""
        with self._two() as (one, other):
            one.write([("a", b"x"), ("b", b"y")])
            other.remove(["a", "unknown"])
            assert dict(one.read(["a", "b"])) == {"b": b"y"}


class _Swapping(_Suite):
    """Changes under a condition."""

    def test_a_name_is_had_by_one(self) -> None:
        """Who is too late changes nothing."""
        with self._two() as (one, other):
            assert one.swap([("leases/a", None, b"one")]) == {"leases/a"}
            assert other.swap([("leases/a", None, b"other"), ("leases/b", None, b"other")]) == {"leases/b"}
            assert bytes(one.read(["leases/a"])["leases/a"]) == b"one"

    def test_only_what_was_expected_is_replaced(self) -> None:
        """Neither another content, nor nothing."""
        with self._two() as (one, other):
            one.swap([("leases/a", None, b"one")])
            assert other.swap([("leases/a", b"two", b"other"), ("leases/b", b"one", b"other")]) == set()
            assert other.swap([("leases/a", b"one", b"other")]) == {"leases/a"}
            assert bytes(one.read(["leases/a"])["leases/a"]) == b"other"

    def test_what_was_taken_away_can_be_had_again(self) -> None:
        """It is not there, or empty."""
        with self._two() as (one, other):
            one.swap([("leases/a", None, b"one")])
            assert other.swap([("leases/a", b"other", None)]) == set()
            assert one.swap([("leases/a", b"one", None)]) == {"leases/a"}
            left = other.read(["leases/a"]).get("leases/a")
            assert not left
            assert other.swap([("leases/a", None if left is None else b"", b"other")]) == {"leases/a"}
            assert one.swap([("leases/a", b"one", None)]) == set()

    def test_of_many_who_try_one_succeeds(self) -> None:
        """For nothing, and for a content that all have seen."""
        with self._two() as (one, other):
            for name, old in (("leases/new", None), ("leases/old", b"dead")):
                if old is not None:
                    one.swap([(name, None, old)])
                done: list[int] = []
                begin = threading.Barrier(8)

                def attempt(number: int, name: str = name, old: bytes | None = old) -> None:
                    begin.wait()  # noqa: B023 - the threads of one turn have ended before the next
                    if (one if number % 2 else other).swap([(name, old, b"%d" % number)]):
                        done.append(number)  # noqa: B023

                threads = [threading.Thread(target=attempt, args=(number,)) for number in range(8)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                assert len(done) == 1, done
                assert bytes(one.read([name])[name]) == b"%d" % done[0]


class BlobsContract(_Keeping, _Swapping):
    """What every place of blobs promises."""
