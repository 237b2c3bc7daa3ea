"""Rewritten files take the place of the old ones, whole or not at all."""

import os

import pytest

from weftline.app.manifests import migrated, put
from weftline.errors import ChangedManifestError, UnwritableManifestError

OLD = "name: g\nsteps: [{name: a, pipeline: b}]  # one\n"


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "group.yaml"
    file.write_text(OLD)
    return file


def test_the_new_text_takes_the_place_of_the_old_with_its_mode(file):
    file.chmod(0o640)
    old, found = migrated(file)
    put(file, old, found.text)
    assert file.read_text() == found.text != OLD
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(file.parent.iterdir()) == [file], "nothing is left over"


def test_what_a_link_points_to_is_rewritten(file, tmp_path):
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    old, found = migrated(link)
    put(link, old, found.text)
    assert link.is_symlink()
    assert file.read_text() == found.text


def test_a_file_that_somebody_changed_meanwhile_is_left_alone(file):
    old, found = migrated(file)
    file.write_text(OLD + "# mine\n")
    with pytest.raises(ChangedManifestError):
        put(file, old, found.text)
    assert file.read_text() == OLD + "# mine\n"


def test_a_place_that_cannot_be_written_is_told(file, monkeypatch):
    old, found = migrated(file)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnwritableManifestError, match="No space left"):
        put(file, old, found.text)
    assert file.read_text() == OLD
    assert list(file.parent.iterdir()) == [file]
