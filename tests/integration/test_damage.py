"""A cache that was truncated, altered, deleted, or has no room: told, put aside, computed again; never a wrong value.

A failing case is named by its seed. `WEFTLINE_DAMAGES=500` damages more.
"""

import contextlib
import os
import random
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from weftline import Pipeline, node
from weftline.errors import NoValueError
from weftline.store.sqlite import SqliteLedger

SEEDS = range(int(os.environ.get("WEFTLINE_DAMAGES", "60")))


@node
def numbers(count: int = 12) -> list[int]:
    return list(range(count))


@node(requires={"x": "numbers"}, over="numbers")
def texts(x: int) -> str:
    return chr(97 + x) * (1 + x * 5_000)  # in a row, and in a file


@node
def joined(texts: list[str]) -> str:
    return "".join(texts)


@node(provides=("size", "head"))
def both(joined: str, texts: list[str], salt: int = 0) -> tuple[int, str]:
    return len(joined) + len(texts) + salt, joined[:3]


PIPELINE = Pipeline([numbers, texts, joined, both], name="damaged")
JOINED = "".join(chr(97 + x) * (1 + x * 5_000) for x in range(12))


def run(home, salt=0, **options):
    result = PIPELINE.run(home=home, backend="inline", params={"salt": salt}, **options)
    assert result.status == "completed", result.failures
    assert result["size"] == len(JOINED) + 12 + salt
    assert result["head"] == JOINED[:3]
    assert result["joined"] == JOINED
    assert result["texts"] == [chr(97 + x) * (1 + x * 5_000) for x in range(12)]
    return result


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A home with everything in it, to be copied."""
    home = tmp_path_factory.mktemp("kept") / "home"
    run(home)
    return home


@pytest.fixture
def home(kept, tmp_path):
    shutil.copytree(kept, tmp_path / "home")
    return tmp_path / "home"


def objects(home):
    return sorted(found for found in (home / "cache" / "objects").rglob("*") if found.is_file())


def truncate(rng, file):
    content = file.read_bytes()
    file.write_bytes(content[: rng.randrange(len(content))])


def flip(rng, file):
    content = bytearray(file.read_bytes())
    for _ in range(rng.choice([1, 1, 3, 50])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


def flip_head(rng, file):
    content = bytearray(file.read_bytes())
    content[rng.randrange(100)] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


def delete(rng, file):
    file.unlink()


def extend(rng, file):
    file.write_bytes(file.read_bytes() + rng.randbytes(rng.randint(1, 5000)))


def blank(rng, file):
    content = bytearray(file.read_bytes())
    start = rng.randrange(len(content))
    content[start : start + 4096] = bytes(len(content[start : start + 4096]))
    file.write_bytes(content)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_to_the_files_of_a_cache_values_are_right(home, seed):
    rng = random.Random(seed)
    files = [home / "cache" / "index.db"] * 3 + objects(home)
    for file in set(rng.choices(files, k=rng.choice([1, 1, 2, 5]))):
        if file.name == "index.db":
            rng.choice([truncate, flip, flip, flip_head, delete, extend, blank])(rng, file)
        else:
            rng.choice([truncate, flip, delete, extend, blank])(rng, file)
    for salt in (0, 1):
        with contextlib.suppress(NoValueError):  # what breaks after it was restored is told, and made by the next run
            run(home, salt)
    for salt in (0, 1):
        run(home, salt)


@pytest.mark.parametrize("harm", [truncate, flip, delete, extend])
def test_a_damaged_value_is_told_put_aside_and_made_again(home, harm):
    harm(random.Random(1), objects(home)[0])
    first = run(home)
    assert any("it will be computed again" in note for note in first.notes), first.notes
    assert sum(step.ran for step in first.steps.values()) >= 1
    second = run(home)
    assert second.notes == []
    assert sum(step.ran for step in second.steps.values()) == 0


@pytest.mark.parametrize("harm", [truncate, flip, flip_head, blank])
def test_a_broken_index_is_begun_anew(home, harm):
    harm(random.Random(3), home / "cache" / "index.db")
    run(home)
    assert sum(step.ran for step in run(home).steps.values()) == 0


def test_a_deleted_cache_is_an_empty_one(home):
    shutil.rmtree(home / "cache")
    assert sum(step.ran for step in run(home).steps.values()) == 15


def test_a_cache_without_its_objects(home):
    shutil.rmtree(home / "cache" / "objects")
    run(home)
    assert sum(step.ran for step in run(home).steps.values()) == 0


def test_an_old_log_beside_a_new_index_does_no_harm(home, tmp_path):
    """As after a copy that was made while something was being written."""
    (home / "cache" / "index.db-wal").write_bytes(os.urandom(40_000))
    (home / "cache" / "index.db-shm").write_bytes(os.urandom(32_768))
    run(home)


@pytest.mark.parametrize("harm", [truncate, flip_head])
def test_a_broken_journal_is_told_and_left_alone(home, harm):
    """A ledger is no cache: what happened cannot be computed again."""
    file = home / "ledger.db"
    content = file.read_bytes()
    file.write_bytes(b"garbage!" * 16 + content[128:])
    with pytest.raises(Exception, match=r"\[L801\] the ledger at .* cannot be used"):
        run(home)
    assert file.read_bytes()[:128] == b"garbage!" * 16


def test_objects_that_are_deleted_while_a_run_goes_on(home):
    @node
    def sweep(salt: int = 0) -> int:
        for file in Path(HOME["home"], "cache", "objects").rglob("*"):
            if file.is_file():
                file.unlink()
        return salt

    @node
    def after(sweep: int, joined: str, texts: list[str]) -> int:
        return len(joined) + len(texts)

    @node
    def also(sweep: int, texts: list[str], joined: str) -> int:
        return len(joined) + len(texts)

    HOME["home"] = str(home)
    result = Pipeline([numbers, texts, joined, sweep, after, also], name="damaged").run(home=home, backend="threads", workers=2)
    assert result.status == "completed", result.failures
    assert (result["after"], result["also"]) == (len(JOINED) + 12, len(JOINED) + 12)


class _Home(dict):
    def __weftline_digest__(self):
        return "where the test is does not matter"


HOME = _Home()


# --- no room ---

FULL = """
import resource, sys
sys.path.insert(0, {folder!r})
from test_damage_flow import pipeline

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
    result = pipeline.run(home={home!r}, backend={backend!r}, workers=2)
    for label, failure in result.failures:
        print(label, failure.finding.code if failure.finding else failure.kind, failure.message)
    print(result.status)
"""

FLOW = """
from weftline import Pipeline, node

@node
def small() -> int:
    return 1

@node
def large(small: int) -> bytes:
    return bytes(40 << 20)

@node
def after(large: bytes) -> int:
    return len(large)

pipeline = Pipeline([small, large, after], name="full")
"""


def outcome(folder, home, limit, backend="threads"):
    (folder / "test_damage_flow.py").write_text(FLOW, encoding="utf-8")
    file = folder / "program.py"
    file.write_text(FULL.format(folder=str(folder), home=str(home), limit=limit, backend=backend), encoding="utf-8")
    return subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=120, cwd=folder, check=False)


def test_a_value_that_finds_no_room_fails_its_node_and_says_so(tmp_path):
    """A limit on the size of files stands for a full disk."""
    done = outcome(tmp_path, tmp_path / "home", 8 << 20)
    assert done.stdout.splitlines()[-1] == "failed", done.stderr
    assert "large K405 the store at" in done.stdout
    assert "File too large" in done.stdout
    assert "Traceback" not in done.stderr
    ledger = SqliteLedger(tmp_path / "home" / "ledger.db")
    (found,) = ledger.runs()
    assert found.status == "failed"
    ledger.close()
    assert not [left for left in (tmp_path / "home" / "cache" / "objects").rglob(".*") if left.is_file()]
    again = outcome(tmp_path, tmp_path / "home", resource.RLIM_INFINITY)
    assert again.stdout.splitlines()[-1] == "completed", again.stderr


def test_a_journal_that_finds_no_room_is_a_clear_error(tmp_path):
    done = outcome(tmp_path, tmp_path / "home", 16 << 10)
    assert done.returncode != 0
    assert "cannot be used" in done.stderr
    assert "check" in done.stderr
    assert "sqlite3.OperationalError" not in done.stderr.splitlines()[-1]
    again = outcome(tmp_path, tmp_path / "home", resource.RLIM_INFINITY)
    assert again.stdout.splitlines()[-1] == "completed", again.stderr


@pytest.mark.parametrize("size", ["2m", "400k", "60k"])
def test_a_full_disk_is_a_clear_error_and_the_run_goes_on_when_there_is_room(disk, tmp_path, size):
    place = disk(f"size={size}")
    done = outcome(tmp_path, place / "home", resource.RLIM_INFINITY)
    assert "completed" not in done.stdout
    if done.returncode:  # not even the journal found room
        assert "cannot be used" in done.stderr
        assert "fix" in done.stderr
    else:
        assert done.stdout.splitlines()[-1] == "failed"
        assert "large K405 the store at" in done.stdout
        assert "No space left" in done.stdout or "full" in done.stdout
    disk("size=200m,remount")
    again = outcome(tmp_path, place / "home", resource.RLIM_INFINITY)
    assert again.stdout.splitlines()[-1] == "completed", again.stderr


def test_a_disk_that_cannot_be_written_is_a_clear_error(disk, tmp_path):
    place = disk("size=200m")
    assert outcome(tmp_path, place / "home", resource.RLIM_INFINITY).stdout.splitlines()[-1] == "completed"
    disk("remount,ro")
    done = outcome(tmp_path, place / "home", resource.RLIM_INFINITY)
    assert done.returncode != 0
    assert "cannot be used" in done.stderr
    assert str(place) in done.stderr
    assert "weftline.errors" in done.stderr.strip().splitlines()[-2] + done.stderr.strip().splitlines()[-1]
    new = outcome(tmp_path, place / "other", resource.RLIM_INFINITY)
    assert "cannot be used" in new.stderr
