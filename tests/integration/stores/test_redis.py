"""A cache in a real Redis server: its promises, and what happens when the server dies, is full, or refuses."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import traceback

import pytest

from weftline.codec import Pieces
from weftline.errors import BadCacheUrlError, StoreRefusedError, StoreUnreachableError, StoreUnusableError
from weftline.store.leases import BlobLeases
from weftline.store.shared import SharedCache
from weftline.testing import BlobsContract, CacheContract, LeasesContract

opened = pytest.importorskip("weftline.ext.redis").opened
ext = sys.modules["weftline.ext.redis"]
pytestmark = pytest.mark.xdist_group("redis")
SECRET = "hush-hush"


class _Here:
    @pytest.fixture(autouse=True)
    def _in_redis(self, redis_server, name_of):
        self._server, self._name_of = redis_server, name_of

    def _blobs(self, place):
        return opened(self._server.url(self._name_of(place)))


class TestBlobs(_Here, BlobsContract):
    def blobs(self, place):
        return self._blobs(place)


class TestLeases(_Here, LeasesContract):
    def leases(self, place):
        return BlobLeases(self._blobs(place))


class TestCache(_Here, CacheContract):
    def cache(self, place):
        return SharedCache(self._blobs(place))

    def reopened(self, place):
        return self.cache(place)

    def altered(self, value):
        """One bit near the end, where contents lie."""
        return value[:-3] + bytes([value[-3] ^ 1]) + value[-2:]

    def spoil(self, cache, place, entry):
        with contextlib.closing(self._server.client()) as client:
            names = [("objects", entry.outputs[0].object.hex()), ("entries", entry.key.hex())]
            keys = [f"{self._name_of(place)}/{kind}/{text[:2]}/{text[2:]}" for kind, text in names]
            key = next(key for key in keys if client.exists(key))
            client.set(key, self.altered(client.get(key)))
        return True


class TestCacheTruncated(TestCache):
    def altered(self, value):
        return value[:-1]


class TestCacheOverwritten(TestCache):
    def altered(self, value):
        """By somebody who uses the same names."""
        return b"not ours"


@pytest.fixture
def blobs(redis_server, unique):
    with contextlib.closing(opened(redis_server.url(unique))) as found:
        yield found


def parts(server, unique):
    with contextlib.closing(server.client()) as client:
        return {key: client.ttl(key) for key in client.keys(f"{unique}:parts:*")}


# --- large contents ---


def test_large_contents_lie_in_parts_and_leave_none_behind(blobs, redis_server, unique, monkeypatch):
    monkeypatch.setattr(ext, "_PART_BYTES", 1 << 20)
    half = os.urandom(1_500_001)
    blobs.write([("objects/a", Pieces(half, memoryview(half))), ("objects/b", half)])
    assert sorted(parts(redis_server, unique).values()) == [-1] * 5, "some expire, or there are others"
    assert bytes(blobs.read(["objects/a"])["objects/a"]) == half + half
    assert {blob.name: blob.size for blob in blobs.list("")} == {"objects/a": 3_000_002, "objects/b": 1_500_001}
    blobs.keep([("objects/a", Pieces(half, half))])
    assert len(parts(redis_server, unique)) == 5, "it was written again"
    blobs.write([("objects/a", b"small")])
    blobs.remove(["objects/b"])
    assert parts(redis_server, unique) == {}
    assert dict(blobs.read(["objects/a", "objects/b"])) == {"objects/a": b"small"}


def test_the_parts_of_a_writer_that_died_expire(blobs, redis_server, unique):
    blobs._apart(b"x" * 2_000_000)
    assert all(0 < seconds <= 3600 for seconds in parts(redis_server, unique).values())
    assert parts(redis_server, unique)


def test_a_large_content_that_lost_a_part_is_not_there_and_can_be_kept_again(blobs, redis_server, unique):
    content = os.urandom(2_000_000)
    blobs.write([("objects/a", content)])
    with contextlib.closing(redis_server.client()) as client:
        client.delete(*parts(redis_server, unique))
    assert not blobs.read(["objects/a"])
    blobs.keep([("objects/a", content)])
    assert bytes(blobs.read(["objects/a"])["objects/a"]) == content


def test_ages_are_by_the_servers_clock_and_what_is_kept_is_new(blobs, redis_server, unique):
    blobs.write([("objects/a", b"content")])
    with contextlib.closing(redis_server.client()) as client:
        seconds, micros = client.time()
        client.setrange(f"{unique}/objects/a", 0, b"%013d" % (seconds * 1000 + micros // 1000 - 7_200_000))
    (old,) = blobs.list("objects/")
    assert 7_200 <= old.age_s < 7_260
    blobs.read(["objects/a"])
    assert next(iter(blobs.list("objects/"))).age_s >= 7_200, "reading made it young"
    blobs.keep([("objects/a", b"content")])
    assert next(iter(blobs.list("objects/"))).age_s < 60


def test_signs_that_mean_something_to_the_server_are_names_like_others(redis_server, unique):
    with (
        contextlib.closing(opened(redis_server.url(f"{unique}-%5Bab%5D*%3F"))) as odd,
        contextlib.closing(opened(redis_server.url(f"{unique}-axx"))) as other,
    ):
        odd.write([("a/1", b"x")])
        other.write([("a/2", b"y")])
        assert [blob.name for blob in odd.list("")] == ["a/1"]
        assert [blob.name for blob in other.list("")] == ["a/2"]


# --- processes and threads ---


def test_a_forked_child_makes_its_own_connections(blobs):
    blobs.write([("a", b"parent")])
    child = os.fork()
    if not child:
        try:
            is_sound = all(blobs.read(["a"])["a"] == b"parent" for _ in range(100))
            blobs.write([("b", b"child")])
            os._exit(0 if is_sound else 1)
        except BaseException:
            os._exit(2)
    assert all(blobs.read(["a"])["a"] == b"parent" for _ in range(200))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert blobs.read(["b"])["b"] == b"child"


def test_threads_share_it(blobs):
    wrong = []

    def work(number):
        for turn in range(50):
            content = f"{number} {turn}".encode()
            blobs.write([(f"a/{number}", content)])
            if blobs.read([f"a/{number}"])[f"a/{number}"] != content:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(list(blobs.list("a/"))) == 8


# --- a server that is not there ---


def test_what_was_acknowledged_survives_a_server_that_is_killed(redis_with):
    server = redis_with()
    acknowledged, errors = [], []
    is_enough = threading.Event()

    def write():
        with contextlib.closing(opened(server.url("kept"))) as blobs:
            try:
                for number in range(3000):
                    blobs.write([(f"a/{number}", b"%d" % number)])
                    acknowledged.append(number)
                    if is_enough.is_set():
                        return
            except StoreUnusableError as error:
                errors.append(error)

    writing = threading.Thread(target=write)
    writing.start()
    for _ in range(3):
        before = len(acknowledged)
        until = time.monotonic() + 20
        while len(acknowledged) < before + 100 and time.monotonic() < until:
            time.sleep(0.005)
        server.kill()
        counted = list(acknowledged)
        server.start()
        with contextlib.closing(opened(server.url("kept"))) as blobs:
            assert set(blobs.sizes([f"a/{number}" for number in counted])) == {f"a/{number}" for number in counted}
    is_enough.set()
    writing.join(30)
    assert errors == [], "a short absence was not waited for"
    assert len(acknowledged) >= 300


def test_a_swap_whose_answer_gets_lost_is_known_to_have_happened(redis_server, proxied, unique):
    proxy = proxied(redis_server)
    with contextlib.closing(opened(redis_server.url(unique, port=proxy.port))) as blobs:
        assert blobs.swap([("leases/a", None, b"one 1"), ("leases/b", None, b"one 2")]) == {"leases/a", "leases/b"}
        proxy.loses = True
        assert blobs.swap([("leases/a", b"one 1", b"one 3")]) == {"leases/a"}
        proxy.loses = True
        assert blobs.swap([("leases/b", b"other", b"one 4")]) == set()
        assert proxy.lost == 2
        assert dict(blobs.read(["leases/a", "leases/b"])) == {"leases/a": b"one 3", "leases/b": b"one 2"}


def test_a_large_write_whose_answer_gets_lost_is_whole(redis_server, proxied, unique):
    proxy = proxied(redis_server)
    content = os.urandom(2_000_000)
    with contextlib.closing(opened(redis_server.url(unique, port=proxy.port))) as blobs:
        stands_for_it = blobs._apart(content)
        blobs._put(["warm"], [b"="])
        proxy.loses = True
        blobs._put(["objects/a"], [stands_for_it])
        assert proxy.lost == 1
        assert bytes(blobs.read(["objects/a"])["objects/a"]) == content


def test_a_server_that_is_not_there_is_a_clear_error_within_seconds(redis_with):
    server = redis_with()
    server.kill()
    with contextlib.closing(opened(server.url("x"))) as blobs:
        began = time.monotonic()
        with pytest.raises(StoreUnreachableError) as caught:
            blobs.read(["a"])
    assert time.monotonic() - began < 15
    assert caught.value.transient
    assert f"redis://127.0.0.1:{server.port}/0/x" in str(caught.value)
    assert "refused" in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_server_that_does_not_answer_is_not_waited_for_for_ever(redis_with, monkeypatch):
    monkeypatch.setattr(ext, "_ANSWER_S", 0.3)
    monkeypatch.setattr(ext, "_PATIENCE_S", 0.5)
    server = redis_with()
    with contextlib.closing(opened(server.url("x"))) as blobs:
        blobs.write([("a", b"1")])
        server.send(signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnreachableError, match="imeout"):
                blobs.read(["a"])
        finally:
            server.send(signal.SIGCONT)
        assert blobs.read(["a"]) == {"a": b"1"}


# --- a server that refuses ---


def test_a_wrong_password_is_told_without_telling_it(redis_server):
    with contextlib.closing(opened(redis_server.url("x", password="wr%40ng"))) as blobs:
        with pytest.raises(StoreRefusedError, match="password") as caught:
            blobs.read(["a"])
        assert not caught.value.transient
        assert "wr@ng" not in "".join(traceback.format_exception(caught.value))


def test_a_full_server_loses_nothing_and_says_what_to_do(redis_with):
    server = redis_with("--maxmemory", "3mb", "--maxmemory-policy", "noeviction")
    written = []
    with contextlib.closing(opened(server.url("x"))) as blobs:

        def fill():
            for number in range(100):
                blobs.write([(f"a/{number}", b"x" * 50_000)])
                written.append(f"a/{number}")

        with pytest.raises(StoreRefusedError, match="memory is full") as caught:
            fill()
        assert "maxmemory" in caught.value.fix
        with pytest.raises(StoreRefusedError, match="memory is full"):
            blobs.write([("a/0", b"y" * 60_000)])
        assert set(blobs.read(written)) == set(written), "something was lost"
        blobs.remove(written)
        blobs.write([("b", b"x" * 50_000)])
        assert blobs.swap([("leases/a", None, b"one")]) == {"leases/a"}


def test_a_replica_is_read_and_refuses_to_be_written(redis_with):
    first = redis_with("--repl-diskless-sync-delay", "0")
    second = redis_with("--replicaof", "127.0.0.1", str(first.port), "--masterauth", SECRET, "--repl-diskless-sync-delay", "0")
    with (
        contextlib.closing(opened(first.url("x"))) as blobs,
        contextlib.closing(opened(second.url("x"))) as copies,
    ):
        blobs.write([("a", b"1")])
        until = time.monotonic() + 20
        while not copies.read(["a"]) and time.monotonic() < until:
            time.sleep(0.05)
        assert dict(copies.read(["a"])) == {"a": b"1"}
        assert [blob.name for blob in copies.list("")] == ["a"]
        for change in (
            lambda: copies.write([("b", b"2")]),
            lambda: copies.keep([("a", b"1")]),
            lambda: copies.remove(["a"]),
            lambda: copies.swap([("leases/a", None, b"one")]),
        ):
            with pytest.raises(StoreRefusedError, match="replica"):
                change()


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis:///0",
        "redis://:hush-hush@host/team",
        "redis://:hush-hush@host:port/0",
        "redis://:hush#hush@host/0",
        "redis://:hush/hush@host/0",
        "redis://:hush-hush@[::1/0",
    ],
)
def test_an_address_that_cannot_be_is_refused_without_telling_the_password(url):
    with pytest.raises(BadCacheUrlError) as caught:
        opened(url)
    assert "hush" not in "".join(traceback.format_exception(caught.value)).replace(__file__, "")


# --- whole runs ---

FLOW = """
from weftline import Pipeline, node

@node
def rows() -> list[int]:
    print("rows ran")
    return [1, 2, 3]

@node
def large(rows: list[int]) -> bytes:
    if {waits}:
        import pathlib, time
        pathlib.Path("is-running").touch()
        while not pathlib.Path("go-on").exists():
            time.sleep(0.01)
    return b"x" * 3_000_000

pipeline = Pipeline([rows, large])
"""


def weftline(folder, *words, cache):
    environment = {**os.environ, "WEFTLINE_CACHE": cache, "WEFTLINE_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "weftline", *words]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_run_whose_cache_is_not_there_fails_before_anything_runs(redis_with, tmp_path):
    server = redis_with()
    server.kill()
    (tmp_path / "flow.py").write_text(FLOW.format(waits=False))
    run = weftline(tmp_path, "run", "flow.py", cache=server.url("x"))
    told = run.communicate(timeout=60)[0]
    assert run.returncode == 4, told
    assert "K414" in told
    assert SECRET not in told
    assert "started" not in told
    server.start()
    run = weftline(tmp_path, "run", "flow.py", cache=server.url("x", password="wrong"))
    told = run.communicate(timeout=60)[0]
    assert (run.returncode, "K415" in told, "wrong@" in told) == (4, True, False), told


def test_a_run_whose_cache_goes_away_says_so_and_goes_on_later(redis_with, tmp_path):
    server = redis_with()
    (tmp_path / "flow.py").write_text(FLOW.format(waits=True))
    run = weftline(tmp_path, "run", "flow.py", cache=server.url("x"))
    until = time.monotonic() + 30
    while not (tmp_path / "is-running").exists():
        assert time.monotonic() < until, run.communicate(timeout=5)
        time.sleep(0.01)
    server.kill()
    (tmp_path / "go-on").touch()
    told = run.communicate(timeout=120)[0]
    assert run.returncode in {1, 4}, told
    assert "K414" in told
    assert "Traceback" not in told
    assert SECRET not in told
    server.start()
    run = weftline(tmp_path, "resume", cache=server.url("x"))
    told = run.communicate(timeout=60)[0]
    assert run.returncode == 0, told
    assert "1 ran, 1 cached" in told
    run = weftline(tmp_path, "run", "flow.py", cache=server.url("x"))
    assert "2 cached" in run.communicate(timeout=60)[0]
