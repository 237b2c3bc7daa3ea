"""What caches and a ledger have acknowledged survives a loss of power at any moment; see `power_loss.py` for the disk.

Programs are recorded once, and then lose power at many moments. A failing case is named by its seed and by the number of
the record after which the power was lost. `WEFTLINE_POWER_LOSSES=4000` takes more moments.
"""

import contextlib
import errno
import filecmp
import functools
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.integration.power_loss import Disk, Pen, Recorder, told

from weftline.errors import DamagedEntryError, LedgerUnusableError, StoreUnusableError
from weftline.model.event import Event, Kind
from weftline.store import aside
from weftline.store.files import FileCache, SingleFileCache
from weftline.store.folder import FolderBlobs
from weftline.store.joined import JoinedCache
from weftline.store.shared import SharedCache
from weftline.store.sqlite import SqliteLedger
from weftline.testing.caches import entry
from weftline.testing.ledgers import RECIPE, opening, started

#: Losses of power in one test.
EACH = 20
SEEDS = range(max(2, int(os.environ.get("WEFTLINE_POWER_LOSSES", "240")) // (2 * EACH)))


class Joined(JoinedCache):
    """The cache of a home with its ledger, which takes small results along."""

    def __init__(self, home):
        self.ledger = SqliteLedger(home / "ledger.db")
        super().__init__(home / "cache", self.ledger.staged)

    def store(self, entries):
        self.stage(entries)
        self.ledger.append("", [])

    def close(self):
        super().close()
        self.ledger.close()


#: Caches below a home. A ledger goes with those of the home.
CACHES = {
    "home": lambda home: FileCache(home / "cache"),
    "joined": Joined,
    "sqlite": lambda home: SingleFileCache(home / "cache" / "one.db"),
    "shared": lambda home: SharedCache(FolderBlobs(home / "cache")),
}


# --- what is stored: the same in the process that writes and in the one that looks ---


@functools.cache
def made(name, version=0):
    """An entry; its name ends with its number, which says how many outputs there are, and how large. Some are shared."""
    number = int(name.rpartition("-")[2])
    rng = random.Random(f"{name} {version}")
    if number % 10 < 6:
        sizes = [rng.randint(0, 900) for _ in range(1 + number % 3)]
    else:
        sizes = {6: [5_000, 30], 7: [20_000, 40], 8: [40_000, 10], 9: [200_000, 1_500] if number % 20 == 9 else [300, 41_000]}[
            number % 10
        ]
    contents = [rng.randbytes(size) for size in sizes]
    if number % 10 in {8, 9}:
        contents.append(random.Random(number // 20).randbytes(33_000))  # what others have made as well
    return entry(name, *contents, recipe=f"recipe {number % 7}")


@functools.cache
def event(run, number):
    """An event of a run."""
    if number == 0:
        return opening(100.0, run)
    if number == 1:
        return started("embed", a="1")
    body = {"key": f"{number:064x}", "text": "x" * (number * 37 % 700)}
    return Event(Kind.CALL_SUCCEEDED, 100.0 + number, "embed", number, 1, body)


# --- those who write; run as programs ---


class Writer:
    """Stores and appends below a home, and marks in the recording what it begins and what was acknowledged."""

    def __init__(self, pen, home, kind):
        self._pen = pen
        self._home = home
        self._length = {}
        self.cache = CACHES[kind](home)
        self.ledger = SqliteLedger(home / "ledger.db") if kind == "home" else getattr(self.cache, "ledger", None)

    def close(self):
        self.cache.close()
        if self.ledger is not None:
            self.ledger.close()

    def store(self, *names, version=0):
        with self._acknowledged("store", names, version):
            self.cache.store([made(name, version) for name in names])

    def remove(self, *names):
        with self._acknowledged("remove", names, None):
            self.cache.remove([made(name).key for name in names])

    def append(self, run, count):
        if self.ledger is None:
            return
        before = self._length.get(run, 0)
        self._length[run] = before + count
        with self._acknowledged("append", [run], before + count):
            self.ledger.append(run, [event(run, at) for at in range(before, before + count)], [RECIPE] if not before else [])

    @contextlib.contextmanager
    def _acknowledged(self, verb, names, what):
        self._pen.mark(self._home.name, f"begin {verb}", names, what)
        yield
        self._pen.mark(self._home.name, f"end {verb}", names, what)


def alone(pen, folder, kind):
    """One process, which opens the home again and again: stores, removes, stores other contents, tidies up."""
    number = 0
    for session in range(4):
        with contextlib.closing(Writer(pen, folder / "home", kind)) as writer:
            for turn in range(75):
                size = (1, 1, 2, 1, 5, 1, 3, 12)[turn % 8]
                writer.store(*(f"a-{at}" for at in range(number, number + size)))
                number += size
                writer.append(f"run {session}", 1 + turn % 3 + (turn == 0))
            writer.store(*(f"again-{at}" for at in range(number - 40, number)))  # partly contents that are there
            for at in range(0, number, 29):
                writer.store(f"a-{at}", version=session + 1)
            writer.remove(*(f"a-{at}" for at in range(session, number, 17)))
            _make_old(folder / "home" / "cache")
            writer.cache.sweep()


def _make_old(cache):
    """Makes all contents so old that a sweep may take them."""
    for file in (cache / "objects").glob("??/*"):
        os.utime(file, (1, 1))
    if (cache / "one.db").exists():
        with contextlib.closing(sqlite3.connect(cache / "one.db", isolation_level=None)) as database:
            database.execute("UPDATE objects SET written_at = 1")


def together(pen, folder, kind, who):
    """One of two processes that write at the same time, partly the same contents."""
    for part in range(2):
        with contextlib.closing(Writer(pen, folder / "home", kind)) as writer:
            for turn in range(60 * part, 60 * part + 60):
                shared = [f"both-{turn}"] if turn % 4 == 0 else []
                writer.store(*shared, *(f"{who}-{3 * turn + at}" for at in range(3)))
                writer.append(f"run of {who}, {part}", 2 + turn % 3)


def killed(pen, folder, kind):
    """A process ends at each of its operations in turn; another does the same work after it."""
    code, operation = 77, 0
    while code == 77:
        operation += 1
        home = folder / f"{operation}"
        pid = os.fork()
        if not pid:
            pen.arm(operation)
            _work(Writer(pen, home, kind), "first")
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.closing(Writer(pen, home, kind)) as writer:
            _work(writer, "second")
    assert code == 0
    assert operation > 40


def refused(pen, folder, kind, error):
    """Each operation in turn fails, as on a disk that is full; then there is room, and the same process tries again."""
    has_struck, operation = True, 0
    while has_struck:
        operation += 1
        home, writer, has_worked = folder / f"{operation}", None, False
        pen.arm(operation, int(error))
        for attempt in ("first", "second"):
            with contextlib.suppress(StoreUnusableError, LedgerUnusableError):
                writer = writer or Writer(pen, home, kind)
                _work(writer, attempt)
                has_worked = True
                break
        assert has_worked, f"it did not work although there was room, after operation {operation}"
        has_struck = pen.has_struck()
        writer.close()
    assert operation > 40


def careless(pen, folder, kind):
    """As `alone`, by one who gives files their names before they are flushed."""

    def put_all(files):
        made = [(aside.name_aside(path), path, content) for path, content in files]
        for beside, path, content in made:
            aside._write(beside, content)
            beside.replace(path)
        for _, path, _ in made:
            aside._flush(path)

    aside.put_all = put_all
    alone(pen, folder, kind)


def _work(writer, run):
    writer.store("a-8", "a-9", "a-1")
    writer.append(run, 2)


# --- what they were promised ---


class Promise(NamedTuple):
    """An entry: whether it must be there, which of its versions it may be, and which there ever were."""

    must: bool = False
    allowed: frozenset = frozenset()
    ever: frozenset = frozenset()


class Promises:
    """What was acknowledged to those who wrote to one home, as far as the marks have been read."""

    def __init__(self):
        self.entries = {}
        self.runs = {}
        self.removing = 0

    def hear(self, verb, names, what):
        self.removing += {"begin remove": 1, "end remove": -1}.get(verb, 0)
        for name in names:
            promise = self.entries.get(name, Promise())
            if verb == "begin store":
                self.entries[name] = promise._replace(allowed=promise.allowed | {what}, ever=promise.ever | {what})
            elif verb == "end store":
                self.entries[name] = promise._replace(must=True, allowed=frozenset([what]))
            elif verb == "begin remove":
                self.entries[name] = promise._replace(must=False)
            elif verb == "end remove":
                self.entries[name] = promise._replace(allowed=frozenset())
            elif verb == "begin append":
                self.runs[name] = (self.runs.get(name, (0, 0))[0], what)
            else:
                self.runs[name] = (what, what)

    def due(self):
        """How many entries, and how many events, must be there."""
        return sum(promise.must for promise in self.entries.values()), sum(length for length, _ in self.runs.values())


#: The worst that can be said of an entry.
NEVER_STORED = "what nobody stored"


class Looked(NamedTuple):
    """What was found after a loss: of how much that was acknowledged, what is lost, and what else is wrong."""

    entries: int
    events: int
    lost: list
    wrong: list


def look(home, promises, kind):
    """Opens what is left, and compares it with what was promised; then goes on with it."""
    lost, wrong = [], []
    for what in (_look_at_cache, _look_at_ledger) if kind in {"home", "joined"} else (_look_at_cache,):
        try:
            what(home, promises, lost, wrong, kind)
        except Exception as error:
            wrong.append(f"{what.__name__}: {type(error).__name__}: {error}")
    return Looked(*promises.due(), lost, wrong)


def _look_at_cache(home, promises, lost, wrong, kind):
    with contextlib.closing(CACHES[kind](home)) as cache:
        keys = {name: made(name).key for name in promises.entries}
        found = cache.find(list(keys.values()))
        for name, (must, allowed, ever) in promises.entries.items():
            got = found.get(keys[name])
            contents = got and _contents(cache, got)
            if contents is None:
                lost += [name] * must
            elif not _is_one_of(contents, name, allowed):
                wrong.append(f"{name} is {'an old one' if _is_one_of(contents, name, ever) else NEVER_STORED}")
        if not promises.removing:  # meanwhile, a recipe may be taken for one that no entry names any more
            recipes = {made(name).recipe for name, promise in promises.entries.items() if promise.must}
            lost += [f"recipe {recipe.hex()}" for recipe in recipes - cache.recipes(recipes)]
        wrong += [f"damage is told: {note}" for note in cache.damage()]
        cache.store([made("after-9")])
        if _contents(cache, cache.find([made("after-9").key])[made("after-9").key]) is None:
            wrong.append("the cache cannot be used any more")


def _is_one_of(contents, name, versions):
    return any(contents == [output.content for output in made(name, version).outputs] for version in versions)


def _contents(cache, found):
    try:
        return [cache.load(output, found.key) for output in found.outputs]
    except DamagedEntryError:
        return None


def _look_at_ledger(home, promises, lost, wrong, kind):
    with contextlib.closing(SqliteLedger(home / "ledger.db")) as ledger:
        for run, (length, begun) in promises.runs.items():
            events = list(ledger.events(run))
            if len(events) < length:
                lost += [f"{run}, event {at}" for at in range(len(events), length)]
            elif len(events) not in {length, begun}:
                wrong.append(f"{run} has {len(events)} events, neither {length} nor {begun}")
            if events != [event(run, at) for at in range(len(events))]:
                wrong.append(f"{run}: its events are not what was appended, or in another order")
        ledger.runs()
        ledger.append("after", [event("after", 0)])
        if list(ledger.events("after")) != [event("after", 0)]:
            wrong.append("the ledger cannot be used any more")


# --- tests ---


class Recording(NamedTuple):
    """A folder as its writers left it, and how they came there."""

    folder: Path
    records: list
    kind: str

    def losses(self, moments, **options):
        """Stops after each of these records: its number, the disk, and the promises by home."""
        disk, promises, moments = Disk(self.folder, **options), {}, set(moments)
        for number, record in enumerate(self.records, 1):
            disk.do(record)
            if record.kind == "M":
                home, *words = json.loads(record.first)
                promises.setdefault(home, Promises()).hear(*words)
            if number in moments:
                yield number, disk, promises

    def moments(self, rng, count):
        """Spread over the recording; some right after an acknowledgement, some right before a flush."""
        last = len(self.records)
        for part in range(count):
            moment = rng.randint(last * part // count + 1, last * (part + 1) // count)
            wanted = rng.choice((None, None, "M", "F"))
            while wanted and moment < last and self.records[moment - (wanted == "M")].kind != wanted:
                moment += 1
            yield moment

    def before(self, number):
        """The last records before a loss, in words."""
        return "\n  ".join(told(record) for record in self.records[max(0, number - 12) : number])


PROGRAMS = {
    "alone": [("alone",)],
    "together": [("together", "one"), ("together", "two")],
    "killed": [("killed",)],
    "full": [("refused", str(errno.ENOSPC))],
    "failing": [("refused", str(errno.EIO))],
    "careless": [("careless",)],
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Makes each recording when it is first wanted."""
    recorder = Recorder(tmp_path_factory.mktemp("power"))

    @functools.cache
    def recording(kind, name):
        programs = [[sys.executable, "-m", __name__, program, kind, *words] for program, *words in PROGRAMS[name]]
        return Recording(*recorder.record(f"{kind}-{name}", *programs), kind)

    return recording


@pytest.fixture
def rest():
    """Names for what is left after a loss; in memory where there is a place for that, since it is much and read once."""
    shared = Path("/dev/shm")
    place = Path(tempfile.mkdtemp(prefix="power-loss-", dir=shared if os.access(shared, os.W_OK) else None))
    yield place / "home"
    shutil.rmtree(place)


@contextlib.contextmanager
def left_by(disk, rng, target, home):
    """What is left of a home."""
    disk.loss(rng, target, home)
    try:
        yield target
    finally:
        shutil.rmtree(target)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("kind", CACHES)
def test_the_recording_is_complete(recordings, rest, kind, name):
    """Byte by byte: what was recorded makes the folder that is there."""
    recording = recordings(kind, name)
    ((_, disk, _),) = recording.losses([len(recording.records)])
    disk.everything(rest)
    there, again = ({file.relative_to(top) for top in (top,) for file in top.rglob("*")} for top in (recording.folder, rest))
    assert {file for file in there ^ again if not file.name.endswith("-shm")} == set()
    files = [str(file) for file in again if (rest / file).is_file()]
    assert filecmp.cmpfiles(recording.folder, rest, files, shallow=False)[1:] == ([], [])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["alone", "together"])
@pytest.mark.parametrize("kind", CACHES)
def test_what_was_acknowledged_survives_a_loss_of_power(recordings, rest, kind, name, seed):
    recording, rng, entries, events = recordings(kind, name), random.Random(f"{name} {seed}"), 0, 0
    for number, disk, promises in recording.losses(recording.moments(rng, EACH)):
        with left_by(disk, rng, rest, "home") as home:
            looked = look(home, promises.get("home", Promises()), kind)
        assert looked.lost == looked.wrong == [], (
            f"{kind}, {name}, seed {seed}, power lost after record {number}: {looked.lost} {looked.wrong}\n  "
            f"{recording.before(number)}"
        )
        entries += looked.entries
        events += looked.events
    print(f"{EACH} losses of power: {entries} acknowledged entries and {events} events are there")
    assert entries > 5_000  # 60,000 in 12 tests


@pytest.mark.parametrize("name", ["killed", "full", "failing"])
@pytest.mark.parametrize("kind", CACHES)
def test_what_was_acknowledged_after_something_went_wrong_survives_a_loss_of_power(recordings, rest, kind, name):
    """What an interrupted writer left behind is no reason to be careless with it."""
    recording, rng, faults = recordings(kind, name), random.Random(name), {}
    entries = 0
    moments = [number for number, record in enumerate(recording.records, 1) if record.kind == "M" and b'"end ' in record.first]
    for number, disk, promises in recording.losses(moments):
        where = json.loads(recording.records[number - 1].first)[0]
        for _ in range(2):
            with left_by(disk, rng, rest, where) as home:
                looked = look(home, promises[where], kind)
            entries += looked.entries
            if looked.lost or looked.wrong:
                faults[where] = f"power lost after record {number}: {looked.lost} {looked.wrong}"
    print(f"{2 * len(moments)} losses of power: {entries} acknowledged entries; lost some after {len(faults)} operations")
    assert not faults, "\n".join(f"operation {where} went wrong, {fault}" for where, fault in faults.items())


def is_log(path, is_folder):
    return path.endswith("-wal")


def is_database(path, is_folder):
    return path.endswith(".db")


def is_content(path, is_folder):
    return "/objects/" in path and not is_folder


def is_folder_of_contents(path, is_folder):
    return "/objects" in path and is_folder


def is_entry(path, is_folder):
    return "/entries/" in path and not is_folder


def is_folder_of_entries(path, is_folder):
    return "/entries" in path and is_folder


def is_folder_of_recipes(path, is_folder):
    return "/recipes" in path and is_folder


def is_any(path, is_folder):
    return True


UNFLUSHED = {
    "home": [is_any, is_log, is_database, is_content, is_folder_of_contents],
    "joined": [is_any, is_log, is_database, is_content],
    "sqlite": [is_any, is_log, is_database],
    "shared": [is_any, is_entry, is_folder_of_entries, is_content, is_folder_of_contents, is_folder_of_recipes],
}


@pytest.mark.parametrize(("kind", "ignored"), [(kind, ignored) for kind, several in UNFLUSHED.items() for ignored in several])
def test_on_a_disk_that_ignores_flushes_something_is_lost(recordings, rest, kind, ignored):
    """The tests above can fail, for each kind of flush. Even so, no cache gives a wrong value."""
    recording, rng, lost, wrong = recordings(kind, "alone"), random.Random(5), 0, []
    moments = recording.moments(rng, 2 * EACH)
    for _, disk, promises in recording.losses(moments, honours=lambda path, is_folder: not ignored(path, is_folder)):
        with left_by(disk, rng, rest, "home") as home:
            looked = look(home, promises.get("home", Promises()), kind)
        lost += len(looked.lost)
        wrong += looked.wrong
    print(f"{2 * EACH} losses of power without {ignored.__name__}: {lost} lost; {len(wrong)} other findings")
    assert lost
    assert not [fault for fault in wrong if NEVER_STORED in fault]


def test_of_files_that_have_their_names_before_they_are_flushed_some_are_lost(recordings, rest):
    """Also those that were acknowledged long ago: an entry is lost to one that was about to take its place."""
    recording, rng, lost, wrong = recordings("shared", "careless"), random.Random(5), 0, []
    named, moments = set(), []
    for number, record in enumerate(recording.records, 1):
        if record.kind == "R" and record.second in named:
            moments.append(number)
        named.add(record.second)
    for _, disk, promises in recording.losses(rng.sample(moments, 4 * EACH)):
        with left_by(disk, rng, rest, "home") as home:
            looked = look(home, promises.get("home", Promises()), "shared")
        lost += len(looked.lost)
        wrong += looked.wrong
    print(f"{4 * EACH} losses of power: {lost} lost; {len(wrong)} other findings")
    assert lost
    assert not [fault for fault in wrong if NEVER_STORED in fault]


if __name__ == "__main__":
    program, kind, *words, top = sys.argv[1:]
    programs = {"alone": alone, "together": together, "killed": killed, "refused": refused, "careless": careless}
    programs[program](Pen(), Path(top), kind, *words)
