"""What a process does while it waits for a run leaves nothing behind."""

import contextlib
import sqlite3
import sys

from weftline import Pipeline, node
from weftline.app.home import Home
from weftline.serve.rehearsal import rehearse
from weftline.settings import Settings


@node(provides="number")
def number() -> int:
    return 1


def rows(home):
    """Everything that the ledger and the index of the cache hold."""
    found = []
    for path in (home / "ledger.db", home / "cache" / "index.db"):
        with contextlib.closing(sqlite3.connect(path)) as database:
            found += database.iterdump()
    return found


def files(home):
    return {path for path in home.rglob("*") if path.suffix not in {".db-wal", ".db-shm"}}


def test_a_rehearsal_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Pipeline([number]).run(home=tmp_path / "home")
    home = Home(tmp_path / "home", Settings())
    kept, lying, folders, modules = rows(home.path), files(home.path), list(sys.path), set(sys.modules)
    rehearse(home)
    assert rows(home.path) == kept
    assert files(home.path) == lying
    assert sys.path == folders
    assert not [name for name in set(sys.modules) - modules if name.startswith("weftline_")]
    home.close()
