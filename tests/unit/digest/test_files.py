"""Digests of files and folders: their content and the names inside, not the way to them."""

import hashlib
import os
from pathlib import Path

import pytest

from weftline.digest import of_file, of_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "data"
    (found / "sub").mkdir(parents=True)
    (found / "a.txt").write_bytes(b"one")
    (found / "sub" / "b.txt").write_bytes(b"two")
    return found


def test_a_file_is_digested_by_its_bytes(folder):
    assert of_file(folder / "a.txt") == hashlib.sha256(b"one").digest()


def test_neither_the_path_nor_the_name_of_a_file_counts(folder):
    before = of_path(folder / "a.txt")
    assert of_path((folder / "a.txt").rename(folder / "sub" / "other.txt")) == before


def test_neither_the_path_nor_the_name_of_a_folder_counts(folder):
    before = of_path(folder)
    assert of_path(folder.rename(folder.parent / "moved")) == before


def test_the_order_of_creation_does_not_count(folder, tmp_path):
    other = tmp_path / "other"
    (other / "sub").mkdir(parents=True)
    (other / "sub" / "b.txt").write_bytes(b"two")
    (other / "a.txt").write_bytes(b"one")
    assert of_path(other) == of_path(folder)


CHANGES = {
    "content": lambda folder: (folder / "a.txt").write_bytes(b"ONE"),
    "content below": lambda folder: (folder / "sub" / "b.txt").write_bytes(b"TWO"),
    "name": lambda folder: (folder / "a.txt").rename(folder / "c.txt"),
    "name of a folder below": lambda folder: (folder / "sub").rename(folder / "bus"),
    "file moved down": lambda folder: (folder / "a.txt").rename(folder / "sub" / "a.txt"),
    "file added": lambda folder: (folder / "c.txt").touch(),
    "empty folder added": lambda folder: (folder / "empty").mkdir(),
    "hidden file added": lambda folder: (folder / ".c").touch(),
    "file removed": lambda folder: (folder / "a.txt").unlink(),
    "contents swapped": lambda folder: ((folder / "a.txt").write_bytes(b"two"), (folder / "sub" / "b.txt").write_bytes(b"one")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_in_a_folder_counts(folder, change):
    before = of_path(folder)
    change(folder)
    assert of_path(folder) != before


def test_a_file_and_a_folder_never_share_a_digest(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "none").touch()
    assert len({of_path(tmp_path / "empty"), of_path(tmp_path / "none"), of_path(folder)}) == 3


def test_a_home_inside_the_data_is_no_data(folder):
    before = of_path(folder)
    (folder / ".weftline").mkdir()
    (folder / ".weftline" / "ledger.db").write_bytes(b"x")
    assert of_path(folder) == before


def test_a_link_counts_by_the_file_behind_it(folder, tmp_path):
    target = tmp_path / "target.txt"
    target.write_bytes(b"one")
    before = of_path(folder)
    (folder / "a.txt").unlink()
    (folder / "a.txt").symlink_to(target)
    assert of_path(folder) == before
    target.write_bytes(b"two")
    assert of_path(folder) != before


def test_a_link_to_a_folder_counts_by_what_is_in_that(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.txt").write_bytes(b"one")
    (folder / "there").symlink_to(other, target_is_directory=True)
    before = of_path(folder)
    (other / "x.txt").write_bytes(b"two")
    assert of_path(folder) != before


def test_links_in_a_circle_end(folder):
    before = of_path(folder)
    (folder / "sub" / "up").symlink_to(folder, target_is_directory=True)
    assert of_path(folder) != before
    (folder / "itself").symlink_to(folder / "itself")
    with pytest.raises(OSError, match="itself"):
        of_path(folder)


@pytest.mark.timeout(10)
def test_what_has_no_content_of_its_own_is_an_error(folder):
    os.mkfifo(folder / "pipe")
    with pytest.raises(OSError, match="neither a file nor a folder"):
        of_path(folder)
    with pytest.raises(OSError, match="neither a file nor a folder"):
        of_path(folder / "pipe")


def test_what_is_missing_is_an_error(folder):
    with pytest.raises(FileNotFoundError):
        of_path(folder / "gone")
    (folder / "dangling").symlink_to(folder / "gone")
    with pytest.raises(FileNotFoundError):
        of_path(folder)


def test_a_folder_that_cannot_be_listed_is_an_error(folder, monkeypatch):
    """A digest made of less than the folder holds would let two folders share it."""
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError):
        of_path(folder)
