"""A cache that a URL names: what is not one stays as it is."""

import sqlite3

import pytest

from weftline.app.stores import open_store
from weftline.clock import SystemClock
from weftline.errors import BadCacheUrlError


def text(file):
    file.write_text("a,b\n1,2\n" * 100)


def database(*statements):
    def make(file):
        with sqlite3.connect(file) as made:
            for statement in statements:
                made.execute(statement)
        made.close()

    return make


OTHERS = {
    "text": text,
    "a few bytes": lambda file: file.write_bytes(b"x"),
    "another database": database("CREATE TABLE customers (id)"),
    "a newer database": database("CREATE TABLE customers (id)", "PRAGMA user_version = 99"),
    "a table of that name": database("CREATE TABLE results (id)", "PRAGMA user_version = 4"),
}


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
def test_a_file_that_is_no_cache_is_refused_and_left_alone(make, tmp_path):
    file = tmp_path / "mine.db"
    make(file)
    before = file.read_bytes()
    with pytest.raises(BadCacheUrlError, match=r"K412.*another kind"):
        open_store(f"sqlite:{file}", tmp_path / "home", SystemClock())
    assert file.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["mine.db"]


def test_a_cache_is_opened_again_and_so_is_an_empty_file(tmp_path):
    (tmp_path / "empty.db").touch()
    for name in ("empty.db", "empty.db", "new.db", "new.db"):
        open_store(f"sqlite:{tmp_path / name}", tmp_path / "home", SystemClock()).close()
    assert not (tmp_path / "quarantine").exists()


def test_a_cache_that_another_process_has_just_begun_is_opened(tmp_path):
    url = f"sqlite:{tmp_path / 'cache.db'}"
    first = open_store(url, tmp_path / "home", SystemClock())  # its tables are not in the main file yet
    open_store(url, tmp_path / "home", SystemClock()).close()
    first.close()
