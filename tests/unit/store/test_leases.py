"""Leases between machines: who is believed to live, and what becomes of the leases of the dead."""

import hashlib

import pytest

from weftline.store import holder
from weftline.store.folder import FolderBlobs
from weftline.store.leases import BlobLeases, sweep
from weftline.testing import ManualClock

A, B = (hashlib.sha256(name).digest() for name in (b"a", b"b"))


@pytest.fixture
def leases(tmp_path, monkeypatch):
    """Makes holders on machines of a name, each with the clock that it is given."""
    made = []

    def make(machine, clock):
        with monkeypatch.context() as patch:
            patch.setattr(holder, "_machine", lambda: machine)
            made.append(BlobLeases(FolderBlobs(tmp_path / "team"), dead_after_s=20.0, clock=clock))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_who_shows_no_sign_of_life_is_dead_after_a_while(leases):
    clock = ManualClock()
    silent, other = leases("far", ManualClock()), leases("near", clock)
    silent.take([A])
    assert other.take([A]) == set()
    clock.move(19.9)
    assert other.free([A]) == set()
    assert other.take([A]) == set()
    clock.move(0.2)
    assert other.free([A]) == {A}
    assert other.take([A]) == {A}


def test_who_shows_signs_of_life_is_waited_for(leases):
    clock = ManualClock()
    slow, other = leases("far", ManualClock()), leases("near", clock)
    slow.take([A])
    for _ in range(10):
        assert other.take([A]) == set()
        clock.move(15.0)
        slow._life.beat()
    assert slow.held([A]) == {A}


def test_who_was_taken_for_dead_finds_out(leases):
    clock = ManualClock()
    stopped, other = leases("far", ManualClock()), leases("near", clock)
    stopped.take([A, B])
    other.free([A])
    clock.move(21.0)
    other.take([A])
    assert stopped.held([A, B]) == {B}
    stopped.give_back([A, B])
    assert other.held([A]) == {A}
    assert other.take([B]) == {B}


def test_who_cannot_show_signs_of_life_holds_nothing(leases):
    clock = ManualClock()
    cut_off = leases("far", clock)
    cut_off.take([A])
    clock.move(19.9)
    assert cut_off.held([A]) == {A}
    clock.move(0.2)
    assert cut_off.held([A]) == set()
    cut_off._life.beat()
    assert cut_off.held([A]) == set(), "what was lost has to be taken again"
    assert cut_off.free([A]) == {A}
    assert cut_off.take([A]) == {A}
    assert cut_off.held([A]) == {A}


def test_setting_a_machines_clock_changes_nothing(leases):
    clocks = ManualClock(), ManualClock()
    one, other = leases("far", clocks[0]), leases("near", clocks[1])
    one.take([A])
    other.free([A])
    for clock in clocks:
        clock.jump(86_400.0)
    assert other.free([A]) == set()
    assert one.held([A]) == {A}
    for clock in clocks:
        clock.jump(-10 * 86_400.0)
    assert other.free([A]) == set()
    assert one.held([A]) == {A}


def test_a_process_of_this_machine_that_is_gone_is_dead_at_once(leases, monkeypatch):
    gone, other = leases("here", ManualClock()), leases("here", ManualClock())
    gone.take([A])
    monkeypatch.setattr(holder, "_machine", lambda: "here")
    assert other.take([A]) == set()
    monkeypatch.setattr(holder, "_started", lambda pid: "another one of that number")
    assert other.take([A]) == {A}


def test_who_ends_takes_away_what_the_dead_have_left(leases, tmp_path):
    clock = ManualClock()
    dead, other = leases("far", ManualClock()), leases("near", clock)
    dead.take([A, B])
    other.take([hashlib.sha256(b"c").digest()])
    other.free([A])
    clock.move(21.0)
    other.close()
    assert not [file for file in (tmp_path / "team" / "leases").rglob("*") if file.is_file()]
    assert [blob.name for blob in FolderBlobs(tmp_path / "team").list("holders/")] == []


def test_a_sweep_removes_what_was_left_long_ago(leases, tmp_path):
    leases("far", ManualClock()).take([A])
    blobs = FolderBlobs(tmp_path / "team")
    sweep(blobs, 60.0)
    assert [blob.size > 0 for blob in blobs.list("leases/")] == [True]
    sweep(blobs, -60.0)
    assert list(blobs.list("leases/")) == list(blobs.list("holders/")) == []


def test_holders_are_named_for_people(leases):
    one, other = leases("far/0000-1", ManualClock()), leases("near", ManualClock())
    one.take([A])
    other.take([A])
    assert other.holder(A).endswith("on far")
    assert other.holder(A).startswith("process ")
    assert other.holder(B) == ""
