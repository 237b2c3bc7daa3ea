"""A cache in a folder that holds other things too: what is not the cache's own is never removed."""

import os

from weftline.store.aside import name_aside
from weftline.store.folder import FolderBlobs
from weftline.store.shared import SharedCache

#: What people and programs keep in folders that may be named so.
OTHERS = (
    ".env", "project/.gitignore", "project/.git/HEAD", "objects/notes.txt", "objects/.hidden", "objects/ab/lens.csv",
    "objects/2e/" + "7" * 38, "leases/2026/flat.txt", "leases/rent.txt", "leases/ab/.env", "holders/people.txt",
    ".cache.of.another.tool",
)  # fmt: skip


def aged(folder):
    for file in folder.rglob("*"):
        os.utime(file, (1, 1))


def files_in(folder):
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_a_sweep_leaves_what_it_did_not_write(tmp_path):
    for name in OTHERS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("somebody else's")
    for place in (tmp_path / "lease", tmp_path / "objects/ab/cd", tmp_path / "holders/host"):
        name_aside(place).write_text("left by a dead process")
    (tmp_path / "objects/ab" / ("c" * 62)).write_text("named by nobody")
    aged(tmp_path)
    cache = SharedCache(FolderBlobs(tmp_path))
    assert cache.sweep() > 0
    cache.close()
    assert files_in(tmp_path) == set(OTHERS)
