import sqlite3

import pytest

from weftline.store.files import FileCache, SingleFileCache
from weftline.store.folder import FolderBlobs
from weftline.store.joined import JoinedCache
from weftline.store.memory import MemoryCache
from weftline.store.shared import SharedCache
from weftline.store.sqlite import SqliteLedger
from weftline.testing import CacheContract


class TestMemory(CacheContract):
    def cache(self, place):
        return MemoryCache()


class TestFiles(CacheContract):
    def cache(self, place):
        return FileCache(place / "cache")

    def reopened(self, place):
        return FileCache(place / "cache")

    def spoil(self, cache, place, entry):
        """Flips one bit in the middle, where the size stays."""
        output = entry.outputs[0]
        name = output.object.hex()
        file = place / "cache" / "objects" / name[:2] / name[2:]
        if file.exists():
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 1
            file.write_bytes(content)
        else:
            content = bytearray(output.content)
            content[len(content) // 2] ^= 1
            index = sqlite3.connect(place / "cache" / "index.db")
            with index:
                changed = index.execute("UPDATE results SET content = ? WHERE key = ?", (bytes(content), entry.key))
                assert changed.rowcount == 1
            index.close()
        return True


class Joined(JoinedCache):
    """What is stored goes to a ledger first."""

    def __init__(self, place):
        self.ledger = SqliteLedger(place / "ledger.db")
        super().__init__(place / "cache", self.ledger.staged)

    def store(self, entries):
        self.stage(entries)
        self.ledger.append("a run", [])

    def close(self):
        super().close()
        self.ledger.close()


class TestJoined(TestFiles):
    def cache(self, place):
        return Joined(place)

    def reopened(self, place):
        return Joined(place)

    def spoil(self, cache, place, entry):
        cache.settle()
        return super().spoil(cache, place, entry)


class TestFilesTruncated(TestFiles):
    def spoil(self, cache, place, entry):
        """Cuts the file, or the row, short."""
        name = entry.outputs[0].object.hex()
        file = place / "cache" / "objects" / name[:2] / name[2:]
        if file.exists():
            file.write_bytes(file.read_bytes()[:-1])
        else:
            index = sqlite3.connect(place / "cache" / "index.db")
            with index:
                index.execute("UPDATE results SET content = substr(content, 1, size - 1) WHERE key = ?", (entry.key,))
            index.close()
        return True


class TestFilesDeleted(TestFiles):
    def spoil(self, cache, place, entry):
        """Removes the file, or the content of the row."""
        name = entry.outputs[0].object.hex()
        file = place / "cache" / "objects" / name[:2] / name[2:]
        if file.exists():
            file.unlink()
        else:
            index = sqlite3.connect(place / "cache" / "index.db")
            with index:
                index.execute("UPDATE results SET content = NULL WHERE key = ?", (entry.key,))
            index.close()
        return True


class TestSingleFile(CacheContract):
    def cache(self, place):
        return SingleFileCache(place / "cache.db")

    def reopened(self, place):
        return SingleFileCache(place / "cache.db")

    def spoil(self, cache, place, entry):
        """Flips one bit in the middle, where the size stays."""
        content = bytearray(entry.outputs[0].content)
        content[len(content) // 2] ^= 1
        index = sqlite3.connect(place / "cache.db")
        with index:
            sql = "UPDATE results SET content = ? WHERE key = ? AND content IS NOT NULL"
            if not index.execute(sql, (bytes(content), entry.key)).rowcount:
                sql = "UPDATE pieces SET content = ? WHERE object = ?"
                assert index.execute(sql, (bytes(content), entry.outputs[0].object)).rowcount == 1
        index.close()
        return True


class TestSingleFileTruncated(TestSingleFile):
    def spoil(self, cache, place, entry):
        """Cuts a content short."""
        index = sqlite3.connect(place / "cache.db")
        with index:
            sql = "UPDATE results SET content = substr(content, 1, size - 1) WHERE key = ? AND content IS NOT NULL"
            if not index.execute(sql, (entry.key,)).rowcount:
                sql = "UPDATE pieces SET content = substr(content, 2) WHERE object = ?"
                assert index.execute(sql, (entry.outputs[0].object,)).rowcount == 1
        index.close()
        return True


class TestSharedFolder(CacheContract):
    def cache(self, place):
        return SharedCache(FolderBlobs(place / "shared"))

    def reopened(self, place):
        return SharedCache(FolderBlobs(place / "shared"))

    def _file(self, place, entry):
        name = entry.outputs[0].object.hex()
        file = place / "shared" / "objects" / name[:2] / name[2:]
        return file if file.exists() else place / "shared" / "entries" / entry.key.hex()[:2] / entry.key.hex()[2:]

    def spoil(self, cache, place, entry):
        """Flips one bit near the end, where contents lie."""
        file = self._file(place, entry)
        content = bytearray(file.read_bytes())
        content[-3] ^= 1
        file.write_bytes(content)
        return True


class TestSharedFolderTruncated(TestSharedFolder):
    def spoil(self, cache, place, entry):
        """Cuts the file short."""
        file = self._file(place, entry)
        file.write_bytes(file.read_bytes()[:-1])
        return True


class TestSharedFolderEmptied(TestSharedFolder):
    def spoil(self, cache, place, entry):
        """Leaves a file without content, as a server does that lost its disk."""
        self._file(place, entry).write_bytes(b"")
        return True


class ReturnsWhatItFinds(MemoryCache):
    """Keeps the first entry of a key, and shows altered contents."""

    def store(self, entries):
        for entry in entries:
            self._entries.setdefault(entry.key, entry)

    def recipes(self, recipes):
        return set(recipes)


@pytest.mark.parametrize(
    "test",
    [
        "test_the_last_entry_of_a_key_stays",
        "test_recipes_of_stored_entries_are_known",
    ],
)
def test_a_cache_that_breaks_its_promise_does_not_pass(test):
    class Suite(CacheContract):
        def cache(self, place):
            return ReturnsWhatItFinds()

    with pytest.raises(AssertionError):
        getattr(Suite(), test)()
