"""A cache that several machines share, or that is one file, and that somebody or something has spoilt: never a wrong value.

A failing case is named by its seed. `WEFTLINE_DAMAGES=500` damages more.
"""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from weftline import Pipeline, node
from weftline.app.home import Home
from weftline.app.stores import open_store
from weftline.clock import SystemClock
from weftline.errors import BadCacheUrlError, DamagedEntryError, LedgerUnusableError, NoValueError, StoreUnusableError
from weftline.store.files import FileCache, SingleFileCache
from weftline.store.folder import FolderBlobs
from weftline.store.heartbeat import Heartbeat
from weftline.store.shared import SharedCache
from weftline.store.sqlite import SqliteLedger
from weftline.testing.caches import entry

SEEDS = range(int(os.environ.get("WEFTLINE_DAMAGES", "60")))
NOBODY = 65534


def name_of(kind, digest):
    return f"{kind}/{digest.hex()[:2]}/{digest.hex()[2:]}"


def looked_up(cache, made):
    """The contents of an entry, as far as the cache gives them."""
    found = cache.find([made.key]).get(made.key)
    if found is None:
        return None
    try:
        return [bytes(cache.load(output, found.key)) for output in found.outputs]
    except DamagedEntryError:
        return None


def is_right(cache, made):
    """Whether an entry is there; if it comes back, then as it was made."""
    contents = looked_up(cache, made)
    assert contents in (None, [output.content for output in made.outputs])
    return contents is not None


# --- one entry, byte by byte ---

SMALL, OTHER = entry("small", b"the value", b"x" * 1_200), entry("other", b"another's")


@pytest.fixture
def team(tmp_path):
    """A shared folder with two entries."""
    place = tmp_path / "team"
    with contextlib.closing(SharedCache(FolderBlobs(place))) as cache:
        cache.store([SMALL, OTHER])
    return place


@pytest.fixture
def cache(team):
    with contextlib.closing(SharedCache(FolderBlobs(team))) as opened:
        yield opened


def test_no_byte_of_an_entry_can_be_altered_unseen(cache, team):
    file = team / name_of("entries", SMALL.key)
    content = file.read_bytes()
    rng = random.Random(1)
    for at in range(len(content)):
        altered = bytearray(content)
        altered[at] ^= 1 << rng.randrange(8)
        file.write_bytes(altered)
        assert not is_right(cache, SMALL), f"byte {at} was altered, and nobody saw it"
        assert len(cache.damage()) == 1
        assert not file.exists()
    assert len(list((team / "quarantine").iterdir())) == len(content)
    cache.store([SMALL])
    assert is_right(cache, SMALL)
    assert is_right(cache, OTHER)


def test_no_entry_can_be_cut_short_unseen(cache, team):
    file = team / name_of("entries", SMALL.key)
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        assert not is_right(cache, SMALL), f"{length} bytes of {len(content)} passed for the entry"
        assert len(cache.damage()) == 1
    file.write_bytes(content + b"\n")
    assert not is_right(cache, SMALL)


def test_entries_that_have_changed_places_are_put_aside(cache, team):
    one, other = (team / name_of("entries", made.key) for made in (SMALL, OTHER))
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    assert cache.find([SMALL.key, OTHER.key]) == {}
    assert len(cache.damage()) == 2


def test_contents_that_have_changed_places_are_put_aside(cache, team):
    pair = [entry("one", b"1" * 100_000), entry("two", b"2" * 100_000)]
    cache.store(pair)
    one, other = (team / name_of("objects", made.outputs[0].object) for made in pair)
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    assert not any(is_right(cache, made) for made in pair)
    assert len(cache.damage()) == 2
    cache.store(pair)
    assert all(is_right(cache, made) for made in pair)


def test_no_part_of_a_single_file_can_be_altered_unseen(tmp_path):
    large = entry("large", b"l" * 50_000)
    with contextlib.closing(SingleFileCache(tmp_path / "one.db")) as opened:
        opened.store([SMALL, OTHER, large])
    content = (tmp_path / "one.db").read_bytes()
    rng, kept = random.Random(2), 0
    for at in [*range(120), *rng.sample(range(len(content)), 200)]:
        altered = bytearray(content)
        altered[at] ^= 1 << rng.randrange(8)
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        (tmp_path / "copy").mkdir()
        (tmp_path / "copy" / "one.db").write_bytes(altered)
        with contextlib.closing(SingleFileCache(tmp_path / "copy" / "one.db")) as opened:
            kept += sum(is_right(opened, made) for made in (SMALL, OTHER, large))
            opened.store([SMALL, OTHER, large])
            opened.damage()
            assert all(is_right(opened, made) for made in (SMALL, OTHER, large))
    assert kept > 150


@pytest.mark.parametrize("opener", [SingleFileCache, FileCache, SqliteLedger])
def test_a_file_whose_tables_have_names_that_are_no_text_is_told_as_broken(tmp_path, opener):
    """SQLite quotes them in its message, which then cannot be read either."""
    path = tmp_path / "index.db"
    place = tmp_path if opener is FileCache else path
    opener(place).close()
    content = path.read_bytes()
    at = content.index(b"CREATE TABLE ")
    path.write_bytes(content[:at] + b"CREATE \xcc\xcc\xcc" + content[at + 10 :])
    if opener is SqliteLedger:
        with pytest.raises(LedgerUnusableError, match="malformed database schema"):
            opener(place)
        return
    with contextlib.closing(opener(place)) as cache:
        assert any("was broken" in note for note in cache.damage())
        cache.store([SMALL])
        assert is_right(cache, SMALL)


def test_a_single_file_that_proves_broken_while_it_is_written_loses_nothing_that_is_acknowledged(tmp_path):
    """Contents and entries are several transactions; after the first, the file is begun anew."""
    large = entry("large", b"l" * 50_000)
    with contextlib.closing(SingleFileCache(tmp_path / "one.db")) as opened:
        opened.store([SMALL, large])
    with (tmp_path / "one.db").open("r+b") as file:
        file.seek(36)  # the number of free pages, which is looked at when one is wanted
        file.write(b"\2")
    with contextlib.closing(SingleFileCache(tmp_path / "one.db")) as opened:
        opened.store([SMALL, OTHER, large])
        assert any("was broken" in note for note in opened.damage())
        assert all(is_right(opened, made) for made in (SMALL, OTHER, large))


def test_who_has_a_file_open_that_another_one_put_aside_writes_to_the_new_one(tmp_path):
    path, large = tmp_path / "one.db", entry("large", b"l" * 50_000)
    with contextlib.closing(SingleFileCache(path)) as one:
        one.store([SMALL])
        (tmp_path / "quarantine").mkdir()
        for file in tmp_path.glob("one.db*"):
            file.rename(tmp_path / "quarantine" / file.name)
        with contextlib.closing(SingleFileCache(path)) as other:
            one.store([OTHER, large])
            assert is_right(other, OTHER)
            assert is_right(other, large)


# --- what is judged is what is put aside ---


class Meanwhile(FolderBlobs):
    """A folder in which others do something at a moment of our choice."""

    def __init__(self, folder):
        super().__init__(folder)
        self.before = {}

    def _others(self, verb):
        self.before.pop(verb, lambda: None)()

    def sizes(self, names):
        self._others("sizes")
        return super().sizes(names)

    def swap(self, changes):
        self._others("swap")
        return super().swap(changes)

    def remove(self, names):
        self._others("remove")
        super().remove(names)

    def list(self, prefix):
        yield from super().list(prefix)
        self._others(f"list {prefix}")


def test_an_entry_that_others_have_made_anew_is_not_put_aside_with_the_damaged_one(team):
    blobs = Meanwhile(team)
    with contextlib.closing(SharedCache(blobs)) as one, contextlib.closing(SharedCache(FolderBlobs(team))) as other:
        (team / name_of("entries", SMALL.key)).write_bytes(b"damaged")
        blobs.before["swap"] = lambda: other.store([SMALL])
        one.find([SMALL.key])
        assert is_right(other, SMALL)
        large = entry("large", b"l" * 100_000)
        one.store([large])
        found = one.find([large.key])[large.key]
        file = team / name_of("objects", large.outputs[0].object)
        file.write_bytes(b"m" * 100_000)
        later = large._replace(made_at=large.made_at + 1)
        blobs.before["swap"] = lambda: (file.unlink(), other.store([later]))
        with pytest.raises(DamagedEntryError):
            one.load(found.outputs[0], large.key)
        assert is_right(other, large)


def test_an_entry_that_was_removed_or_replaced_while_it_was_looked_up_is_no_damage(team):
    blobs = Meanwhile(team)
    first, second = entry("large", b"1" * 100_000), entry("large", b"2" * 100_000)
    file = team / name_of("objects", first.outputs[0].object)
    with contextlib.closing(SharedCache(blobs)) as one, contextlib.closing(SharedCache(FolderBlobs(team))) as other:
        one.store([first])
        blobs.before["sizes"] = lambda: (other.store([second]), file.unlink())
        assert one.find([first.key])[first.key].outputs[0].object == second.outputs[0].object
        other.store([first])
        blobs.before["sizes"] = lambda: (other.remove([first.key]), file.unlink())
        assert one.find([first.key]) == {}
        assert one.damage() == []


def test_a_sweep_leaves_what_somebody_is_about_to_name(team):
    blobs = Meanwhile(team)
    made = entry("large", b"1" * 100_000)
    with contextlib.closing(SharedCache(blobs)) as one, contextlib.closing(SharedCache(FolderBlobs(team))) as other:
        one.store([made])
        one.remove([made.key])
        os.utime(team / name_of("objects", made.outputs[0].object), (1, 1))
        blobs.before["list entries/"] = lambda: other.store([made])  # too late to be among them
        one.sweep()
        assert is_right(one, made)
        assert one.damage() == []


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_sweep_of_a_cache_of_one_machine_does_so_too(tmp_path, kind):
    def opened():
        return SingleFileCache(tmp_path / "one.db") if kind == "file" else FileCache(tmp_path / "cache")

    made = entry("large", b"1" * 100_000)
    with contextlib.closing(opened()) as one, contextlib.closing(opened()) as other:
        one.store([made])
        one.remove([made.key])
        if kind == "file":
            one._index.database.change(("UPDATE objects SET written_at = ?", [(1,)]))
        else:
            os.utime(one.located(made.outputs[0].object), (1, 1))
        one._objects.sweep(lambda: other.store([made]) or set())  # as asked just before
        assert is_right(one, made)


def test_what_a_sweep_took_just_before_it_was_named_is_put_back(team):
    blobs = Meanwhile(team)
    made = entry("large", b"1" * 100_000)
    with contextlib.closing(SharedCache(blobs)) as one:
        blobs.before["sizes"] = (team / name_of("objects", made.outputs[0].object)).unlink
        one.store([made])
        assert is_right(one, made)


def test_what_is_swept_just_when_it_is_looked_at_is_written_anew(tmp_path, monkeypatch):
    real = os.utime

    def swept(path):
        Path(path).unlink()
        real(path)

    with contextlib.closing(FolderBlobs(tmp_path)) as blobs:
        blobs.keep([("objects/a", b"content")])
        monkeypatch.setattr(os, "utime", swept)
        blobs.keep([("objects/a", b"content")])
        assert dict(blobs.read(["objects/a"])) == {"objects/a": b"content"}
    with contextlib.closing(FileCache(tmp_path / "cache")) as cache:
        made = entry("large", b"l" * 100_000)
        cache.store([made])
        cache.store([made])
        assert is_right(cache, made)


def test_a_long_run_keeps_its_leases_when_somebody_tidies_up(tmp_path):
    """The file that leases are linked to looks like the remains of a process that died long ago."""
    with contextlib.closing(FolderBlobs(tmp_path)) as blobs:
        assert blobs.swap([("leases/a", None, b"me")]) == {"leases/a"}
        for file in tmp_path.glob(".lease*"):
            file.unlink()
        assert blobs.swap([("leases/b", None, b"me")]) == {"leases/b"}
        assert bytes(blobs.read(["leases/b"])["leases/b"]) == b"me"


# --- whole pipelines ---


@node
def numbers(count: int = 12) -> list[int]:
    return list(range(count))


@node(requires={"x": "numbers"}, over="numbers")
def texts(x: int) -> str:
    return chr(97 + x) * (1 + x * 5_000)  # with its entry, and in a file


@node
def joined(texts: list[str], salt: int = 0) -> str:
    return "".join(texts) + str(salt)


PIPELINE = Pipeline([numbers, texts, joined], name="spoilt")
JOINED = "".join(chr(97 + x) * (1 + x * 5_000) for x in range(12))


def run(home, salt=0):
    result = PIPELINE.run(home=home, backend="inline", params={"salt": salt})
    assert result.status == "completed", result.failures
    assert result["joined"] == JOINED + str(salt)
    assert result["texts"] == [chr(97 + x) * (1 + x * 5_000) for x in range(12)]
    return result


@pytest.fixture(params=["shared:{}/team", "sqlite:{}/team/one.db"], ids=["shared", "sqlite"])
def place(request, tmp_path, monkeypatch):
    """A cache with everything in it."""
    monkeypatch.setenv("WEFTLINE_CACHE", request.param.format(tmp_path))
    run(tmp_path / "home")
    return tmp_path / "team"


def files_in(place):
    return sorted(file for file in place.rglob("*") if file.is_file() and not file.name.endswith("-leases"))


def truncate(rng, file, others):
    content = file.read_bytes()
    file.write_bytes(content[: rng.randrange(len(content))] if content else b"")


def flip(rng, file, others):
    content = bytearray(file.read_bytes() or b"x")
    for _ in range(rng.choice([1, 1, 3, 50])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


def delete(rng, file, others):
    file.unlink()


def empty(rng, file, others):
    file.write_bytes(b"")


def extend(rng, file, others):
    file.write_bytes(file.read_bytes() + rng.randbytes(rng.randint(1, 5000)))


def blank(rng, file, others):
    content = bytearray(file.read_bytes())
    start = rng.randrange(len(content) or 1)
    content[start : start + 4096] = bytes(len(content[start : start + 4096]))
    file.write_bytes(content)


def swap(rng, file, others):
    other = rng.choice(others)
    content = file.read_bytes()
    file.write_bytes(other.read_bytes())
    other.write_bytes(content)


def come_from_the_future(rng, file, others):
    then = time.time() + rng.choice([60, 86_400, 10 * 365 * 86_400])
    os.utime(file, (then, then))


def come_from_long_ago(rng, file, others):
    os.utime(file, (0, 0))


HARMS = [truncate, flip, delete, empty, extend, blank, swap, come_from_the_future, come_from_long_ago]


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_to_the_files_values_are_right(place, tmp_path, seed):
    rng = random.Random(seed)
    files = files_in(place)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        harm, file = rng.choice(HARMS), rng.choice(files)
        with contextlib.suppress(FileNotFoundError):  # it was deleted before
            harm(rng, file, files)
    home = tmp_path / rng.choice(["home", "other"])
    database = tmp_path / "team" / "one.db"
    if database.exists() and database.read_bytes()[:16] not in {b"SQLite format 3\0", b""}:
        with pytest.raises(BadCacheUrlError, match="a file of another kind"):  # nobody can tell it from somebody else's
            run(home, 0)
        return
    if rng.random() < 0.3:
        opened = Home(home)
        with contextlib.closing(opened.cache):
            opened.cache.sweep()
    for salt in (0, 1):
        with contextlib.suppress(NoValueError):  # what breaks after it was restored is told, and made by the next run
            run(home, salt)
    for salt in (0, 1):
        run(home, salt)
    assert sum(step.ran for step in run(home, 1).steps.values()) == 0


@pytest.mark.parametrize("harm", [truncate, flip, delete, empty, extend])
@pytest.mark.parametrize("kind", ["entries", "objects"])
def test_damage_is_told_and_made_good(tmp_path, monkeypatch, harm, kind):
    monkeypatch.setenv("WEFTLINE_CACHE", f"shared:{tmp_path}/team")
    run(tmp_path / "home")
    rng = random.Random(3)
    for file in files_in(tmp_path / "team" / kind):
        harm(rng, file, [])
    if (kind, harm) == ("objects", flip):  # the size stays: it shows when it is read, and that of a result after the run
        with pytest.raises(NoValueError, match="damaged and put into quarantine"):
            run(tmp_path / "home")
    first = run(tmp_path / "home")
    if (kind, harm) not in {("entries", delete), ("objects", flip)}:  # an entry that is gone is one that never was
        assert any("it will be computed again" in note for note in first.notes), first.notes
    assert sum(step.ran for step in first.steps.values()) >= 1
    second = run(tmp_path / "home")
    assert second.notes == []
    assert sum(step.ran for step in second.steps.values()) == 0


# --- leases ---


def garbage():
    me = Heartbeat(FolderBlobs(Path("nowhere")), 1.0).me
    machine, _, rest = me.partition(":")
    _, start, mark = rest.split(":")
    return {
        "nothing": b"",
        "bytes": random.Random(4).randbytes(200),
        "long": b"x" * 1_000_000,
        "longer than a name may be": b"a:b:c:" + b"/../" * 300,
        "no number": f"{machine}:x{os.getpid()}:{start}:{mark}".encode(),
        "no such number": f"{machine}:{'9' * 5000}:{start}:{mark}".encode(),
        "half": me[: len(me) // 2].encode(),
        "lines": f"{machine}:\n:\0:..".encode(),
        "another machine": b"elsewhere/00000000-1:77:123:beef",
    }


@pytest.mark.parametrize("name", garbage())
def test_leases_that_make_no_sense_are_taken_over(tmp_path, monkeypatch, name):
    monkeypatch.setenv("WEFTLINE_CACHE", f"shared:{tmp_path}/team?dead_after_s=0.3")
    run(tmp_path / "home")
    team, content = tmp_path / "team", garbage()[name]
    for file in files_in(team / "entries"):
        lease = team / "leases" / file.relative_to(team / "entries")
        lease.parent.mkdir(parents=True, exist_ok=True)
        lease.write_bytes(content)
        file.unlink()
    (team / "holders").mkdir(exist_ok=True)
    (team / "holders" / "garbage").write_bytes(content)
    (team / "leases" / "stray").write_bytes(content)
    result = run(tmp_path / "home")
    assert result.notes == []
    assert sum(step.ran for step in result.steps.values()) == 14


# --- what the command line says ---

FLOW = """
from weftline import Pipeline, node

@node
def small() -> int:
    return 1

@node
def large(small: int) -> str:
    return "x" * (3 << 20)

@node
def after(large: str) -> int:
    return len(large)

pipeline = Pipeline([small, large, after], name="flow")
"""


class Shell:
    """Commands in a folder that everybody may enter, on a cache that is shared there."""

    def __init__(self, folder, url):
        self.folder = folder
        self._url = url
        (folder / "flow.py").write_text(FLOW)

    def __call__(self, *words, limit=None):
        """Runs a command; whatever it says, it is no stack trace."""
        environment = {**os.environ, "WEFTLINE_CACHE": self._url, "WEFTLINE_HOME": str(self.folder / "home")}
        program = "import sys; from weftline.cli.main import main; sys.exit(main())"
        if limit is not None:
            program = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); {program}"
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(params=["shared:{}/team", "sqlite:{}/team/one.db"], ids=["shared", "sqlite"])
def shell(request, tmp_path):
    return Shell(tmp_path, request.param.format(tmp_path))


COMMANDS = [("run", "flow.py"), ("plan", "flow.py"), ("cache", "ls"), ("cache", "gc")]


def put_folder(path):
    path.unlink()
    path.mkdir()


def put_file(path):
    shutil.rmtree(path)
    path.write_text("no folder")


@pytest.mark.parametrize(
    ("what", "harm"),
    [
        ("entries/??/*", put_folder),
        ("objects/??/*", put_folder),
        ("recipes/??/*", put_folder),
        ("entries", put_file),
        ("objects", put_file),
        ("recipes", put_file),
        ("leases", put_file),
        ("holders", put_file),
        ("quarantine", put_file),
        ("", put_file),
    ],
)
def test_what_is_of_another_kind_is_a_clear_error_or_none(tmp_path, what, harm):
    team, shell = tmp_path / "team", Shell(tmp_path, f"shared:{tmp_path}/team")
    assert shell("run", "flow.py")[0] == 0
    (team / "quarantine").mkdir()
    for path in list(team.glob(what)) if what else [team]:
        harm(path)
    if what == "quarantine":
        for file in files_in(team / "entries"):
            file.write_bytes(b"damaged")
    for command in COMMANDS:
        code, said = shell(*command)
        is_well = code == 0 or (code == 2 and "next: weftline run" in said)
        assert is_well or f"the store at {team} cannot be used: " in said, said
        assert is_well or "fix" in said
    if harm is put_folder:
        for path in [path for path in team.glob(what) if path.is_dir()]:
            path.rmdir()
    else:
        (team / what).unlink()
    assert shell("run", "flow.py")[0] == 0


@contextlib.contextmanager
def somebody_else():
    """This process may do what anybody may."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def open_place():
    """A folder below which everybody may look."""
    place = Path(tempfile.mkdtemp(prefix="weftline-team-"))
    place.chmod(0o755)
    yield place / "team"
    for path in place.rglob("*"):
        path.chmod(0o755)
    shutil.rmtree(place)


@pytest.mark.parametrize("kind", ["shared", "sqlite"])
def test_who_may_only_read_reads_and_is_told_that_nothing_can_be_stored(open_place, kind):
    large = entry("large", b"l" * 2_000_000)
    url = f"shared:{open_place}" if kind == "shared" else f"sqlite:{open_place}/one.db"
    with contextlib.closing(open_store(url, open_place / "none", SystemClock())) as store:
        store.cache.store([SMALL, large])
    for path in [open_place, *open_place.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    with somebody_else():
        if kind == "sqlite":  # SQLite has to write to a file beside it, to read
            with pytest.raises(StoreUnusableError, match="readonly") as caught:
                open_store(url, open_place / "none", SystemClock())
            assert "broken" not in str(caught.value)
            return
        store = open_store(url, open_place / "none", SystemClock())
        with contextlib.closing(store.cache) as cache:
            assert is_right(cache, SMALL)
            assert is_right(cache, large)
            with pytest.raises(StoreUnusableError, match="Permission denied"):
                cache.store([OTHER])
            with pytest.raises(StoreUnusableError, match="Permission denied"):
                cache.remove([SMALL.key])
            with pytest.raises(StoreUnusableError, match="Permission denied"):
                store.leases.take([SMALL.key])
            store.leases.close()


@pytest.mark.parametrize("kind", ["entries", "objects"])
def test_what_may_not_be_read_is_a_clear_error(open_place, kind):
    large = entry("large", b"l" * 2_000_000)
    cache = SharedCache(FolderBlobs(open_place))
    cache.store([SMALL, large])
    for file in files_in(open_place / kind):
        file.chmod(0)
    with somebody_else(), pytest.raises(StoreUnusableError, match=rf"Permission denied \({kind}/"):
        cache.load(cache.find([large.key])[large.key].outputs[0], large.key)
    for file in files_in(open_place / kind):
        file.chmod(0o644)
    assert is_right(cache, large)


# --- no room ---


@pytest.mark.parametrize("size", ["60k", "400k", "2m"])
@pytest.mark.parametrize("kind", ["shared", "sqlite"])
def test_a_full_disk_is_a_clear_error_and_the_run_goes_on_when_there_is_room(disk, tmp_path, kind, size):
    place = disk(f"size={size}")
    shell = Shell(tmp_path, f"shared:{place}/team" if kind == "shared" else f"sqlite:{place}/team/one.db")
    code, said = shell("run", "flow.py")
    assert code != 0
    assert "cannot be used" in said
    assert "No space left" in said or "full" in said
    assert not [file for file in place.rglob(".*") if file.is_file() and not file.name.startswith(".lease")], "left over"
    disk("size=200m,remount")
    code, said = shell("run", "flow.py")
    assert code == 0, said


@pytest.mark.parametrize("kind", ["shared", "sqlite"])
def test_a_disk_that_cannot_be_written_is_a_clear_error(disk, tmp_path, kind):
    place = disk("size=200m")
    shell = Shell(tmp_path, f"shared:{place}/team" if kind == "shared" else f"sqlite:{place}/team/one.db")
    assert shell("run", "flow.py")[0] == 0
    disk("remount,ro")
    for command in [*COMMANDS, ("run", "flow.py", "--refresh"), ("cache", "gc", "--max-size", "1KB", "--keep-runs", "0")]:
        code, said = shell(*command)
        assert code == 0 or "cannot be used" in said, said
    assert code != 0
    disk("remount,rw")
    assert shell("run", "flow.py", "--refresh")[0] == 0


def test_files_that_may_not_grow_are_a_clear_error(shell):
    code, said = shell("run", "flow.py", limit=1 << 20)
    assert code != 0
    assert "cannot be used" in said
    assert shell("run", "flow.py")[0] == 0
