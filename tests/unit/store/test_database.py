"""Opening SQLite files."""

import sqlite3
import threading

from weftline.store.database import opened


def test_many_may_make_one_file_at_the_same_moment(tmp_path):
    """SQLite does not wait for others while it enters WAL mode."""
    failed = []

    def make(path, begin):
        begin.wait()
        try:
            opened(path, "ledger", 1)[0].close()
        except sqlite3.Error as error:
            failed.append(str(error))

    for turn in range(60):
        begin = threading.Barrier(6)
        threads = [threading.Thread(target=make, args=(tmp_path / f"{turn}.db", begin)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []
