"""A cache in a real S3 server: its promises, and what happens when the server is not there, refuses, or ignores conditions."""

import contextlib
import hashlib
import multiprocessing
import os
import socket
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from weftline.codec import Pieces
from weftline.errors import BadCacheUrlError, StoreRefusedError, StoreUnreachableError
from weftline.store import leases
from weftline.store.leases import BlobLeases
from weftline.store.shared import SharedCache
from weftline.testing import BlobsContract, CacheContract, LeasesContract

opened = pytest.importorskip("weftline.ext.objectstore").opened
ext = sys.modules["weftline.ext.objectstore"]
obstore = pytest.importorskip("obstore")
pytestmark = pytest.mark.xdist_group("s3")
SECRET = "hush-hush"


class _Here:
    @pytest.fixture(autouse=True)
    def _in_s3(self, s3, name_of):
        self._server, self._name_of = s3, name_of

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

    def altered(self, content):
        """One bit near the end, where contents lie."""
        return content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]

    def spoil(self, cache, place, entry):
        store = self._server.store(self._name_of(place))
        names = [("objects", entry.outputs[0].object.hex()), ("entries", entry.key.hex())]
        for name in [f"{kind}/{text[:2]}/{text[2:]}" for kind, text in names]:
            with contextlib.suppress(FileNotFoundError):
                obstore.put(store, name, self.altered(obstore.get(store, name).bytes().to_bytes()))
                return True
        raise AssertionError("it is not there")


@pytest.fixture
def blobs(s3, unique):
    with contextlib.closing(opened(s3.url(unique))) as found:
        yield found


# --- contents and ages ---


def test_large_contents_go_in_parts_and_come_in_ranges(blobs, s3, unique):
    part = os.urandom(7 << 20)
    content = part * 3 + b"the end"
    blobs.write([("objects/a", Pieces(part, memoryview(part), part, b"the end")), ("objects/b", content)])
    assert "-" in obstore.head(s3.store(unique), "objects/a")["e_tag"], "it was written in one go"
    found = blobs.read(["objects/a", "objects/b", "objects/c"])
    wanted = hashlib.sha256(content).digest()
    assert {name: hashlib.sha256(one).digest() for name, one in found.items()} == dict.fromkeys(
        ["objects/a", "objects/b"], wanted
    )
    assert all(isinstance(one, memoryview) and one.readonly for one in found.values())


def test_a_large_content_that_is_replaced_while_it_is_read_is_whole_or_nothing(blobs, s3, unique):
    first, second = os.urandom(9 << 20), os.urandom(9 << 20)
    blobs.write([("objects/a", first)])
    meta = blobs._bucket.head("objects/a")
    blobs.write([("objects/a", second)])
    assert blobs._in_ranges("objects/a", meta) is None
    assert blobs.read(["objects/a"])["objects/a"] == second


def test_what_is_kept_is_written_again_only_when_it_is_old(blobs, s3, unique, monkeypatch):
    def tag():
        return obstore.head(s3.store(unique), "objects/a")["last_modified"]

    blobs.keep([("objects/a", b"content")])
    written = tag()
    time.sleep(1.1)  # the times of objects are in seconds
    blobs.keep([("objects/a", b"content")])
    assert tag() == written
    monkeypatch.setattr(ext, "_YOUNG_S", 0.5)
    blobs.keep([("objects/a", b"content")])
    assert tag() > written


def test_ages_are_by_the_clock_of_the_store(blobs, monkeypatch):
    blobs.write([("objects/a", b"content")])
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    assert [0 <= blob.age_s < 60 for blob in blobs.list("")] == [True]


# --- leases ---


def test_a_lease_that_was_given_back_leaves_nothing_after_a_sweep(blobs):
    back, dead = "leases/aa/bb", "leases/aa/cc"
    assert blobs.swap([(back, None, b"one 1"), (dead, None, b"one 2")]) == {back, dead}
    assert blobs.swap([(back, b"one 1", None)]) == {back}
    assert blobs.read([back]) == {back: b""}
    leases.sweep(blobs, old_s=-60.0)  # takes the empty one away, and empties that of the dead
    assert [(blob.name, blob.size) for blob in blobs.list("")] == [(dead, 0)]
    leases.sweep(blobs, old_s=-60.0)
    assert list(blobs.list("")) == []


def test_a_swap_whose_answer_gets_lost_is_known_to_have_happened(s3, proxied, unique, monkeypatch):
    proxy = proxied(s3)
    for name, value in s3.environment_at(proxy.port).items():
        monkeypatch.setenv(name, value)
    with contextlib.closing(opened(s3.url(unique))) as blobs:
        assert blobs.swap([("leases/a", None, b"one 1")]) == {"leases/a"}
        for change, expected in (
            (("leases/b", None, b"one 2"), {"leases/b"}),  # its first request is the put
            (("leases/b", None, b"one 3"), set()),
            (("leases/a", b"one 1", b"one 4"), {"leases/a"}),
        ):
            proxy.loses = True
            assert blobs.swap([change]) == expected
        assert proxy.lost == 3
        assert dict(blobs.read(["leases/a", "leases/b"])) == {"leases/a": b"one 4", "leases/b": b"one 2"}


class Ignores(BaseHTTPRequestHandler):
    """Keeps objects as such a server does, and ignores conditions: some or all."""

    protocol_version = "HTTP/1.1"
    ignored = ("If-None-Match", "If-Match")
    objects: dict[str, bytes]

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        before = self.objects.get(self.path)
        wanted = {name: self.headers[name] for name in ("If-None-Match", "If-Match") if name not in self.ignored}
        if (wanted.get("If-None-Match") and before is not None) or wanted.get("If-Match") not in {None, self.tag(before)}:
            self.answer(412)
            return
        self.objects[self.path] = content
        self.answer(200, content)

    def do_GET(self):
        content = self.objects.get(self.path)
        self.answer(404 if content is None else 200, content, sends=True)

    do_HEAD = do_GET

    def do_POST(self):  # removing many
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, b"<DeleteResult/>", sends=True)

    def tag(self, content):
        return None if content is None else f'"{hashlib.md5(content).hexdigest()}"'

    def answer(self, status, content=None, *, sends=False):
        self.send_response(status)
        if content is not None:
            self.send_header("ETag", self.tag(content))
            self.send_header("Last-Modified", self.date_time_string())
        body = content if sends and content is not None else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *words):
        pass


@pytest.mark.parametrize("ignored", [("If-None-Match", "If-Match"), ("If-None-Match",), ("If-Match",), ()])
def test_a_server_that_ignores_conditions_is_refused_before_two_hold_one_lease(ignored, monkeypatch):
    handler = type("Handler", (Ignores,), {"ignored": ignored, "objects": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
        blobs = opened("s3://some/where")
        if ignored:
            with pytest.raises(StoreRefusedError, match="conditions on a put"):
                blobs.swap([("leases/a", None, b"one")])
            assert not any("leases" in name for name in handler.objects)
        else:
            assert blobs.swap([("leases/a", None, b"one")]) == {"leases/a"}
        server.shutdown()


# --- a server that is not there, or refuses ---


def told(error):
    return "".join(traceback.format_exception(error)).replace(__file__, "")


def test_a_server_that_is_not_there_is_a_clear_error_within_seconds(s3, monkeypatch):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    began = time.monotonic()
    with pytest.raises(StoreUnreachableError, match=r"s3://weftline/x.*refused") as caught:
        opened(s3.url("x")).read(["a"])
    assert time.monotonic() - began < 20
    assert caught.value.transient


def test_a_server_that_does_not_answer_is_not_waited_for_for_ever(s3, monkeypatch):
    monkeypatch.setattr(ext, "_TIMES", {"timeout": "1s", "connect_timeout": "1s"})
    monkeypatch.setattr(ext, "_PATIENCE_S", 1.0)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(StoreUnreachableError, match="timed out"):
            opened(s3.url("x")).read(["a"])
        assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wr0ng-secret", "403 Forbidden, SignatureDoesNotMatch"),
        ("AWS_ACCESS_KEY_ID", "wr0ng-secret", "403 Forbidden, InvalidAccessKeyId"),
    ],
)
def test_wrong_credentials_are_told_without_telling_them(s3, monkeypatch, name, value, detail):
    monkeypatch.setenv(name, value)
    blobs = opened(s3.url("x"))
    for question in (
        lambda: blobs.read(["a"]),
        lambda: blobs.write([("a", b"1")]),
        lambda: blobs.swap([("a", None, b"1")]),
        lambda: list(blobs.list("")),
    ):
        with pytest.raises(StoreRefusedError, match=detail) as caught:
            question()
        assert "AWS_SECRET_ACCESS_KEY" in caught.value.fix
        assert SECRET not in told(caught.value)
        assert "wr0ng" not in told(caught.value)


def test_a_bucket_that_is_not_there_is_no_empty_cache(s3):
    with pytest.raises(StoreRefusedError, match=r"s3://elsewhere/x.*NoSuchBucket"):
        opened("s3://elsewhere/x").read(["a"])


def test_an_unprotected_address_has_to_be_allowed(s3, monkeypatch):
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    with pytest.raises(StoreRefusedError) as caught:
        opened(s3.url("x")).read(["a"])
    assert "AWS_ALLOW_HTTP" in caught.value.fix


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///x", "s3://key:hush-hush@bucket/x", "s3://bucket:80/x", "gs://a//b//c", "az://#x"]
)
def test_an_address_that_cannot_be_is_refused(url):
    with pytest.raises(BadCacheUrlError) as caught:
        opened(url)
    assert "hush" not in told(caught.value)


def test_what_the_environment_says_of_azure_is_needed(monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(StoreRefusedError, match="Account must be specified"):
        opened("az://container/x")


def test_a_forked_child_is_refused_and_does_not_hang(blobs):
    blobs.write([("a", b"1")])
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            blobs.read(["a"])
        except BaseException as error:
            os.write(tell, f"{type(error).__name__} {error}".encode())
        os._exit(0)
    os.close(tell)
    with os.fdopen(told) as pipe:
        assert "forked" in pipe.read()
    os.waitpid(child, 0)
    assert blobs.read(["a"]) == {"a": b"1"}


def _reads(url, queue):
    queue.put(dict(opened(url).read(["a"])))


def test_a_spawned_child_has_a_client_of_its_own(blobs, s3, unique):
    blobs.write([("a", b"1")])
    spawning = multiprocessing.get_context("spawn")
    queue = spawning.SimpleQueue()
    child = spawning.Process(target=_reads, args=(s3.url(unique), queue))
    child.start()
    child.join(60)
    assert queue.get() == {"a": b"1"}
